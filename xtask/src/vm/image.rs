//! The guests' root file system: our binaries, statically linked, and the payload's name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use vmtest::guest::PAYLOAD;

use super::cpio::Cpio;
use crate::{run, workspace};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Binaries of `vmtest` that every guest gets.
const BINARIES: [&str; 5] = ["guest-suite", "workload", "loadgen", "demo", "probe-proof"];
/// The tracer's binary.
const TRACER: &str = "exitpath";

/// Builds the binaries and writes the initramfs to `initrd`.
pub fn build(initrd: &Path, payload: &str, tracer: bool) -> Result<()> {
    let built = compile(tracer)?;
    let mut cpio = Cpio::default();
    for folder in ["bin", "dev", "proc", "sys", "tmp"] {
        cpio.folder(folder);
    }
    // Rust's start-up wants three open descriptors; init mounts the full /dev over these.
    cpio.device("dev/console", 5, 1);
    cpio.device("dev/null", 1, 3);
    let read = |name: &str| fs::read(built.join(name)).with_context(|| format!("{name} was not built"));
    cpio.file("init", 0o755, &read("guest-init")?);
    for name in BINARIES.into_iter().chain(tracer.then_some(TRACER)) {
        cpio.file(&format!("bin/{name}"), 0o755, &read(name)?);
    }
    cpio.file(PAYLOAD.trim_start_matches('/'), 0o644, payload.as_bytes());
    fs::write(initrd, cpio.finish()).with_context(|| format!("cannot write {}", initrd.display()))
}

/// Builds in a target folder of its own, because other flags in the same one rebuild everything each time.
fn compile(tracer: bool) -> Result<PathBuf> {
    println!("vm: building the guests' binaries");
    let folder = workspace::target()?.join("guest");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace::root()?)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .args(["build", "--quiet", "--release", "--target", TARGET, "--target-dir"])
        .arg(&folder)
        // The guests' memory holds them twice; nobody debugs there.
        .args(["--config", "profile.release.debug=0", "--config", "profile.release.strip=true"])
        .args(["--package", "vmtest", "--bins"]);
    if tracer {
        command.args(["--package", "tracer"]);
    }
    run::shown(&mut command).context("the guests' binaries do not build")?;
    Ok(folder.join(TARGET).join("release"))
}
