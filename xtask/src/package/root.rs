//! A clean Debian to install into, made once and kept in the cache.

use crate::{
    apt::{self, Archive},
    files::{self, Scratch},
    install, packages, run,
};
use anyhow::{Context as _, Result};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const SUITE: &str = "bookworm";
/// Beyond the essential packages: what starts the service.
const INCLUDED: &str = "systemd";

/// The archive of the clean root.
pub fn archive(cache: &Path) -> Result<PathBuf> {
    let archive = cache.join(format!("debian-{SUITE}-root.tar"));
    let _lock = install::lock(cache)?;
    if archive.is_file() {
        return Ok(archive);
    }
    packages::need_packages(&["debootstrap"])?;
    println!("package: making a clean Debian {SUITE}, once, which takes minutes");
    let source = apt::source(Archive::Main, SUITE)?;
    let mirror =
        source.split_whitespace().find(|word| word.contains("://")).context("apt's source has no address")?;
    let scratch = Scratch::new(cache, "debian-root")?;
    let root = scratch.path().join("root");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={INCLUDED}"), SUITE]).arg(&root).arg(mirror);
    run::quiet(&mut debootstrap).context("debootstrap does not end well")?;
    for left in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        files::remove(&root.join(left))?;
    }
    let packed = scratch.path().join("root.tar");
    run::quiet(
        Command::new("tar")
            .args(["--numeric-owner", "--create", "--file"])
            .arg(&packed)
            .arg("-C")
            .arg(&root)
            .arg("."),
    )?;
    files::install(&packed, &archive)?;
    Ok(archive)
}
