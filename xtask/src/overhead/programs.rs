//! The release programs that are measured and that measure.

use crate::artifacts;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};

/// Where each program is.
pub struct Programs {
    /// The tracer.
    pub exitpath: PathBuf,
    /// The empty pair.
    pub baseline: PathBuf,
    /// The loop that is timed.
    pub bench_loop: PathBuf,
    /// Load on all CPUs.
    pub loadgen: PathBuf,
}

impl Programs {
    /// Builds them, as the current user.
    pub fn build() -> Result<Self> {
        let built = artifacts::build(&["build", "--release", "--package", "tracer", "--package", "vmtest"])?;
        let exitpath = &artifacts::program(&built, "exitpath")?.executable;
        Self::inside(exitpath.parent().context("a program without a folder")?)
    }

    /// Takes those that were built into `folder`.
    pub fn inside(folder: &Path) -> Result<Self> {
        let program = |name: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            ensure!(path.is_file(), "there is no {}", path.display());
            Ok(path)
        };
        Ok(Self {
            exitpath: program("exitpath")?,
            baseline: program("baseline")?,
            bench_loop: program("bench-loop")?,
            loadgen: program("loadgen")?,
        })
    }

    /// The folder they are in.
    pub fn folder(&self) -> &Path {
        self.exitpath.parent().unwrap_or(Path::new("."))
    }
}
