//! Running other programs, with errors that name the program and what it said.

use anyhow::{Context as _, Result, bail};
use std::process::{Command, Output, Stdio};

/// Runs `command` with its output shown; an error unless it succeeds.
pub fn shown(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", name(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs `command` with its output kept back; the error carries the last line it said.
pub fn quiet(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", name(command)))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        bail!("`{}` failed ({status}): {}", line(command), last.trim());
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// Whether a program of this name can be started at all.
pub fn exists(program: &str) -> bool {
    let ran = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    ran.is_ok()
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// The command as a person would type it, cut to what fits a message.
fn line(command: &Command) -> String {
    let mut line = name(command);
    for argument in command.get_args().filter(|argument| !argument.is_empty()).take(6) {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
