//! `exitpath doctor`: what this kernel allows, and how to get more.

use clap::Args;

use super::OBJECT;
use crate::{doctor, error::CliError, kernel::Facts, plan::Trials, sink::Sink, trial};

/// Say what this kernel allows: every fact, the regime, and which plans work
///
/// Where it may, it tries each plan: its programs are attached for an instant.
#[derive(Args)]
pub struct DoctorArgs {
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Attach nothing: judge the plans by the facts alone
    #[arg(long)]
    facts_only: bool,
}

/// Runs it.
pub fn run(args: &DoctorArgs) -> Result<(), CliError> {
    let facts = Facts::gather();
    let trials = if args.facts_only { Trials::none("--facts-only") } else { trial::all(&facts) };
    Sink::stdout()
        .put(|to| {
            if args.json {
                writeln!(to, "{:#}", doctor::json(&facts, &trials, OBJECT))
            } else {
                write!(to, "{}", doctor::text(&facts, &trials, OBJECT))
            }
        })
        .map(drop)
}
