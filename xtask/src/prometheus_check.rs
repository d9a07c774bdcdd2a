//! `cargo xtask prometheus-check`: a real Prometheus scrapes a running daemon for minutes, and holds what its ring holds.
//!
//! It is the live test of that name, which `cargo xtask test` runs for some seconds, given more time.

use crate::{artifacts, packages};
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// Debian's package of the server and of promtool.
pub const PROMETHEUS: &str = "prometheus";

/// Scrape a running daemon by a real Prometheus for some minutes, and compare it with the daemon's ring
#[derive(Args)]
pub struct Arguments {
    /// How long the load runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    minutes: u64,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    packages::need_packages(&[PROMETHEUS])?;
    // The load.
    artifacts::build(&["build", "--package", "vmtest", "--bins"])?;
    let mut test = artifacts::cargo()?;
    test.args(["test", "--package", "tracer", "--test", "live", "--", "prometheus::", "--nocapture"]);
    test.args(["--test-threads", "1"]);
    test.env("EXITPATH_PROMETHEUS_SECONDS", (arguments.minutes * 60).to_string());
    Ok(if test.status()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
