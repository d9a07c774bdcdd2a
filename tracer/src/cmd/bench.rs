//! `exitpath bench`: the options, and what is said before anything is measured.

mod perform;
mod runs;

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{args::OutputArgs, record::parse_seconds};
use crate::{
    bench::{Bench, list, names, rounds::Effort},
    error::CliError,
    regime::Regime,
    sink::Sink,
};

/// Time a call's whole round trip, user mode to kernel to user mode, on one CPU
///
/// Each bench makes one call whose exit path is known by construction. What is recorded is the mean of each batch of calls:
/// recordings compare with `exitpath diff`. Needs no root, but for --traced and --divert.
#[derive(Args, Clone)]
pub struct BenchArgs {
    /// Benches, or `all` [default: the standard ones]
    #[arg(value_name = "BENCH")]
    names: Vec<String>,
    /// List the benches, and by which path each leaves here
    #[arg(long)]
    list: bool,
    /// Run on this CPU [default: the last that may be used]
    #[arg(long, value_name = "N")]
    cpu: Option<u32>,
    /// Time each bench for so long, over all rounds
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "1")]
    duration: f64,
    /// Make exactly N calls of each bench instead, over all rounds (thread-switch: an even number)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 40), conflicts_with = "duration")]
    calls: Option<u64>,
    /// Rounds, in each of which every bench has its turn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), default_value_t = 20)]
    rounds: u32,
    /// Run each bench for so long before anything counts; 0 makes no call that does not count, but for one try
    #[arg(long, value_name = "SECONDS", value_parser = parse_pause, default_value = "0.1")]
    warmup: f64,
    /// Measure with exitpath's own recorder attached too, in every round: what tracing adds to a call
    #[arg(long)]
    traced: bool,
    /// On a partial-frame kernel, measure the slow path too: in every round a syscall tracepoint is switched on
    #[arg(long)]
    divert: bool,
    /// Write the recording to this file, an interval a round; .gz and .zst compress it
    #[arg(short = 'o', long, value_name = "FILE.hlog", help_heading = "Output")]
    recording: Option<PathBuf>,
    /// Do it N times, each in a process of its own, and write a recording each into the folder that -o names
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), requires = "recording", help_heading = "Output")]
    runs: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<(), CliError> {
    let benches = names::named(&args.names).map_err(|error| CliError::told(crate::error::USAGE, &error))?;
    if args.list {
        return show(&benches, args.names.is_empty());
    }
    match args.runs {
        Some(runs) => runs::run(args, runs),
        None => perform::perform(args, &benches),
    }
}

impl BenchArgs {
    fn effort(&self) -> Effort {
        let most = self.calls.map_or(u32::MAX, |calls| u32::try_from(calls).unwrap_or(u32::MAX));
        Effort {
            rounds: self.rounds.min(most),
            duration: Duration::from_secs_f64(self.duration),
            calls: self.calls,
            warmup: Duration::from_secs_f64(self.warmup),
        }
    }
}

/// Lists the benches: all, unless some were named.
fn show(benches: &[&Bench], all: bool) -> Result<(), CliError> {
    let regime = Regime::of(&crate::kernel::Facts::gather());
    let mut sink = Sink::stdout();
    let benches: Vec<&Bench> = if all { list::ALL.iter().collect() } else { benches.to_vec() };
    sink.put(|to| {
        writeln!(to, "{:<15} {:<12} ONE OPERATION (* standard)", "BENCH", "PATH")?;
        for bench in benches {
            let name = format!("{}{}", bench.name, if bench.standard { "*" } else { "" });
            let path = bench.route(regime, false).path.name();
            let alias = bench.alias.map(|alias| format!(" (or {alias})")).unwrap_or_default();
            writeln!(to, "{name:<15} {path:<12} {}{alias}", bench.what)?;
        }
        Ok(())
    })
    .map(drop)
}

fn parse_pause(text: &str) -> Result<f64, String> {
    match text.strip_suffix('s').unwrap_or(text).parse() {
        Ok(seconds) if (0.0..=1e4).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds, 0 or more, as in 1 or 0.5".to_owned()),
    }
}
