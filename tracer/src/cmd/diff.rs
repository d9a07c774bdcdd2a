//! `exitpath diff`: two sides of recordings, compared.

mod files;
mod fleet;
mod read;
mod ring;
mod window;
mod words;

use std::{
    io::{self, IsTerminal as _},
    num::NonZeroUsize,
    path::PathBuf,
    thread::available_parallelism,
    time::Duration,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use files::{Input, Side};
use fleet::FleetArgs;
use words::{FailOn, MinEffect};

use crate::{
    cmd::inputs::{TimeArgs, time::now},
    diff::{self, Comparison, Options, Run, Sort, compare},
    error::{CliError, USAGE},
    output::diff::{Format, Options as Layout, write},
    sink::Sink,
    syscalls::Expr,
};

/// Shuffles of `--aa`.
const SHUFFLES: usize = 1000;

/// Compare two sides of recordings, a run a file or a ring: what became slower or faster, by how much, and how sure that
/// is
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit codes: 0 no regression (or none asked for), 1 a regression over --fail-on, 2 wrong \
                        usage or input. docs/STATISTICS.md says how the numbers are made."
)]
pub struct DiffArgs {
    /// The base: recordings, folders of recordings, rings of a daemon, or patterns. RING@-2h..-1h is a part of its time
    #[arg(required_unless_present = "prometheus", value_name = "BASE")]
    pub base: Vec<PathBuf>,
    /// What is compared with it, after `--`
    #[arg(last = true, value_name = "NEW")]
    pub new: Vec<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub time: TimeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub method: MethodArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub fleet: FleetArgs,
    /// Order of the rows
    #[arg(long, value_enum, value_name = "KEY", default_value_t, help_heading = "View")]
    pub sort: Sort,
    /// Show at most N rows a table
    #[arg(long, value_name = "N", help_heading = "View")]
    pub top: Option<NonZeroUsize>,
    /// Show only these calls, as -e of `record` names them; what is tested stays the same
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true, help_heading = "View")]
    pub only: Vec<Expr>,
    /// Exit with 1 if a shown call, path or turnaround is slower (by this much or more)
    #[arg(long, value_name = "slower[:1%]", value_parser = words::fail_on)]
    pub fail_on: Option<FailOn>,
    /// Format of the result
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: Format,
    /// Write the result to FILE, which is opened before any work
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

/// How the sides are compared.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Method")]
pub struct MethodArgs {
    /// Smaller changes are no change: a share, a time, or both, of which the larger counts
    #[arg(long, value_name = "SHARE,TIME", default_value = "1%,5ns", value_parser = words::min_effect)]
    pub min_effect: MinEffect,
    /// Confidence of the intervals
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = words::confidence)]
    pub confidence: f64,
    /// Resamples of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = words::resamples)]
    pub resamples: usize,
    /// Seed of the bootstrap: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Shuffle the runs of one side, and say how often labels that mean nothing give a finding
    #[arg(long)]
    pub aa: bool,
    /// Compare what was recorded with other plans, precision or filters, with a warning
    #[arg(long)]
    pub force: bool,
}

/// Runs the command: its exit code.
pub fn run(args: &DiffArgs) -> Result<u8, CliError> {
    let mut options = options(args)?;
    let mut sink = Sink::open(args.output.as_deref())?;
    let bar = progress_bar();
    let sides = read_sides(args, options.threads, &bar)?;
    bar.set_message("comparing");
    let (base, new) = (sides.base, sides.new);
    options = Options { base_label: base.0, new_label: new.0, hosts: sides.hosts, ..options };
    let told = |share: f64| bar.set_position((share * 100.0) as u64);
    bar.set_length(100);
    let result = compare(&base.1, &new.1, &options, &told);
    bar.finish_and_clear();
    let comparison = result.map_err(|error| CliError::told(USAGE, &error))?;
    let layout = Layout { width: sink.width(), style: sink.style() };
    let flow = sink.put(|to| write(args.format, &comparison, &layout, to))?;
    if flow.is_continue() {
        sink.finish()?;
    }
    Ok(u8::from(args.fail_on.is_some_and(|fail_on| is_regression(&comparison, fail_on))))
}

fn options(args: &DiffArgs) -> Result<Options, CliError> {
    let MethodArgs { min_effect, confidence, resamples, seed, aa, force } = args.method;
    let only = if args.only.is_empty() {
        None
    } else {
        Some(Expr::combine(&args.only).map_err(|error| CliError::told(USAGE, &error))?)
    };
    let is_new = !args.new.is_empty() || args.fleet.new_hosts.is_some();
    if aa && is_new {
        return Err(CliError::told(USAGE, &diff::DiffError::TwoSidesToShuffle));
    }
    if !aa && !is_new {
        let remedy = match args.fleet.prometheus {
            Some(_) => "give its hosts: --new SELECTOR",
            None => "give it after `--`: exitpath diff BASE... -- NEW...",
        };
        return Err(CliError::usage("nothing to compare with", "the new side is missing", remedy));
    }
    Ok(Options {
        seed,
        resamples,
        confidence,
        min_effect_ratio: min_effect.ratio,
        min_effect_ns: min_effect.ns,
        sort: args.sort,
        only,
        top: args.top.map(NonZeroUsize::get),
        force,
        shuffles: aa.then_some(SHUFFLES),
        curves: args.format == Format::Html,
        threads: available_parallelism().map_or(1, NonZeroUsize::get),
        repeat: words::typed(std::env::args_os()),
        ..Options::default()
    })
}

type Read = (String, Vec<Run>);

/// What is compared.
struct Sides {
    base: Read,
    new: Read,
    /// Each run is a host.
    hosts: bool,
}

fn read_sides(args: &DiffArgs, threads: usize, bar: &ProgressBar) -> Result<Sides, CliError> {
    let now = now();
    if let Some(url) = &args.fleet.prometheus {
        if args.time.from.or(args.time.to).is_some() {
            let why = "a server is asked for a --range";
            return Err(CliError::usage("--from and --to", why, "write --range 1h --at -1h"));
        }
        let (base, new) = args.fleet.read(url, bar, now)?;
        return Ok(Sides { base, new, hosts: true });
    }
    let window = args.time.window(now)?;
    let side = |arguments| Side::find(arguments, &window, now);
    let (mut base, mut new) = (side(&args.base)?, side(&args.new)?);
    ring::check(base.inputs.iter().chain(&new.inputs))?;
    ring::mark_windows(&mut base.inputs);
    ring::mark_windows(&mut new.inputs);
    let base_count = base.inputs.len();
    let inputs = [base.inputs, new.inputs].concat();
    bar.set_length(inputs.len() as u64);
    bar.set_message("reading");
    let total = read::Total::default();
    let runs = read::all(&inputs, threads, &total, bar)?;
    let (mut base_runs, mut new_runs) = (Vec::new(), Vec::new());
    for (at, run) in runs.into_iter().enumerate() {
        let side = if at < base_count { &mut base_runs } else { &mut new_runs };
        side.extend(run);
    }
    let hosts = inputs.iter().all(Input::is_host);
    Ok(Sides { base: (base.label, base_runs), new: (new.label, new_runs), hosts })
}

fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bar:30} {percent} %, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Whether a latency of any shown row is slower by that much.
fn is_regression(comparison: &Comparison, fail_on: FailOn) -> bool {
    let Comparison { service, paths, exit_work, turnaround, .. } = comparison;
    let mut rows = service.iter().chain(paths).chain(exit_work).chain(turnaround);
    rows.any(|row| {
        row.changes.iter().any(|change| {
            change.metric.is_latency()
                && change.verdict == diff::Verdict::Slower
                && change.ratio.value >= 1.0 + fail_on.at_least
        })
    })
}
