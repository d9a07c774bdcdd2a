//! Chooses the eBPF objects that go into the tool, and leaves them in `OUT_DIR`: `exitpath.bpf.o`, and
//! `exitpath-old.bpf.o` for kernels from 4.9 on.
//!
//! The first that applies:
//! 1. `EXITPATH_BPF=/path/to/object`: whatever the caller built;
//! 2. the committed object, when its manifest's digest is that of the sources: building from source would give
//!    the same bytes (`cargo xtask ebpf --check` proves it), only a minute later, and needs no eBPF toolchain;
//! 3. the eBPF toolchain, when `cargo xtask setup` installed it: the sources changed, so build them;
//! 4. an empty stub: all that needs no kernel builds and passes, and the tool names the remedy.
//!
//! The tool reads which one it was in `EXITPATH_BPF_SOURCE` (`env`, `prebuilt`, `source`, `stub`) and the
//! object's digest in `EXITPATH_BPF_SHA256`. `EXITPATH_OLD_BPF` overrides the second object alone.

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
const OLD_OVERRIDE: &str = "EXITPATH_OLD_BPF";

fn main() -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set: cargo runs this")?);
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("CARGO_MANIFEST_DIR is not set")?);
    let root = here.parent().context("the package has no workspace")?;
    watch(root);

    let (source, Objects { mut modern, mut old }) = choose(root, &out)?;
    let source = match named(OVERRIDE)? {
        Some(object) => {
            modern = object;
            "env"
        }
        None => source,
    };
    if let Some(object) = named(OLD_OVERRIDE)? {
        old = object;
    }
    let object = modern;
    let sha256 = manifest::sha256(&object);
    for (name, bytes) in [(manifest::OBJECT, &object), (manifest::OLD_OBJECT, &old)] {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("exitpath: eBPF object: {source}, {} bytes, sha256 {sha256}", object.len());
    println!("cargo::rustc-env=EXITPATH_BPF_SOURCE={source}");
    println!("cargo::rustc-env=EXITPATH_BPF_SHA256={sha256}");
    Ok(())
}

/// The programs: empty files in a stub.
#[derive(Default)]
struct Objects {
    modern: Vec<u8>,
    old: Vec<u8>,
}

/// The object that a variable of the environment names.
fn named(variable: &str) -> Result<Option<Vec<u8>>> {
    let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    println!("cargo::rerun-if-changed={}", path.display());
    let object = fs::read(&path)
        .with_context(|| format!("cannot read {variable}={}: name an object or unset it", path.display()))?;
    Ok(Some(object))
}

fn choose(root: &Path, out: &Path) -> Result<(&'static str, Objects)> {
    let stale = match committed(root) {
        Ok(objects) => return Ok(("prebuilt", objects)),
        Err(error) => error,
    };
    match ebpf::toolchain() {
        Ok(toolchain) => {
            println!("cargo::rerun-if-changed={}", toolchain.linker.display());
            println!("exitpath: building the eBPF programs with rustc {}", toolchain.rustc);
            // A target folder of its own: the cargo above holds the lock of the workspace's.
            let target = out.join("ebpf-target");
            let modern = ebpf::build(&toolchain, ebpf::MODERN, root, &target)?;
            let old = ebpf::build(&toolchain, ebpf::OLD, root, &target)?;
            Ok(("source", Objects { modern, old }))
        }
        Err(missing) => {
            // A path that never exists makes cargo ask again at every build, until there is an object.
            println!("cargo::rerun-if-changed={}", out.join("no-object-yet").display());
            println!("cargo::warning=no eBPF object, this build cannot trace: {stale:#}; {missing:#}");
            Ok(("stub", Objects::default()))
        }
    }
}

/// The committed objects, if they are what the sources give.
fn committed(root: &Path) -> Result<Objects> {
    let manifest = Manifest::read(root)?;
    ensure!(
        manifest.sources_sha256 == manifest::sources_sha256(root, &ebpf::recipe())?,
        "the eBPF sources changed since the committed object was made"
    );
    let read = |name: &str, sha256: &str| -> Result<Vec<u8>> {
        let path = root.join(manifest::FOLDER).join(name);
        let object = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            sha256 == manifest::sha256(&object),
            "{} is not the object its manifest describes (made with rustc {}, bpf-linker {})",
            path.display(),
            manifest.rustc,
            manifest.bpf_linker
        );
        Ok(object)
    };
    Ok(Objects {
        modern: read(manifest::OBJECT, &manifest.object_sha256)?,
        old: read(manifest::OLD_OBJECT, &manifest.old_object_sha256)?,
    })
}

fn watch(root: &Path) {
    let fixed = ["Cargo.lock", "Cargo.toml", manifest::FOLDER, "tracer/build.rs", "tracer/build"];
    // Only what exists: a missing path makes cargo run this at every build.
    for path in
        manifest::SOURCES.iter().chain(&fixed).map(|name| root.join(name)).filter(|path| path.exists())
    {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    for variable in cache::VARIABLES.iter().chain(&[OVERRIDE, OLD_OVERRIDE]) {
        println!("cargo::rerun-if-env-changed={variable}");
    }
}
