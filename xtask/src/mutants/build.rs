//! The object of a mutant, and the exitpath that has it inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::tree::Tree;
use crate::recipe::{self, Toolchain};
use crate::vm::image;
use crate::{files, run, workspace};

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
    /// The object of the tree as it is; none yet while that is built.
    unbroken: Option<Vec<u8>>,
}

impl Builder {
    /// With the toolchain of `cargo xtask setup`.
    pub fn new(place: &Path) -> Result<Self> {
        fs::create_dir_all(place.join("made")).context("cannot make a folder for the tracers")?;
        Ok(Self { toolchain: recipe::toolchain()?, place: place.to_owned(), unbroken: None })
    }

    /// Builds the object of `tree`, and an exitpath with it; gives its path. The first one is the tree as it is, from
    /// which all others must differ.
    pub fn tracer(&mut self, tree: &Tree, name: &str) -> Result<PathBuf> {
        let object = recipe::build(&self.toolchain, recipe::MODERN, tree.root(), &self.place.join("ebpf"))?;
        if let Some(unbroken) = &self.unbroken {
            ensure!(object != *unbroken, "mutant {name} changes nothing in the object: adapt the table");
        }
        let path = self.place.join("made").join(format!("{name}.bpf.o"));
        files::write(&path, &object)?;
        let built = self.exitpath(&path)?;
        let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        // What cargo took for fresh would be the mutant before this one.
        ensure!(contains(&bytes, &object), "{} does not have the object inside", built.display());
        let tracer = self.place.join("made").join(name);
        files::write(&tracer, &bytes)?;
        self.unbroken.get_or_insert(object);
        Ok(tracer)
    }

    /// The tree's own exitpath: a mutant is in the programs only. A target folder of its own, so that no other task
    /// finds a broken tracer in its place.
    fn exitpath(&self, object: &Path) -> Result<PathBuf> {
        let folder = self.place.join("guest");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(workspace::root()?)
            .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
            .env("EXITPATH_BPF", object)
            .args(["build", "--quiet", "--release", "--target", image::TARGET, "--target-dir"])
            .arg(&folder)
            .args(["--config", "profile.release.debug=0", "--config", "profile.release.strip=true"])
            // The crate with the object inside is compiled for each mutant, and works little.
            .args(["--config", "profile.release.package.tracer.opt-level=1"])
            .args(["--package", "tracer", "--bin", image::TRACER]);
        run::shown(&mut command).context("exitpath does not build")?;
        Ok(folder.join(image::TARGET).join("release").join(image::TRACER))
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let start = &part[..part.len().min(64)];
    bytes
        .windows(start.len())
        .enumerate()
        .any(|(at, window)| window == start && bytes[at..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_part_is_found_whole_or_not() {
        let part: Vec<u8> = (0..200).collect();
        let whole = [&part[..100], &part, b"rest"].concat();
        assert!(contains(&whole, &part) && contains(&part, &part));
        assert!(!contains(&whole[..250], &part), "cut off");
    }
}
