//! Chooses the eBPF object that goes into the tool, and leaves it at `OUT_DIR/exitpath.bpf.o`.
//!
//! The first that applies:
//! 1. `EXITPATH_BPF=/path/to/object`: whatever the caller built;
//! 2. the committed object, when its manifest's digest is that of the sources: building from source would give
//!    the same bytes (`cargo xtask ebpf --check` proves it), only a minute later, and needs no eBPF toolchain;
//! 3. the eBPF toolchain, when `cargo xtask setup` installed it: the sources changed, so build them;
//! 4. an empty stub: all that needs no kernel builds and passes, and the tool names the remedy.
//!
//! The tool reads which one it was in `EXITPATH_BPF_SOURCE` (`env`, `prebuilt`, `source`, `stub`) and the
//! object's digest in `EXITPATH_BPF_SHA256`.

#[path = "build/cache.rs"]
mod cache;
#[path = "build/ebpf.rs"]
mod ebpf;
#[path = "build/manifest.rs"]
mod manifest;
#[path = "build/strip.rs"]
mod strip;

use anyhow::{Context as _, Result, ensure};
use manifest::Manifest;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

const OVERRIDE: &str = "EXITPATH_BPF";

fn main() -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set: cargo runs this")?);
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("CARGO_MANIFEST_DIR is not set")?);
    let root = here.parent().context("the package has no workspace")?;
    watch(root);

    let (source, object) = choose(root, &out)?;
    let sha256 = manifest::sha256(&object);
    let path = out.join(manifest::OBJECT);
    fs::write(&path, &object).with_context(|| format!("cannot write {}", path.display()))?;
    println!("exitpath: eBPF object: {source}, {} bytes, sha256 {sha256}", object.len());
    println!("cargo::rustc-env=EXITPATH_BPF_SOURCE={source}");
    println!("cargo::rustc-env=EXITPATH_BPF_SHA256={sha256}");
    Ok(())
}

fn choose(root: &Path, out: &Path) -> Result<(&'static str, Vec<u8>)> {
    if let Some(path) = env::var_os(OVERRIDE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        println!("cargo::rerun-if-changed={}", path.display());
        let object = fs::read(&path).with_context(|| {
            format!("cannot read {OVERRIDE}={}: name an object or unset it", path.display())
        })?;
        return Ok(("env", object));
    }
    let stale = match committed(root) {
        Ok(object) => return Ok(("prebuilt", object)),
        Err(error) => error,
    };
    match ebpf::toolchain() {
        Ok(toolchain) => {
            println!("cargo::rerun-if-changed={}", toolchain.linker.display());
            println!("exitpath: building the eBPF programs with rustc {}", toolchain.rustc);
            // A target folder of its own: the cargo above holds the lock of the workspace's.
            let object = ebpf::build(&toolchain, root, &out.join("ebpf-target"))?;
            Ok(("source", object))
        }
        Err(missing) => {
            // A path that never exists makes cargo ask again at every build, until there is an object.
            println!("cargo::rerun-if-changed={}", out.join("no-object-yet").display());
            println!("cargo::warning=no eBPF object, this build cannot trace: {stale:#}; {missing:#}");
            Ok(("stub", Vec::new()))
        }
    }
}

/// The committed object, if it is what the sources give.
fn committed(root: &Path) -> Result<Vec<u8>> {
    let manifest = Manifest::read(root)?;
    ensure!(
        manifest.sources_sha256 == manifest::sources_sha256(root, &ebpf::recipe())?,
        "the eBPF sources changed since the committed object was made"
    );
    let path = root.join(manifest::FOLDER).join(manifest::OBJECT);
    let object = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        manifest.object_sha256 == manifest::sha256(&object),
        "{} is not the object its manifest describes (made with rustc {}, bpf-linker {})",
        path.display(),
        manifest.rustc,
        manifest.bpf_linker
    );
    Ok(object)
}

fn watch(root: &Path) {
    let fixed = ["Cargo.lock", "Cargo.toml", manifest::FOLDER, "tracer/build.rs", "tracer/build"];
    // Only what exists: a missing path makes cargo run this at every build.
    for path in
        manifest::SOURCES.iter().chain(&fixed).map(|name| root.join(name)).filter(|path| path.exists())
    {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    for variable in cache::VARIABLES.iter().chain(&[OVERRIDE]) {
        println!("cargo::rerun-if-env-changed={variable}");
    }
}
