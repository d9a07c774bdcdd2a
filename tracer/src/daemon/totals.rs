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
mod tests {
    use super::*;
    use crate::{histogram::Precision, report::fixture};
    use proptest::prelude::*;
    use tracer_common::SyscallId;

    const WIDE: Bounds = Bounds { series: 500, errors: 500 };

    fn key(nr: u16, path: Path) -> SeriesKey {
        SeriesKey::new(SyscallId { abi: Abi::X86_64, nr }, path)
    }

    fn series(latencies: &[u64]) -> Series {
        let mut series = Series { returns: latencies.len() as u64, ..Series::new(Precision::Two) };
        for &ns in latencies {
            series.latency.record(ns);
        }
        series
    }

    fn counters(totals: &Totals) -> BTreeMap<(Labels, u16), u64> {
        let mut all = BTreeMap::new();
        for (labels, total) in &totals.series {
            all.insert((labels.clone(), u16::MAX), total.returns);
            all.insert((labels.clone(), u16::MAX - 1), total.latency.sum);
            all.extend(total.latency.cells.iter().map(|(&cell, &count)| ((labels.clone(), cell), count)));
        }
        all
    }

    proptest! {
        /// Calls return by one path and move to the other, at once or an interval or two later.
        #[test]
        fn no_counter_ever_falls(calls in prop::collection::vec((0_usize..8, 0_usize..3, 1_u64..2000), 1..60)) {
            let (sysret, iret) = (key(62, Path::Sysret), key(62, Path::Iret));
            let mut intervals = vec![Snapshot::default(); 12];
            let mut moves = 0;
            for &(at, later, ns) in &calls {
                let one = series(&[ns]);
                let put = |to: &mut BTreeMap<_, Series>, key| to.entry(key).or_insert_with(|| Series::new(Precision::Two)).merge(&one);
                if later == 0 {
                    put(&mut intervals[at].series, sysret);
                } else {
                    put(&mut intervals[at].series, sysret);
                    put(&mut intervals[at + later].series, iret);
                    put(&mut intervals[at + later].moved, sysret);
                    moves += 1;
                }
            }
            let mut totals = Totals::new(WIDE);
            let mut before = counters(&totals);
            for one in &intervals {
                totals.add(one, 1);
                let now = counters(&totals);
                for (name, count) in &before {
                    prop_assert!(now[name] >= *count);
                }
                before = now;
            }
            let all: u64 = totals.series.values().map(|one| one.returns).sum();
            let owed: u64 = totals.owed.values().map(|one| one.returns).sum();
            prop_assert_eq!(all - owed, calls.len() as u64);
            prop_assert!(owed <= moves);
            for total in totals.series.values() {
                prop_assert_eq!(total.latency.count, total.latency.cells.values().sum::<u64>());
            }
        }
    }

    #[test]
    fn beyond_the_bound_is_other() {
        let mut totals = Totals::new(Bounds { series: 2, errors: 1 });
        let snapshot = fixture::snapshot();
        totals.add(&snapshot, 1);
        totals.add(&snapshot, 1);
        assert_eq!(totals.series.keys().filter(|labels| labels.syscall != OTHER).count(), 2);
        assert_eq!(totals.series.values().map(|one| one.returns).sum::<u64>(), 2 * snapshot.returns());
        let other: u64 = totals
            .series
            .iter()
            .filter(|(labels, _)| labels.syscall == OTHER)
            .map(|(_, one)| one.returns)
            .sum();
        assert_eq!(other, totals.folded);
        let failed: u64 = snapshot.series.values().flat_map(|one| one.errors.values()).sum();
        assert_eq!(totals.errors.values().sum::<u64>(), 2 * failed);
        assert_eq!(totals.errors.len(), 2);
    }

    #[test]
    fn sampled_latencies_stand_for_all() {
        let mut totals = Totals::new(WIDE);
        let mut snapshot =
            Snapshot { series: [(key(110, Path::Sysret), series(&[80, 90]))].into(), ..Snapshot::default() };
        snapshot.series.values_mut().for_each(|one| one.returns = 32);
        totals.add(&snapshot, 16);
        let total = totals.series.values().next().unwrap();
        assert_eq!((total.returns, total.latency.count, total.latency.sum), (32, 32, 170 * 16));
    }
}
