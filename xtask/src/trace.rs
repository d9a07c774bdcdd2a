//! `cargo xtask trace`: builds exitpath and traces this machine for ten seconds beside a small workload.
//!
//! Needs stable Rust only: without the eBPF toolchain the build takes the committed object.

use crate::{artifacts, packages};
use anyhow::{Context as _, Result};
use clap::Args;
use std::{
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
};

/// The workload's program, in package `vmtest`.
const WORKLOAD: &str = "demo";
const DEFAULT: [&str; 3] = ["record", "-d", "10"];

/// Build exitpath and trace this machine for 10 s beside a small demonstration workload
#[derive(Args)]
pub struct Arguments {
    /// Arguments for exitpath, in place of `record -d 10`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// A workload that ends with the task.
struct Workload(Child);

impl Drop for Workload {
    fn drop(&mut self) {
        // It may have ended by itself, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    // Asked before the build, so that a machine where it cannot end well says so at once.
    packages::as_root(Path::new("true")).context("tracing needs root")?;
    let built = artifacts::build(&["build", "--release", "--package", "tracer", "--package", "vmtest"])?;
    let exitpath = artifacts::program(&built, "exitpath")?;
    let mut command = packages::as_root(&exitpath.executable)?;
    if arguments.arguments.is_empty() {
        command.args(DEFAULT);
    } else {
        command.args(&arguments.arguments);
    }
    let _workload = match artifacts::program(&built, WORKLOAD) {
        Ok(demo) if wants_workload(&arguments.arguments) => Some(start(&demo.executable)?),
        _ => None,
    };
    let mut child =
        command.spawn().with_context(|| format!("cannot run {}", exitpath.executable.display()))?;
    outlive_interrupts();
    let status = child.wait().context("cannot wait for exitpath")?;
    // A process ended by a signal has no code; shells say 128 + signal, and 1 says as much here.
    Ok(status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1))))
}

/// The workload belongs to a recording of the whole machine; a command of the user's own is workload enough.
fn wants_workload(arguments: &[String]) -> bool {
    arguments.is_empty() || (arguments[0] == DEFAULT[0] && !arguments.iter().any(|argument| argument == "--"))
}

fn start(program: &Path) -> Result<Workload> {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.spawn().with_context(|| format!("cannot run {}", program.display()))?;
    Ok(Workload(child))
}

/// Ctrl-C is for exitpath, which then prints its result: wait for that, and end the workload after it.
fn outlive_interrupts() {
    // SAFETY: setting a signal's disposition to "ignore" runs no handler and touches no memory of ours. The
    // children are started already, so they do not inherit it.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
}

#[cfg(test)]
mod tests {
    use super::wants_workload;

    #[test]
    fn a_command_of_the_users_own_is_workload_enough() {
        let wants =
            |line: &str| wants_workload(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert!(wants(""));
        assert!(wants("record -d 3 --format json"));
        assert!(!wants("record -- true"));
        assert!(!wants("doctor"));
    }
}
