//! `cargo xtask governor-check`: the daemon's `--max-overhead` under a storm of getppid, for longer and at bounds of its own.
//!
//! It is the live test of that name, which `cargo xtask test` runs for some seconds at a bound that suits the machine.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::artifacts;

/// Storm a daemon that may cost only so much, and compare what it counts with what was called
#[derive(Args)]
pub struct Arguments {
    /// Bounds, one after the other: shares of all CPU time
    #[arg(long, value_delimiter = ',', value_name = "PERCENT")]
    limit: Vec<String>,
    /// Or bounds that suit the machine: shares of what measuring everything costs it
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "0.9,0.6,0.3",
        value_name = "SHARE",
        conflicts_with = "limit"
    )]
    share: Vec<String>,
    /// How long each storm lasts
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// The daemon's interval, in seconds
    #[arg(long, default_value_t = 1.0)]
    interval: f64,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    // The storm.
    artifacts::build(&["build", "--package", "vmtest", "--bins"])?;
    let limits = arguments.limit.iter().map(|limit| ("EXITPATH_GOVERNOR_LIMIT", limit));
    let shares = arguments.share.iter().map(|share| ("EXITPATH_GOVERNOR_SHARE", share));
    let bounds: Vec<_> = if arguments.limit.is_empty() { shares.collect() } else { limits.collect() };
    let mut passed = true;
    for (variable, bound) in bounds {
        println!("{variable}={bound}, intervals of {} s", arguments.interval);
        let mut test = artifacts::cargo()?;
        test.args(["test", "--package", "tracer", "--test", "live", "--", "governor::", "--nocapture"]);
        test.env(variable, bound);
        test.env("EXITPATH_GOVERNOR_SECONDS", arguments.seconds.to_string());
        test.env("EXITPATH_GOVERNOR_INTERVAL", arguments.interval.to_string());
        passed &= test.status()?.success();
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
