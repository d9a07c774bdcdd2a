//! Tools compiled from the crate registry into the cache folder, each version in a folder of its own.

use crate::{
    files::{self, Scratch},
    run,
};
use anyhow::{Context as _, Result};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// Makes the cache folder and holds it: one task changes it at a time, a second one waits and then finds the work
/// done. The hold ends with the file, or with the process.
pub fn lock(cache: &Path) -> Result<File> {
    fs::create_dir_all(cache).with_context(|| {
        format!("cannot make {}: set EXITPATH_CACHE to a folder of yours", cache.display())
    })?;
    let path = cache.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        println!("waiting for another task to finish with {}", cache.display());
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    files::sweep(cache)?;
    files::sweep(&cache.join("toolchain"))?;
    Ok(file)
}

/// The folder of one version of a tool; its programs are in `bin`.
pub fn folder(cache: &Path, tool: &str, version: &str) -> PathBuf {
    cache.join(format!("{tool}-{version}"))
}

/// Compiles `tool` with the dependencies it was released with, unless it is there.
pub fn tool(cache: &Path, tool: &str, version: &str) -> Result<PathBuf> {
    let place = folder(cache, tool, version);
    let program = place.join("bin").join(tool);
    if program.is_file() {
        println!("{tool}: present, {version}");
        return Ok(program);
    }
    println!("{tool}: compiling {version}, which takes a few minutes");
    let scratch = Scratch::new(cache, tool)?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::split_paths(&path).chain([scratch.path().join("bin")]);
    let mut cargo = Command::new("cargo");
    cargo
        .args(["install", tool, "--version", version, "--locked", "--no-track", "--root"])
        .arg(scratch.path())
        // Cargo would advise to put the scratch folder there.
        .env("PATH", env::join_paths(path).context("PATH cannot be extended")?)
        // Settings meant for the workspace would follow it here.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .current_dir(cache);
    run::shown(&mut cargo).with_context(|| {
        format!("{tool} does not build: it needs a C compiler (`apt-get install build-essential`) and the crate registry")
    })?;
    files::install(scratch.path(), &place)?;
    println!("{tool}: {}", place.display());
    Ok(program)
}
