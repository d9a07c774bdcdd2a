//! What the rounds gave, as outputs show it. Pure.

use super::{
    Bench, Disturbance, Summary,
    clock::{Clock, Rate},
    rounds::Condition,
    route::Route,
};

/// All of it.
#[derive(Clone, Debug)]
pub struct Results {
    /// The CPU that ran the benches.
    pub cpu: u32,
    /// Rounds that were run.
    pub rounds: u32,
    /// The batches' clock.
    pub clock: Clock,
    /// Its rate over the run.
    pub rate: Rate,
    /// A pair of its readings, in ns; part of each batch.
    pub clock_ns: f64,
    /// An empty turn of the loop around the plain calls, in ns; part of each call.
    pub loop_ns: f64,
    /// Why there are no cycles; `None` where there are.
    pub no_cycles: Option<String>,
    /// What makes the figures less than they could be.
    pub warnings: Vec<String>,
    /// Benches that could not be run, and why.
    pub skipped: Vec<(&'static str, String)>,
    /// A row a bench and condition.
    pub rows: Vec<Row>,
    /// Conditions against the bare benches of the same rounds.
    pub against: Vec<Against>,
    /// With `--traced`: the plan that was attached, or why none could be.
    pub tracer: Option<Result<String, String>>,
}

/// A bench under a condition. Times are in ns an operation.
#[derive(Clone, Debug)]
pub struct Row {
    /// The bench.
    pub bench: &'static Bench,
    /// What held.
    pub condition: Condition,
    /// How the call returns, by construction.
    pub route: Route,
    /// Calls in batches.
    pub calls: u64,
    /// Calls of the same series beside them: trying, warming up, leading in.
    pub untimed_calls: u64,
    /// All batches together, in ns.
    pub ns: f64,
    /// Calls in the largest batch.
    pub batch: u64,
    /// The batches' means.
    pub summary: Summary,
    /// Disturbed batches, by the number of the [`Disturbance`].
    pub disturbed: [u64; Disturbance::COUNT],
    /// Cycles and instructions an operation, user and kernel.
    pub cycles: Option<(f64, f64)>,
}

impl Row {
    /// The mean over all calls, in ns.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.ns / self.calls.max(1) as f64
    }

    /// Operations a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.ns > 0.0 { self.calls as f64 * 1e9 / self.ns } else { 0.0 }
    }

    /// How much of the shortest batch reading the clock took, 0 to 1.
    #[must_use]
    pub fn clock_share(&self, clock_ns: f64) -> f64 {
        let shortest = self.summary.min * self.batch as f64;
        if shortest > 0.0 { (clock_ns / shortest).min(1.0) } else { 0.0 }
    }
}

/// A condition against the bare bench: medians over rounds of the rounds' medians, in ns.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    /// The bench's name.
    pub name: &'static str,
    /// What held.
    pub condition: Condition,
    /// Rounds that have both.
    pub rounds: usize,
    /// With nothing attached.
    pub bare: f64,
    /// Under the condition.
    pub with: f64,
    /// What it adds: the median of the differences within a round.
    pub added: f64,
}

impl Against {
    /// How many times the bare bench it takes.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.bare > 0.0 { self.with / self.bare } else { 0.0 }
    }
}
