//! `exitpath record`: options, and what happens before and after tracing.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use super::{
    args::{OutputArgs, ViewArgs},
    filters::FilterArgs,
    outputs::Outputs,
    privileges,
    replicates::{self, ReplicateArgs},
    run::{self, Timing},
    signals::ready_descriptor,
    start::{Request, start},
};
use crate::{
    command::Command, error::CliError, histogram::Precision, kernel::Facts, metadata::Metadata,
    recorder::Recorder, settings::Settings,
};

/// Trace this machine, some processes or a command, and show every call's exit path and latency
///
/// Runs until the time is up, the command ends, or Ctrl-C, and then prints the result.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct RecordArgs {
    /// Stop after this many seconds; a command that still runs is ended
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) duration: Option<f64>,
    /// Print each interval of this many seconds; with --runs, record it
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) interval: Option<f64>,
    /// Write the recording to this file, interval by interval; .gz and .zst compress it. With --runs: this folder
    #[arg(short = 'o', long, value_name = "FILE.hlog|DIR", help_heading = "Output")]
    pub(super) recording: Option<PathBuf>,
    #[command(flatten)]
    pub(super) replicates: ReplicateArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) view: ViewArgs,
    #[command(flatten)]
    filters: FilterArgs,
    /// List the calls that have not returned at the end
    #[arg(long, help_heading = "View")]
    pub(super) in_flight: bool,
    /// Count only: no latencies, at a third of the cost
    #[arg(long, help_heading = "Cost")]
    counts_only: bool,
    /// Count all calls, time one in N, chosen at random
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Cost")]
    sample: u32,
    /// Significant digits of the histograms: 2, or where memory is short 1, which needs a sixth of it
    #[arg(long, value_name = "DIGITS", value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Cost")]
    precision: Option<u8>,
    /// Series kept on each CPU; what finds none is counted as lost. By default 220, or as many as fit into 8 MiB a
    /// CPU and a quarter of the free memory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=18_000), help_heading = "Cost")]
    max_series: Option<u32>,
    /// This plan instead of the best one (`exitpath plan --explain`)
    #[arg(long, value_name = "NAME", help_heading = "Cost")]
    plan: Option<String>,
    /// Switch a syscall tracepoint on, so that a partial-frame kernel runs every call through its slow path
    #[arg(long, help_heading = "Cost")]
    divert: bool,
    /// Diagnostics from the kernel programs' slow paths, on standard error
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Keep the capabilities that are not needed any more once everything is attached
    #[arg(long, help_heading = "Privileges")]
    keep_privileges: bool,
    /// Trace this command and what it starts, from its first call on
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// Runs it; the command's exit code, or 0.
pub fn run(args: &RecordArgs) -> Result<u8, CliError> {
    // clap drops a `--` with nothing behind it.
    let dangling = args.command.is_empty() && std::env::args_os().any(|word| word == "--");
    if dangling || args.command.first().is_some_and(|word| word.is_empty()) {
        return Err(CliError::usage(
            "no command",
            "nothing stands after --",
            "give a program, or leave -- out",
        ));
    }
    args.check_filters(!args.command.is_empty() || args.replicates.ab.is_some())?;
    if let Some(runs) = args.replicates.runs {
        return replicates::run(args, runs);
    }
    let ready = ready_descriptor();
    let mut outputs =
        Outputs::open(args.recording.as_deref(), &args.output, &args.view, args.interval.is_some())?;
    // Forked while this process has one thread.
    let keeper = if args.keep_privileges { None } else { privileges::keeper() };
    let mut command = if args.command.is_empty() { None } else { Some(Command::prepare(&args.command)?) };
    let facts = Facts::gather();
    let (mut recorder, metadata) = args.attach(&facts, command.as_ref(), &args.command)?;
    outputs.begin(&metadata)?;
    if let Some(command) = &mut command {
        command.start()?;
    }
    if !args.keep_privileges {
        privileges::give_up(&mut recorder, keeper, &outputs, command.is_some(), args.verbose)?;
    }
    run::trace(recorder, &metadata, &args.timing(), outputs, command, ready, args.verbose)
}

impl RecordArgs {
    /// Everything that can be wrong with the filters is said before a process is made or a program loaded.
    fn check_filters(&self, with_command: bool) -> Result<(), CliError> {
        // Following is implied, and allowed, with a command.
        let command = with_command.then_some(0);
        self.filters.resolve(command, self.counts_only, self.sample).map(drop)
    }

    /// Chooses a plan for these options, loads its programs and attaches them; and the head of the recording.
    pub(super) fn attach(
        &self,
        facts: &Facts,
        command: Option<&Command>,
        words: &[OsString],
    ) -> Result<(Recorder, Metadata), CliError> {
        let settings = Settings {
            sample: self.sample,
            counts_only: self.counts_only,
            verbose: self.verbose,
            divert: self.divert,
            ..self.filters.resolve(command.map(Command::pid), self.counts_only, self.sample)?
        };
        let request = Request {
            settings,
            precision: self.precision.and_then(Precision::from_digits),
            max_series: self.max_series,
            plan: self.plan.as_deref(),
            follow: self.filters.follow || command.is_some(),
            filters: self.filters.describe(),
            command: words,
        };
        start(facts, request)
    }

    /// When to read and when to stop.
    pub(super) const fn timing(&self) -> Timing {
        Timing { duration: self.duration, interval: self.interval, in_flight: self.in_flight }
    }
}

/// Seconds, as they are typed.
pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.strip_suffix('s').unwrap_or(text).parse() {
        Ok(seconds) if (0.01..=1e8).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds, 0.01 or more, as in 10 or 0.5".to_owned()),
    }
}
