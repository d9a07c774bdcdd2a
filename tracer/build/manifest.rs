//! The manifest beside the committed eBPF object: which sources it was made from, and by what.
//!
//! One digest covers everything that decides the object's bytes: the sources of the programs and of the rules,
//! the locked versions of what they depend on, the profile they are built with, and the recipe. So a clone can
//! tell without a compiler whether the committed object is the one its sources give.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The committed object's folder, from the workspace root.
pub const FOLDER: &str = "tracer/prebuilt";
/// The object's file name, in [`FOLDER`] and in `OUT_DIR`.
pub const OBJECT: &str = "exitpath.bpf.o";
/// The same of the object for old kernels.
pub const OLD_OBJECT: &str = "exitpath-old.bpf.o";
/// The manifest's file name in [`FOLDER`].
pub const MANIFEST: &str = "manifest.json";
/// What the sources digest reads, from the workspace root; a missing one counts as absent, not as an error.
pub const SOURCES: [&str; 6] = [
    "tracer-common/Cargo.toml",
    "tracer-common/build.rs",
    "tracer-common/src",
    "tracer-ebpf/Cargo.toml",
    "tracer-ebpf/build.rs",
    "tracer-ebpf/src",
];
/// The package whose locked dependencies are part of the digest.
const ROOT_PACKAGE: &str = "tracer-ebpf";
/// Its dependencies count, but not those of this one: cargo locks test dependencies and the `user` feature's
/// among them, which the object never sees (`cargo xtask tidy` holds it to optional dependencies).
const RULES_PACKAGE: &str = "tracer-common";

/// What the committed object was made from.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// SHA-256 over all that decides the object's bytes, see [`sources_sha256`].
    pub sources_sha256: String,
    /// rustc's release, such as `1.95.0`.
    pub rustc: String,
    /// bpf-linker's version.
    pub bpf_linker: String,
    /// SHA-256 of the object.
    pub object_sha256: String,
    /// SHA-256 of the object for old kernels.
    pub old_object_sha256: String,
}

impl Manifest {
    /// Reads the committed manifest of the workspace at `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(FOLDER).join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
            .with_context(|| format!("{} is damaged: write it again with `cargo xtask ebpf`", path.display()))
    }

    /// Parses a manifest.
    pub fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        let field = |name: &str| {
            json[name].as_str().map(str::to_owned).with_context(|| format!("no field `{name}` in it"))
        };
        Ok(Self {
            sources_sha256: field("sources_sha256")?,
            rustc: field("rustc")?,
            bpf_linker: field("bpf_linker")?,
            object_sha256: field("object_sha256")?,
            old_object_sha256: field("old_object_sha256")?,
        })
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The digest of all that decides the object's bytes: the files of [`SOURCES`], the locked dependencies, the
/// sections of the workspace's `Cargo.toml` that cargo hands to every package, and `recipe` (the flags).
pub fn sources_sha256(root: &Path, recipe: &str) -> Result<String> {
    let mut files = BTreeSet::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    let mut parts = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(root).context("a source outside the workspace")?;
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        parts.insert(name.to_str().context("a source's name is not UTF-8")?.to_owned(), bytes);
    }
    let text = |name: &str| {
        let path = root.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    parts.insert("Cargo.lock".to_owned(), pins(&text("Cargo.lock")?)?.into_bytes());
    parts.insert("Cargo.toml".to_owned(), inherited(&text("Cargo.toml")?).into_bytes());
    parts.insert("recipe".to_owned(), recipe.as_bytes().to_vec());
    Ok(digest(&parts))
}

/// Hashes names and contents with their lengths, so that no two sets of files share a byte stream.
fn digest(parts: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in parts {
        for field in [name.as_bytes(), bytes] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.insert(path.to_owned());
    } else if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
            let entry = entry?.path();
            if entry.is_dir() || entry.extension().is_some_and(|ext| ext == "rs") {
                collect(&entry, files)?;
            }
        }
    }
    Ok(())
}

/// The lock file's `name version checksum` lines of everything the eBPF programs are built from.
fn pins(lock: &str) -> Result<String> {
    let mut packages: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let name = value(block, "name").context("a package without a name in Cargo.lock")?;
        let version = value(block, "version").context("a package without a version in Cargo.lock")?;
        packages.entry(name).or_default().push((version, block));
    }
    let mut lines = BTreeSet::new();
    let mut todo = vec![(ROOT_PACKAGE, None)];
    while let Some((name, wanted)) = todo.pop() {
        let Some(candidates) = packages.get(name) else {
            bail!("Cargo.lock has no package {name}: run `cargo fetch`");
        };
        for (version, block) in candidates.iter().filter(|(version, _)| wanted.is_none_or(|w| w == *version))
        {
            let checksum = value(block, "checksum").unwrap_or("workspace");
            if lines.insert(format!("{name} {version} {checksum}\n")) && name != RULES_PACKAGE {
                todo.extend(dependencies(block));
            }
        }
    }
    Ok(lines.into_iter().collect())
}

fn value<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

/// A block's dependencies; the version is named only where the lock file holds several of one name.
fn dependencies(block: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let list = block.split_once("dependencies = [").and_then(|(_, rest)| rest.split_once(']'));
    list.map_or("", |(list, _)| list).lines().filter_map(|line| {
        let mut words = line.trim().strip_prefix('"')?.strip_suffix("\",")?.split(' ');
        Some((words.next()?, words.next()))
    })
}

/// The sections of the workspace's `Cargo.toml` that reach into the object.
fn inherited(toml: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in toml.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.starts_with("[profile") || line.starts_with("[workspace.package]");
        }
        if inside && !line.is_empty() && !line.starts_with('#') {
            kept.extend([line, "\n"]);
        }
    }
    kept
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
