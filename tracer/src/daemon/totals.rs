//! Counters since the daemon's start, as Prometheus wants them: they never decrease.
//!
//! A return may move to another path after it was read ([`Snapshot::moved`]). Its old series then *owes* it: the next
//! returns there are not added until the debt is paid. A counter so never falls, and is never ahead by more than what
//! has moved from it. Series above a bound are added up as `other`.

use std::collections::BTreeMap;

use tracer_common::{Abi, Loss, Path, Reason, SeriesKey, Untimed};

use crate::{
    histogram::Histogram,
    report::{CallName, error_name},
    snapshot::{Series, Snapshot},
};

/// What series beyond the bound are called.
pub const OTHER: &str = "other";

/// How many label sets there may be at most, `other` not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Call, ABI and path.
    pub series: usize,
    /// Call and error.
    pub errors: usize,
}

/// What a series is labelled with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    /// Name of the call, or [`OTHER`].
    pub syscall: String,
    /// The exit path.
    pub path: Path,
    /// The ABI.
    pub abi: Abi,
}

/// One series since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Returns to user mode, timed or not.
    pub returns: u64,
    /// Service time.
    pub latency: Histogram,
}

/// Everything since the start.
#[derive(Clone, Debug)]
pub struct Totals {
    bounds: Bounds,
    names: BTreeMap<SeriesKey, Labels>,
    owed: BTreeMap<SeriesKey, Series>,
    /// By labels.
    pub series: BTreeMap<Labels, Total>,
    /// Failed calls by name and error.
    pub errors: BTreeMap<(String, String), u64>,
    /// Failed tests, by the number of the [`Reason`].
    pub reasons: [u64; Reason::COUNT],
    /// `sys_exit` to the final hook.
    pub work: BTreeMap<Path, Histogram>,
    /// From a return by this path to the thread's next entry.
    pub turnaround: BTreeMap<Path, Histogram>,
    /// By the number of the [`Loss`].
    pub losses: [u64; Loss::COUNT],
    /// Program runs that the kernel skipped, by program.
    pub missed: BTreeMap<String, u64>,
    /// By the number of the [`Untimed`].
    pub untimed: [u64; Untimed::COUNT],
    /// Runs of the programs while they were measured, their time, and for how long, in ns.
    pub runs: u64,
    /// See [`Self::runs`].
    pub run_ns: u64,
    /// See [`Self::runs`].
    pub window_ns: u64,
    /// Returns that were counted in `other`.
    pub folded: u64,
}

impl Totals {
    /// Nothing yet.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            names: BTreeMap::new(),
            owed: BTreeMap::new(),
            series: BTreeMap::new(),
            errors: BTreeMap::new(),
            reasons: [0; Reason::COUNT],
            work: BTreeMap::new(),
            turnaround: BTreeMap::new(),
            losses: [0; Loss::COUNT],
            missed: BTreeMap::new(),
            untimed: [0; Untimed::COUNT],
            runs: 0,
            run_ns: 0,
            window_ns: 0,
            folded: 0,
        }
    }

    /// Other bounds. What has a name keeps it.
    pub const fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Adds what was read; one call in `sample` of it was timed, so each latency stands for as many.
    pub fn add(&mut self, snapshot: &Snapshot, sample: u32) {
        for (&key, moved) in &snapshot.moved {
            let owed = self.owed.entry(key).or_insert_with(|| Series::new(moved.latency.precision));
            owed.merge(moved);
        }
        for (&key, series) in &snapshot.series {
            let mut gain = series.clone();
            if let Some(owed) = self.owed.get_mut(&key) {
                gain.settle(owed);
                if *owed == Series::new(owed.latency.precision) {
                    self.owed.remove(&key);
                }
            }
            self.gain(key, gain, u64::from(sample.max(1)));
        }
        for (&path, one) in &snapshot.turnaround {
            self.turnaround.entry(path).or_insert_with(|| Histogram::new(one.precision)).merge(one);
        }
        add(&mut self.losses, &snapshot.losses);
        for (program, &count) in &snapshot.missed {
            let sum = self.missed.entry(program.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
        add(&mut self.untimed, &snapshot.untimed);
        self.runs = self.runs.saturating_add(snapshot.own_cost.runs);
        self.run_ns = self.run_ns.saturating_add(snapshot.own_cost.run_ns);
        self.window_ns = self.window_ns.saturating_add(snapshot.own_cost.window_ns);
    }

    fn gain(&mut self, key: SeriesKey, gain: Series, sample: u64) {
        let Series { returns, ptraced: _, reasons, causes: _, errors, latency, work } = gain;
        let labels = self.labels(key);
        if labels.syscall == OTHER {
            self.folded = self.folded.saturating_add(returns);
        }
        add(&mut self.reasons, &reasons);
        for (cell, count) in errors {
            let name = (labels.syscall.clone(), error_name(cell));
            let full = self.errors.len() >= self.bounds.errors && !self.errors.contains_key(&name);
            let name = if full { (OTHER.to_owned(), OTHER.to_owned()) } else { name };
            let sum = self.errors.entry(name).or_default();
            *sum = sum.saturating_add(count);
        }
        if work.count > 0 {
            let sum = self.work.entry(key.path()).or_insert_with(|| Histogram::new(work.precision));
            sum.merge(&work.scaled(sample));
        }
        let total = self
            .series
            .entry(labels)
            .or_insert_with(|| Total { returns: 0, latency: Histogram::new(latency.precision) });
        total.returns = total.returns.saturating_add(returns);
        total.latency.merge(&latency.scaled(sample));
    }

    fn labels(&mut self, key: SeriesKey) -> Labels {
        if let Some(labels) = self.names.get(&key) {
            return labels.clone();
        }
        let call = CallName::new(key.call());
        let full = self.names.values().filter(|labels| labels.syscall != OTHER).count() >= self.bounds.series;
        let syscall = if full { OTHER.to_owned() } else { call.name };
        let labels = Labels { syscall, path: key.path(), abi: call.abi };
        self.names.insert(key, labels.clone());
        labels
    }
}

fn add<const N: usize>(to: &mut [u64; N], from: &[u64; N]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = to.saturating_add(*from);
    }
}

#[cfg(test)]
mod tests;
