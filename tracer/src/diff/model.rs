//! What a comparison says, as plain data: the one model that every output of `exitpath diff` draws from. All times
//! are in ns; a positive difference is "new is slower".

mod mix;
mod row;

use crate::{environment::Difference, metadata::Metadata};

pub use mix::{CallShift, PathMix, TotalShift};
pub use row::{Change, CurvePoint, Estimate, Level, Metric, Row, Subject, Verdict};

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
