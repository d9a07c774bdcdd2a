//! A row: a series or a path, its levels on both sides, and how each metric changed.

use tracer_common::Path;

use crate::report::CallName;

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
