//! What was seen in an interval: plain data, the same whether it comes from the maps or from a recording.

use std::collections::BTreeMap;

use tracer_common::{Cause, Loss, Path, Reason, SeriesKey, Untimed, handlers::Diversion};

use serde::{Deserialize, Serialize};

use crate::histogram::{Histogram, Precision, total};

/// One interval, or several added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When it began, in ns since the recording's start.
    pub start_ns: u64,
    /// How long it was, in ns.
    pub duration_ns: u64,
    /// CPUs that were online.
    pub cpus: u32,
    /// What was counted, by ABI, number and path.
    pub series: BTreeMap<SeriesKey, Series>,
    /// Returns that an earlier interval counted here and that have moved to another path since: to be taken from the sum.
    pub moved: BTreeMap<SeriesKey, Series>,
    /// From a thread's return by this path to its next entry.
    pub turnaround: BTreeMap<Path, Histogram>,
    /// What is missing, by the number of the [`Loss`].
    pub losses: [u64; Loss::COUNT],
    /// Returns without latency and calls without return, by the number of the [`Untimed`].
    pub untimed: [u64; Untimed::COUNT],
    /// On a partial frame: what kept calls off the fast path, by the number of the [`Diversion`]. A call may have
    /// several.
    pub diversions: [u64; Diversion::COUNT],
    /// What the tracer itself cost.
    pub own_cost: OwnCost,
    /// Runs of our programs that the kernel skipped, by program; those of a program that only labels or times cost no
    /// count.
    pub missed: BTreeMap<String, u64>,
}

/// One series' share of an interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Returns to user mode, timed or not.
    pub returns: u64,
    /// Returns while the task had a tracer, which may have changed the registers unseen.
    pub ptraced: u64,
    /// Failed tests, by the number of the [`Reason`].
    pub reasons: [u64; Reason::COUNT],
    /// Causes, by the number of the [`Cause`].
    pub causes: [u64; Cause::COUNT],
    /// Errors by [`tracer_common::layout::error_cell`].
    pub errors: BTreeMap<u8, u64>,
    /// Service time of the timed returns.
    pub latency: Histogram,
    /// From `sys_exit` to the final hook; empty in plans that have none.
    pub work: Histogram,
}

/// What our programs cost, from the kernel's run-time statistics. These are switched on only in short windows,
/// because measuring every run would cost more than the runs do; `window_ns` says for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCost {
    /// Program runs in the windows.
    pub runs: u64,
    /// Their time in ns.
    pub run_ns: u64,
    /// How long the windows were open, in ns.
    pub window_ns: u64,
    /// CPU time of the reading process, in ns.
    pub reader_ns: u64,
    /// Memory of the maps, in bytes.
    #[serde(default)]
    pub map_bytes: u64,
    /// CPUs that the maps have room for: all that can ever be online.
    #[serde(default)]
    pub possible_cpus: u32,
}

impl Series {
    /// An empty series.
    #[must_use]
    pub fn new(precision: Precision) -> Self {
        Self { latency: Histogram::new(precision), work: Histogram::new(precision), ..Self::default() }
    }

    /// Adds another interval's share.
    pub fn merge(&mut self, other: &Self) {
        let Self { returns, ptraced, reasons, causes, errors, latency, work } = self;
        add_one(returns, other.returns);
        add_one(ptraced, other.ptraced);
        add(reasons, &other.reasons);
        add(causes, &other.causes);
        for (&cell, &count) in &other.errors {
            add_one(errors.entry(cell).or_default(), count);
        }
        latency.merge(&other.latency);
        work.merge(&other.work);
    }

    /// Takes back what was counted before. Never below nothing: the interval that counted it may not be part of the sum.
    fn take_back(&mut self, moved: &Self) {
        self.returns = self.returns.saturating_sub(moved.returns);
        self.ptraced = self.ptraced.saturating_sub(moved.ptraced);
        take(&mut self.reasons, &moved.reasons);
        take(&mut self.causes, &moved.causes);
        for (cell, count) in &moved.errors {
            if let Some(error) = self.errors.get_mut(cell) {
                *error = error.saturating_sub(*count);
            }
        }
        self.errors.retain(|_, count| *count > 0);
        self.latency.take_back(&moved.latency);
    }

    /// Takes from both what they have in common: this pays what is owed, as far as it goes.
    pub fn settle(&mut self, owed: &mut Self) {
        let Self { returns, ptraced, reasons, causes, errors, latency, work: _ } = self;
        pay(returns, &mut owed.returns);
        pay(ptraced, &mut owed.ptraced);
        reasons.iter_mut().zip(&mut owed.reasons).for_each(|(have, owed)| pay(have, owed));
        causes.iter_mut().zip(&mut owed.causes).for_each(|(have, owed)| pay(have, owed));
        for (cell, owed) in &mut owed.errors {
            if let Some(have) = errors.get_mut(cell) {
                pay(have, owed);
            }
        }
        errors.retain(|_, count| *count > 0);
        owed.errors.retain(|_, count| *count > 0);
        latency.settle(&mut owed.latency);
    }
}

/// Takes the smaller of two counts from both.
fn pay(have: &mut u64, owed: &mut u64) {
    let paid = (*have).min(*owed);
    *have -= paid;
    *owed -= paid;
}

impl Snapshot {
    /// All its histograms, in one order.
    pub fn histograms_mut(&mut self) -> impl Iterator<Item = &mut Histogram> {
        let series = self.series.values_mut().chain(self.moved.values_mut());
        series.flat_map(|one| [&mut one.latency, &mut one.work]).chain(self.turnaround.values_mut())
    }

    /// Adds a later part of the same interval: what moved from an earlier interval stays to be taken from that one.
    pub fn extend(&mut self, mut part: Self) {
        let mut moved = std::mem::take(&mut part.moved);
        moved.retain(|key, owed| {
            if let Some(have) = self.series.get_mut(key) {
                have.settle(owed);
            }
            owed.returns > 0 || owed.latency.count > 0
        });
        self.series.retain(|_, one| one.returns > 0);
        self.merge(&part);
        for (key, owed) in moved {
            let sum = self.moved.entry(key).or_insert_with(|| Series::new(owed.latency.precision));
            sum.merge(&owed);
        }
    }

    /// Adds a later interval.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            start_ns,
            duration_ns,
            cpus,
            series,
            moved: _,
            turnaround,
            losses,
            untimed,
            diversions,
            own_cost,
            missed,
        } = self;
        if *duration_ns == 0 {
            *start_ns = other.start_ns;
        }
        add_one(duration_ns, other.duration_ns);
        *cpus = (*cpus).max(other.cpus);
        for (&key, one) in &other.series {
            series.entry(key).or_insert_with(|| Series::new(one.latency.precision)).merge(one);
        }
        for (key, one) in &other.moved {
            if let Some(before) = series.get_mut(key) {
                before.take_back(one);
                if before.returns == 0 {
                    series.remove(key);
                }
            }
        }
        for (&path, one) in &other.turnaround {
            turnaround.entry(path).or_insert_with(|| Histogram::new(one.precision)).merge(one);
        }
        add(losses, &other.losses);
        add(untimed, &other.untimed);
        for (name, &count) in &other.missed {
            add_one(missed.entry(name.clone()).or_default(), count);
        }
        add(diversions, &other.diversions);
        add_one(&mut own_cost.runs, other.own_cost.runs);
        add_one(&mut own_cost.run_ns, other.own_cost.run_ns);
        add_one(&mut own_cost.window_ns, other.own_cost.window_ns);
        add_one(&mut own_cost.reader_ns, other.own_cost.reader_ns);
        own_cost.map_bytes = own_cost.map_bytes.max(other.own_cost.map_bytes);
        own_cost.possible_cpus = own_cost.possible_cpus.max(other.own_cost.possible_cpus);
    }

    /// The same where each timed return stands for `times` returns.
    #[must_use]
    pub fn scaled(mut self, times: u64) -> Self {
        for one in self.series.values_mut().chain(self.moved.values_mut()) {
            one.latency = std::mem::take(&mut one.latency).scaled(times);
            one.work = std::mem::take(&mut one.work).scaled(times);
        }
        self
    }

    /// Returns to user mode in all series.
    #[must_use]
    pub fn returns(&self) -> u64 {
        total(self.series.values().map(|one| one.returns))
    }
}

fn add<const N: usize>(to: &mut [u64; N], from: &[u64; N]) {
    for (to, from) in to.iter_mut().zip(from) {
        add_one(to, *from);
    }
}

fn take<const N: usize>(from: &mut [u64; N], what: &[u64; N]) {
    for (from, what) in from.iter_mut().zip(what) {
        *from = from.saturating_sub(*what);
    }
}

/// Saturates: a recording may say anything.
const fn add_one(to: &mut u64, from: u64) {
    *to = to.saturating_add(from);
}

#[cfg(test)]
mod tests;
