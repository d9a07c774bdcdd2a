//! Which part of time a command reads.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use jiff::Timestamp;

use crate::{
    cmd::when::{When, parse_when},
    error::CliError,
    ring::Window,
};

/// Which part of time is read.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Time")]
pub struct TimeArgs {
    /// Only intervals that began at this time or later: -2h, 2026-11-25T08:49:05Z
    #[arg(long, value_name = "WHEN", value_parser = parse_when, allow_hyphen_values = true)]
    pub from: Option<When>,
    /// Only intervals that began before this time: -1h, 2026-11-25T09:49:05Z
    #[arg(long, value_name = "WHEN", value_parser = parse_when, allow_hyphen_values = true)]
    pub to: Option<When>,
}

impl TimeArgs {
    /// The span, as seen at `now`, in seconds since the epoch.
    pub fn window(&self, now: f64) -> Result<Window, CliError> {
        span("--from and --to", self.from, self.to, now)
    }
}

/// A span, as seen at `now`; one that ends before it begins is refused under the name that it was given by.
pub fn span(what: &str, from: Option<When>, to: Option<When>, now: f64) -> Result<Window, CliError> {
    let [from, to] = [from, to].map(|when| when.map(|when| when.seconds(now)));
    if let (Some(first), Some(last)) = (from, to)
        && first >= last
    {
        return Err(CliError::usage(what, "the span ends before it begins", "swap its ends"));
    }
    Ok(Window { from, to })
}

/// In seconds since the epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A time as outputs write it.
#[must_use]
pub fn stamp(at: f64) -> String {
    let stamp = Timestamp::from_millisecond((at * 1e3) as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
