//! The Debian package, made by cargo-deb from `[package.metadata.deb]` in tracer/Cargo.toml.

mod chroot;
mod root;
mod service;
mod trial;

pub use trial::{Arguments, perform, test, why_not};

use crate::{artifacts, cache, files, install, run};
use anyhow::{Context as _, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The newest that was built with the workspace's rustc.
const CARGO_DEB: &str = "3.8.0";
/// What the static binary is built for.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Packs the static binary in `target`/x86_64-unknown-linux-gnu/release into a package in the folder `into`.
pub fn build(target: &Path, into: &Path) -> Result<PathBuf> {
    let cache = cache::folder()?;
    let tool = {
        let _lock = install::lock(&cache)?;
        install::tool(&cache, "cargo-deb", CARGO_DEB)?
    };
    let release = target.join(TARGET).join("release");
    let pages = release.join("package");
    generate(&release.join("exitpath"), &pages)?;
    run::quiet(Command::new("gzip").args(["-9", "--no-name", "--recursive"]).arg(pages.join("man")))?;
    files::remove(into)?;
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    let folder = artifacts::cargo()?.get_current_dir().map(|root| root.join("tracer"));
    let mut command = Command::new(tool);
    command
        .args(["--no-build", "--no-strip", "--offline", "--locked", "--target", TARGET, "--output"])
        .arg(format!("{}/", into.display()))
        .current_dir(folder.context("no workspace")?)
        .env("CARGO_TARGET_DIR", target);
    run::quiet(&mut command)?;
    let packages = fs::read_dir(into)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut packages: Vec<_> =
        packages.filter(|path| path.extension().is_some_and(|ext| ext == "deb")).collect();
    ensure!(packages.len() == 1, "cargo-deb left {} packages in {}", packages.len(), into.display());
    packages.pop().context("no package")
}

/// Man pages and completions, by the binary itself, in folders of their names.
pub fn generate(binary: &Path, folder: &Path) -> Result<()> {
    for what in ["completions", "man"] {
        let into = folder.join(what);
        files::remove(&into)?;
        fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
        run::quiet(Command::new(binary).args(["generate", what]).arg(&into))?;
    }
    Ok(())
}
