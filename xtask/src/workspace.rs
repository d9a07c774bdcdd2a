//! The workspace this xtask belongs to.

use anyhow::{Context as _, Result};
use std::{
    env,
    path::{Path, PathBuf},
};

/// The workspace's root folder.
pub fn root() -> Result<PathBuf> {
    // Cargo names the package it runs; the folder compiled in may have moved since.
    let here =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = here.parent().map(Path::to_owned);
    root.context("xtask has no workspace above it: run it as `cargo xtask` inside the repository")
}

/// Cargo's target folder.
pub fn target() -> Result<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(root()?.join(named.unwrap_or_else(|| "target".into())))
}
