//! The command `exitpath`.

use std::process::ExitCode;

use clap::{Parser as _, error::ErrorKind};
use tracer::cmd::Cli;

fn main() -> ExitCode {
    // Reading the kernel's types takes large buffers for a moment. glibc would raise the threshold from which it maps
    // such buffers on their own, and then keep them: with it fixed, peak and resident memory fall by a fifth.
    // SAFETY: a parameter of the allocator, set before there is a second thread.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10) };
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return match error.kind() {
                // Help and version go to standard output and are no errors; a closed pipe is none either.
                ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    let _ = error.print();
                    let asked = error.exit_code() == 0;
                    ExitCode::from(if asked { 0 } else { tracer::error::USAGE })
                }
                _ => {
                    eprintln!("exitpath: {}", one_line(&error.render().to_string()));
                    ExitCode::from(tracer::error::USAGE)
                }
            };
        }
    };
    match cli.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("exitpath: {error}");
            ExitCode::from(error.exit_code)
        }
    }
}

/// What clap spreads over several lines, as one: what is wrong, its hints, and where to read on.
fn one_line(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            continue;
        }
        let line = line.strip_prefix("error: ").unwrap_or(line);
        match parts.last_mut() {
            // "the following arguments were not provided:" and the like continue on the next line.
            Some(last) if last.ends_with(':') => *last = format!("{last} {line}"),
            _ => parts.push(line.trim_start_matches("tip: ").to_owned()),
        }
    }
    parts.push("`exitpath --help` shows what can be given".to_owned());
    parts.join("; ")
}
