//! The command `exitpath`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracer::cmd;

/// By which instruction every system call returns to user mode, why, and how long it took
#[derive(Parser)]
#[command(name = "exitpath", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Report(cmd::report::ReportArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Report(args) => cmd::report::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exitpath: {error}");
            ExitCode::from(error.exit_code)
        }
    }
}
