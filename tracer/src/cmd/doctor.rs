//! `exitpath doctor`: what this kernel allows, and how to get more.

use clap::Args;

use super::OBJECT;
use crate::{doctor, error::CliError, kernel::Facts, sink::Sink};

/// Say what this kernel allows: every fact, the regime, and which plans work
#[derive(Args)]
pub struct DoctorArgs {
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &DoctorArgs) -> Result<(), CliError> {
    let facts = Facts::gather();
    Sink::stdout()
        .put(|to| {
            if args.json {
                writeln!(to, "{:#}", doctor::json(&facts, OBJECT))
            } else {
                write!(to, "{}", doctor::text(&facts, OBJECT))
            }
        })
        .map(drop)
}
