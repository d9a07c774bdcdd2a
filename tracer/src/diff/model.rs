//! What a comparison says, as plain data: the one model that every output of `exitpath diff` draws from. All times
//! are in ns; a positive difference is "new is slower".

use tracer_common::Path;

use crate::{environment::Difference, metadata::Metadata, report::CallName};

/// Two sides, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared with.
    pub base: Side,
    /// What is compared.
    pub new: Side,
    /// How: everything that is needed to repeat it.
    pub method: Method,
    /// Where the sides' machines, kernels and settings differ.
    pub environment: Vec<Difference>,
    /// Differences that forbid a comparison, under `--force`: a warning in every output.
    pub forced: Vec<Difference>,
    /// What a reader must know before believing a number, one sentence each: cut recordings, losses, one run a side.
    pub notes: Vec<String>,
    /// How many runs would be needed; `None` when there are enough.
    pub advice: Option<Advice>,
    /// Service time, a row a series.
    pub service: Vec<Row>,
    /// Service time of all calls that left by a path, a row a path.
    pub paths: Vec<Row>,
    /// Exit work, a row a series; empty for plans without a final hook.
    pub exit_work: Vec<Row>,
    /// Turnaround after a return by a path, a row a path.
    pub turnaround: Vec<Row>,
    /// Rows that `--top` or `--only` left out.
    pub omitted: usize,
    /// Of all returns, how many left by each path.
    pub mix: Vec<PathMix>,
    /// Each call's shift of its mean, taken apart.
    pub calls: Vec<CallShift>,
    /// The shift of the mean over all calls, taken apart; `None` where a side has no timed call in common.
    pub total: Option<TotalShift>,
    /// What shuffled labels gave (`--aa`).
    pub aa: Option<FalsePositives>,
    /// The command that repeats this comparison.
    pub repeat: String,
}

/// One side.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// How outputs call it: its directory, or its file.
    pub label: String,
    /// The first run's head; where runs of a side differ among themselves, [`Comparison::notes`] says in what.
    pub metadata: Metadata,
    /// Its recordings.
    pub files: Vec<String>,
    /// Runs: one a recording.
    pub runs: usize,
    /// Intervals in all runs.
    pub intervals: usize,
    /// Time recorded, all runs.
    pub duration_ns: u64,
    /// Returns, all runs.
    pub returns: u64,
    /// Losses by name, zeros left out.
    pub loss: Vec<(String, u64)>,
}

/// How a comparison was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// What was resampled: [`Unit::Blocks`] claims nothing of run-to-run differences.
    pub unit: Unit,
    /// Seed of the resampling.
    pub seed: u64,
    /// Resamples of each interval.
    pub resamples: usize,
    /// Confidence of each interval, 0 to 1.
    pub confidence: f64,
    /// The share of wrong findings among all findings that is accepted (Benjamini-Hochberg), 0 to 1.
    pub fdr: f64,
    /// Changes below this share of the base are no change.
    pub min_effect_ratio: f64,
    /// Changes below this many ns are no change.
    pub min_effect_ns: f64,
    /// How many tests the correction is over.
    pub tests: usize,
    /// Intervals to a block, where blocks were resampled.
    pub block: usize,
}

/// What is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Runs, and blocks of intervals inside them.
    Runs,
    /// Blocks of intervals of the only run of a side.
    Blocks,
    /// Hosts, and blocks of time inside them.
    Hosts,
}

impl Unit {
    /// What there are so many of a side.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runs | Self::Blocks => "run",
            Self::Hosts => "host",
        }
    }

    /// So many a side are tested.
    ///
    /// Hosts count from three: that is what a canary has. Their test then rests on Welch's assumption that hosts are
    /// spread normally, since no test without it could find anything: of 20 ways to tell three from three, two are
    /// as extreme as any. Each is the mean of a long time, which makes it no worse an assumption than it must be, and
    /// [`Comparison::notes`] says it.
    #[must_use]
    pub const fn testable(self) -> usize {
        match self {
            Self::Runs | Self::Blocks => super::row::TESTABLE,
            Self::Hosts => 3,
        }
    }
}

/// More runs are needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Runs a side that would do.
    pub runs: usize,
    /// The spread between runs that was seen: standard deviation over mean, 0 to 1.
    pub spread: f64,
    /// The shift that so many runs would find in four of five comparisons, as a share of the base.
    pub effect: f64,
    /// The whole sentence.
    pub text: String,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A call by a path.
    Series(CallName, Path),
    /// Everything that left by a path.
    Path(Path),
}

/// One side's level of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Runs in which it was seen.
    pub runs: usize,
    /// Returns, all runs; for turnaround and exit work, how many were timed.
    pub returns: u64,
    /// Of these, timed.
    pub timed: u64,
    /// Calls that failed.
    pub errors: u64,
}

/// A row of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Of what.
    pub subject: Subject,
    /// The base's level.
    pub base: Level,
    /// The new side's level.
    pub new: Level,
    /// Its changes, in the order of [`Metric::ALL`]; those that could not be computed are left out.
    pub changes: Vec<Change>,
    /// The row's verdict: `slower` if a latency is slower and none faster, `faster` the other way round, `equivalent` if
    /// mean and median are and nothing is slower or faster, else `inconclusive`.
    pub verdict: Verdict,
    /// In a word or two why it is inconclusive: `p50 faster, p99 slower`, `3 runs a side`, `only in new`; or empty.
    pub because: String,
    /// Quantile curve with the shift's interval, for plots; empty unless asked for.
    pub curve: Vec<CurvePoint>,
}

/// A quantity that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Returns a second.
    Rate,
    /// Failed calls of all returns, 0 to 1.
    Errors,
    /// Mean, from exact sums, in ns.
    Mean,
    /// Median, in ns.
    P50,
    /// 90th percentile, in ns.
    P90,
    /// 99th percentile, in ns.
    P99,
    /// 99.9th percentile, in ns.
    P999,
    /// 5th percentile, in ns: only of turnaround, where the entry and exit assembly shows.
    P5,
}

/// How a metric changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub metric: Metric,
    /// The base's value.
    pub base: f64,
    /// The new side's value.
    pub new: f64,
    /// New less base, in the metric's unit.
    pub difference: Estimate,
    /// New over base.
    pub ratio: Estimate,
    /// Probability of so large a difference if there were none; `None` where nothing was tested (one run a side).
    pub p: Option<f64>,
    /// The same after Benjamini-Hochberg over all tests of the comparison.
    pub q: Option<f64>,
    /// Width of the histogram's bucket there, in ns; `None` for what is exact.
    pub resolution: Option<f64>,
    /// The difference is smaller than the resolution.
    pub below_resolution: bool,
    /// What follows.
    pub verdict: Verdict,
}

/// A value with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What may be said of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// More time; of rate and errors, more.
    Slower,
    /// Less time; of rate and errors, less.
    Faster,
    /// The interval lies inside the minimum effect.
    Equivalent,
    /// None of these can be said.
    Inconclusive,
}

/// A point of a quantile curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Share of the calls, 0 to 1.
    pub quantile: f64,
    /// The base's value there, in ns.
    pub base: f64,
    /// The new side's.
    pub new: f64,
    /// New less base, with its interval.
    pub shift: Estimate,
}

/// A path's share of all returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathMix {
    /// The path.
    pub path: Path,
    /// Its share of the base's returns, 0 to 1.
    pub base: f64,
    /// Of the new side's.
    pub new: f64,
    /// The change of the share, with its interval.
    pub difference: Estimate,
}

/// A call's shift of its mean service time: what comes from leaving by other paths, and what from the paths themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct CallShift {
    /// The call.
    pub call: CallName,
    /// Timed calls, base.
    pub base_timed: u64,
    /// Timed calls, new.
    pub new_timed: u64,
    /// Its mean over all paths, base, in ns.
    pub base: f64,
    /// The same, new.
    pub new: f64,
    /// New less base: `mix` + `within`.
    pub shift: Estimate,
    /// Because the shares of the paths changed.
    pub mix: Estimate,
    /// Because the paths themselves became slower or faster, at the base's shares.
    pub within: Estimate,
    /// Every path moved one way, and the call the other (Simpson's paradox).
    pub paradox: bool,
}

/// The shift of the mean over all calls, standardised to the base's workload.
#[derive(Clone, Debug, PartialEq)]
pub struct TotalShift {
    /// Mean of the base, in ns a timed call.
    pub base: f64,
    /// Mean of the new side.
    pub new: f64,
    /// New less base: the sum of the three below.
    pub shift: Estimate,
    /// Because other calls were made.
    pub workload: Estimate,
    /// Because calls left by other paths.
    pub paths: Estimate,
    /// Because calls by the same path took longer or shorter.
    pub within: Estimate,
    /// Every part moved one way, and the total the other.
    pub paradox: bool,
}

/// What shuffled labels within one side gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FalsePositives {
    /// Shuffles.
    pub shuffles: usize,
    /// Of these, how many had any row slower or faster.
    pub any: usize,
    /// Tests in all shuffles.
    pub tests: usize,
    /// Of these, how many said slower or faster.
    pub found: usize,
}

impl Metric {
    /// All of them, in the order of outputs.
    pub const ALL: [Self; 8] =
        [Self::Rate, Self::Errors, Self::Mean, Self::P5, Self::P50, Self::P90, Self::P99, Self::P999];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Errors => "errors",
            Self::Mean => "mean",
            Self::P5 => "p5",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }

    /// Whether it is a time: only times are slower or faster, and decide a row's verdict.
    #[must_use]
    pub const fn is_latency(self) -> bool {
        !matches!(self, Self::Rate | Self::Errors)
    }
}

impl Verdict {
    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Subject {
    /// What the row is called: `getppid`, `read (i386)`, or `all` for a path.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Series(call, _) => call.label(),
            Self::Path(_) => "all".to_owned(),
        }
    }

    /// Its path.
    #[must_use]
    pub const fn path(&self) -> Path {
        match self {
            Self::Series(_, path) | Self::Path(path) => *path,
        }
    }
}

impl Row {
    /// A metric's change.
    #[must_use]
    pub fn change(&self, metric: Metric) -> Option<&Change> {
        self.changes.iter().find(|change| change.metric == metric)
    }
}
