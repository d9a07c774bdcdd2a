//! `cargo xtask ebpf`: builds the committed eBPF objects, or proves that they are what the sources give.

use crate::{
    files,
    manifest::{self, Manifest},
    recipe::{self, BPF_LINKER, Toolchain},
    workspace,
};
use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::json;
use std::{fs, path::Path, process::ExitCode};

/// Rebuild the committed eBPF objects, or with --check prove that they are what the sources give
#[derive(Args)]
pub struct Arguments {
    /// Build afresh, and fail unless the committed objects and their manifest are exactly what comes out
    #[arg(long)]
    check: bool,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let toolchain = recipe::toolchain()?;
    let target = workspace::target()?.join(if arguments.check { "ebpf-check" } else { "ebpf" });
    if arguments.check {
        files::remove(&target)?;
    }
    let object = recipe::build(&toolchain, recipe::MODERN, &root, &target)?;
    let old_object = recipe::build(&toolchain, recipe::OLD, &root, &target)?;
    no_paths(&object)?;
    no_paths(&old_object)?;
    let made = Manifest {
        sources_sha256: manifest::sources_sha256(&root, &recipe::recipe())?,
        rustc: toolchain.rustc.clone(),
        bpf_linker: BPF_LINKER.to_owned(),
        object_sha256: manifest::sha256(&object),
        old_object_sha256: manifest::sha256(&old_object),
    };
    if arguments.check {
        check(&root, &toolchain, &made)?;
        same(&root, manifest::OBJECT, &object)?;
        same(&root, manifest::OLD_OBJECT, &old_object)?;
        files::remove(&target)?;
        println!("the committed objects are what the sources give: sha256 {}", made.object_sha256);
        println!("and for old kernels: sha256 {}", made.old_object_sha256);
    } else {
        let folder = root.join(manifest::FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        files::write(&folder.join(manifest::MANIFEST), text(&made)?.as_bytes())?;
        for (name, object) in [(manifest::OBJECT, &object), (manifest::OLD_OBJECT, &old_object)] {
            files::write(&folder.join(name), object)?;
            let sha256 = manifest::sha256(object);
            println!("wrote {}/{name}: {} bytes, sha256 {sha256}", manifest::FOLDER, object.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

const REMEDY: &str = "run `cargo xtask ebpf` and commit tracer/prebuilt";

/// The committed manifest is the one that was made now.
fn check(root: &Path, toolchain: &Toolchain, made: &Manifest) -> Result<()> {
    let committed = Manifest::read(root)?;
    let Manifest { sources_sha256, rustc, bpf_linker, object_sha256, old_object_sha256 } = &committed;
    ensure!(
        *rustc == made.rustc && *bpf_linker == made.bpf_linker,
        "the committed objects were made by rustc {rustc} and bpf-linker {bpf_linker}, here are {} and {BPF_LINKER}: \
         use those, or {REMEDY}",
        toolchain.rustc,
    );
    ensure!(*sources_sha256 == made.sources_sha256, "the eBPF sources changed: {REMEDY}");
    for (name, sha256) in [(manifest::OBJECT, object_sha256), (manifest::OLD_OBJECT, old_object_sha256)] {
        let path = root.join(manifest::FOLDER).join(name);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}: {REMEDY}", path.display()))?;
        ensure!(manifest::sha256(&bytes) == *sha256, "{name} is not its manifest's: {REMEDY}");
    }
    Ok(())
}

/// The committed object is this one, byte for byte.
fn same(root: &Path, name: &str, object: &[u8]) -> Result<()> {
    let path = root.join(manifest::FOLDER).join(name);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}: {REMEDY}", path.display()))?;
    if let Some(at) = first_difference(&bytes, object) {
        bail!("{name} is not what the sources give, first at byte {at}: {REMEDY}");
    }
    Ok(())
}

fn first_difference(left: &[u8], right: &[u8]) -> Option<usize> {
    let common = left.iter().zip(right).position(|(l, r)| l != r);
    common.or_else(|| (left.len() != right.len()).then(|| left.len().min(right.len())))
}

/// An object that names a folder of this machine could not be made again on another one.
fn no_paths(object: &[u8]) -> Result<()> {
    const FOLDERS: [&str; 6] = ["/home/", "/root/", "/work/", "/tmp/", "/usr/", "/var/"];
    for folder in FOLDERS {
        if let Some(at) = object.windows(folder.len()).position(|window| window == folder.as_bytes()) {
            let found: String = object[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_graphic())
                .map(|byte| *byte as char)
                .collect();
            bail!(
                "the object names a path of this machine, {found}: the remapping in tracer/build/ebpf.rs misses it"
            );
        }
    }
    Ok(())
}

fn text(manifest: &Manifest) -> Result<String> {
    let Manifest { sources_sha256, rustc, bpf_linker, object_sha256, old_object_sha256 } = manifest;
    let json = json!({
        "sources_sha256": sources_sha256,
        "rustc": rustc,
        "bpf_linker": bpf_linker,
        "object_sha256": object_sha256,
        "old_object_sha256": old_object_sha256,
    });
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::{Manifest, first_difference, no_paths, text};

    #[test]
    fn what_is_written_reads_back() {
        let field = |name: &str| name.to_owned();
        let manifest = Manifest {
            sources_sha256: field("s"),
            rustc: field("r"),
            bpf_linker: field("l"),
            object_sha256: field("o"),
            old_object_sha256: field("p"),
        };
        assert_eq!(Manifest::parse(&text(&manifest).unwrap()).unwrap(), manifest);
    }

    #[test]
    fn objects_are_compared_byte_for_byte() {
        assert_eq!(first_difference(b"abc", b"abc"), None);
        assert_eq!(first_difference(b"abc", b"axc"), Some(1));
        assert_eq!(first_difference(b"ab", b"abc"), Some(2));
    }

    #[test]
    fn a_path_of_this_machine_is_found() {
        assert!(no_paths(b"\0/exitpath/tracer-ebpf/src/main.rs\0").is_ok());
        let path = ["", "home", "someone", "x.rs"].join("/");
        let error = no_paths(format!("\0{path}\0").as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&path), "{error}");
    }
}
