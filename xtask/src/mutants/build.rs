//! The object of a mutant, and the exitpath that has it inside.
//!
//! exitpath is built once, by `EXITPATH_BPF` with room behind the object; each mutant's object is then written over
//! that one. To compile the crate around it for every mutant would take most of the time, and change nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::tree::Tree;
use crate::recipe::{self, Toolchain};
use crate::vm::image;
use crate::{files, run, workspace};

/// By how much a mutant's object may be the larger one. What is behind an ELF file's last section is not read.
const ROOM: usize = 64 << 10;

/// The folder of everything here.
pub fn place() -> Result<PathBuf> {
    let place = workspace::target()?.join("mutants");
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    Ok(place)
}

/// Builds tracers.
pub struct Builder {
    toolchain: Toolchain,
    place: PathBuf,
    /// The object of the tree as it is.
    unbroken: Vec<u8>,
    /// An exitpath with that inside, from this byte on.
    exitpath: Vec<u8>,
    at: usize,
}

impl Builder {
    /// Builds `tree` as it is, with the toolchain of `cargo xtask setup`.
    pub fn new(place: &Path, tree: &Tree) -> Result<Self> {
        fs::create_dir_all(place.join("made")).context("cannot make a folder for the tracers")?;
        let toolchain = recipe::toolchain()?;
        let unbroken = object(&toolchain, place, tree)?;
        let path = place.join("unbroken.bpf.o");
        let padded = padded(&unbroken, unbroken.len() + ROOM)?;
        files::write(&path, &padded)?;
        let exitpath = exitpath(place, &path)?;
        let at =
            find(&exitpath, &padded).context("exitpath does not have the object of EXITPATH_BPF inside")?;
        Ok(Self { toolchain, place: place.to_owned(), unbroken, exitpath, at })
    }

    /// The exitpath of the tree as it is.
    pub fn unbroken(&self, name: &str) -> Result<PathBuf> {
        self.write(name, &self.unbroken)
    }

    /// An exitpath with the object of `tree`, in which something is broken; gives its path.
    pub fn broken(&self, name: &str, tree: &Tree) -> Result<PathBuf> {
        let object = object(&self.toolchain, &self.place, tree)?;
        ensure!(object != self.unbroken, "it changes nothing in the object: adapt the table");
        self.write(name, &object)
    }

    fn write(&self, name: &str, object: &[u8]) -> Result<PathBuf> {
        let padded = padded(object, self.unbroken.len() + ROOM)?;
        let mut bytes = self.exitpath.clone();
        bytes[self.at..self.at + padded.len()].copy_from_slice(&padded);
        let path = self.place.join("made").join(name);
        files::write(&path, &bytes)?;
        Ok(path)
    }
}

fn object(toolchain: &Toolchain, place: &Path, tree: &Tree) -> Result<Vec<u8>> {
    recipe::build(toolchain, recipe::MODERN, tree.root(), &place.join("ebpf"))
}

/// A mutant is in the programs only: the rest is the tree's own exitpath. In a target folder of its own, so that no other
/// task finds it.
fn exitpath(place: &Path, object: &Path) -> Result<Vec<u8>> {
    let folder = place.join("guest");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace::root()?)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env("EXITPATH_BPF", object)
        .args(["build", "--quiet", "--release", "--target", image::TARGET, "--target-dir"])
        .arg(&folder)
        .args(["--config", "profile.release.debug=0", "--config", "profile.release.strip=true"])
        .args(["--package", "tracer", "--bin", image::TRACER]);
    run::shown(&mut command).context("exitpath does not build")?;
    let built = folder.join(image::TARGET).join("release").join(image::TRACER);
    fs::read(&built).with_context(|| format!("cannot read {}", built.display()))
}

fn padded(object: &[u8], length: usize) -> Result<Vec<u8>> {
    ensure!(object.len() <= length, "the object is {} bytes, and there is room for {length}", object.len());
    let mut padded = object.to_vec();
    padded.resize(length, 0);
    Ok(padded)
}

/// Where `part` begins in `bytes`; none unless it is there once.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let start = &part[..part.len().min(64)];
    let mut found = bytes
        .windows(start.len())
        .enumerate()
        .filter(|&(at, window)| window == start && bytes[at..].starts_with(part))
        .map(|(at, _)| at);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::{find, padded};

    #[test]
    fn a_part_is_found_whole_and_once_or_not() {
        let part: Vec<u8> = (0..200).collect();
        let whole = [&part[..100], &part, b"rest"].concat();
        assert_eq!((find(&whole, &part), find(&part, &part)), (Some(100), Some(0)));
        assert_eq!(find(&whole[..250], &part), None, "cut off");
        assert_eq!(find(&part.repeat(2), &part), None, "there twice");
    }

    #[test]
    fn an_object_that_has_no_room_is_refused() {
        assert_eq!(padded(b"ab", 4).expect("room"), b"ab\0\0");
        assert!(padded(b"abc", 2).is_err());
    }
}
