//! The command `exitpath`.

use std::process::ExitCode;

use clap::{Parser as _, error::ErrorKind};
use tracer::cmd::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no errors; a closed pipe is none either.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(tracer::error::USAGE),
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
