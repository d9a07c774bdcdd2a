//! The guests' root file system: our binaries, statically linked, and the payload's name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use vmtest::guest::PAYLOAD;

use super::cpio::Cpio;
use crate::{run, workspace};

/// What the guests' binaries are built for.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Binaries of `vmtest` that every guest gets.
const BINARIES: [&str; 12] = [
    "baseline",
    "bench-loop",
    "daemon-proof",
    "demo",
    "governor-proof",
    "guest-doctor",
    "guest-suite",
    "kill-proof",
    "loadgen",
    "plan-cost",
    "probe-proof",
    "workload",
];
/// The tracer's binary.
pub const TRACER: &str = "exitpath";

/// Whether a guest has a program of this name.
pub fn has(name: &str) -> bool {
    BINARIES.contains(&name) || name == TRACER
}

/// Writes the initramfs with the binaries in `built` to `initrd`.
pub fn write(initrd: &Path, built: &Path, payload: &str, tracer: bool) -> Result<()> {
    let tracers = tracer.then(|| (TRACER.to_owned(), built.join(TRACER)));
    write_with(initrd, built, payload, tracers.as_slice())
}

/// The same with these tracers, by their names in the guest.
pub fn write_with(initrd: &Path, built: &Path, payload: &str, tracers: &[(String, PathBuf)]) -> Result<()> {
    let mut cpio = Cpio::default();
    for folder in ["bin", "dev", "proc", "sys", "tmp"] {
        cpio.folder(folder);
    }
    // Rust's start-up wants three open descriptors; init mounts the full /dev over these.
    cpio.device("dev/console", 5, 1);
    cpio.device("dev/null", 1, 3);
    let read = |name: &str| fs::read(built.join(name)).with_context(|| format!("{name} was not built"));
    cpio.file("init", 0o755, &read("guest-init")?);
    for name in BINARIES {
        cpio.file(&format!("bin/{name}"), 0o755, &read(name)?);
    }
    for (name, path) in tracers {
        let bytes = fs::read(path).with_context(|| format!("{name} was not built"))?;
        cpio.file(&format!("bin/{name}"), 0o755, &bytes);
    }
    cpio.file(PAYLOAD.trim_start_matches('/'), 0o644, payload.as_bytes());
    fs::write(initrd, cpio.finish()).with_context(|| format!("cannot write {}", initrd.display()))
}

/// The names of all plans, from the tracer in `built`.
pub fn plans(built: &Path) -> Result<Vec<String>> {
    let output = Command::new(built.join(TRACER)).args(["plan", "--explain"]).output();
    let output = output.context("the tracer does not start")?;
    let said = String::from_utf8_lossy(&output.stdout);
    // One line a plan, then an empty one; whether a plan works on this machine does not matter.
    let lines = said.lines().take_while(|line| !line.trim().is_empty());
    let names: Vec<_> = lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    ensure!(!names.is_empty(), "`exitpath plan --explain` names no plan");
    Ok(names)
}

/// Builds the binaries, in a target folder of its own, because other flags in the same one rebuild everything each
/// time; gives the folder they are in.
pub fn compile(tracer: bool) -> Result<PathBuf> {
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
