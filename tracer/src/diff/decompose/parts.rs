//! The arithmetic of the parts.

use std::collections::BTreeMap;

use tracer_common::{Path, SeriesKey, SyscallId};

use super::units::Sums;

/// A call and its series.
#[derive(Debug)]
pub struct Call {
    /// Which.
    pub call: SyscallId,
    /// Where its series stand, and by which path they left.
    pub series: Vec<(usize, Path)>,
}

/// Which ways the parts of a call moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Some became faster.
    pub faster: bool,
    /// Some became slower.
    pub slower: bool,
}

/// A call's shift. `base` and `new` are its means over all paths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Mean, base, in ns.
    pub base: f64,
    /// Mean, new, in ns.
    pub new: f64,
    /// By other shares of the paths.
    pub mix: f64,
    /// By other times, at the base's shares.
    pub within: f64,
    /// Of the paths that both sides have.
    pub ways: Ways,
}

/// The shift of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    /// Mean, base, in ns.
    pub base: f64,
    /// Mean, new, in ns.
    pub new: f64,
    /// By other shares of the calls.
    pub workload: f64,
    /// By other shares of the paths, at the base's shares of the calls.
    pub paths: f64,
    /// By other times, at the base's shares of calls and paths.
    pub within: f64,
    /// Of the series that both sides have.
    pub ways: Ways,
}

/// All parts.
#[derive(Debug)]
pub struct Parts {
    /// By call; `None` where a side has no timed call.
    pub calls: Vec<Option<Shift>>,
    /// Of everything; `None` where a side has no timed call at all.
    pub total: Option<Total>,
}

impl Shift {
    /// All of the shift.
    #[must_use]
    pub const fn all(&self) -> f64 {
        self.new - self.base
    }
}

/// The calls of some series.
#[must_use]
pub fn calls(order: &[SeriesKey]) -> Vec<Call> {
    let mut calls: BTreeMap<_, Call> = BTreeMap::new();
    for (at, key) in order.iter().enumerate() {
        let call = key.call();
        let one = calls.entry((call.abi, call.nr)).or_insert_with(|| Call { call, series: Vec::new() });
        one.series.push((at, key.path()));
    }
    calls.into_values().collect()
}

impl Parts {
    /// The parts of the shift from one side to the other.
    #[must_use]
    pub fn between(base: &Sums, new: &Sums, calls: &[Call]) -> Self {
        let shifts: Vec<Option<Shift>> = calls.iter().map(|call| shift(base, new, call)).collect();
        let all = |side: &Sums| (side.counts.iter().sum::<f64>(), side.times.iter().sum::<f64>());
        let ((base_count, base_time), (new_count, new_time)) = (all(base), all(new));
        if base_count <= 0.0 || new_count <= 0.0 {
            return Self { calls: shifts, total: None };
        }
        let mut total = Total { base: base_time / base_count, new: new_time / new_count, ..Total::default() };
        for (call, shift) in calls.iter().zip(&shifts) {
            let of = |side: &Sums| of_call(side, call);
            let ((one, one_time), (other, other_time)) = (of(base), of(new));
            let (one_share, other_share) = (one / base_count, other / new_count);
            // A call of one side only is all workload.
            let mean = if other > 0.0 { other_time / other } else { one_time / one.max(f64::MIN_POSITIVE) };
            total.workload += (other_share - one_share) * mean;
            if let Some(shift) = shift {
                total.paths += one_share * shift.mix;
                total.within += one_share * shift.within;
                total.ways.faster |= shift.ways.faster;
                total.ways.slower |= shift.ways.slower;
            }
        }
        Self { calls: shifts, total: Some(total) }
    }
}

fn of_call(side: &Sums, call: &Call) -> (f64, f64) {
    let sum = |numbers: &[f64]| call.series.iter().map(|&(at, _)| numbers[at]).sum();
    (sum(&side.counts), sum(&side.times))
}

fn shift(base: &Sums, new: &Sums, call: &Call) -> Option<Shift> {
    let ((one, one_time), (other, other_time)) = (of_call(base, call), of_call(new, call));
    if one <= 0.0 || other <= 0.0 {
        return None;
    }
    let mut shift =
        Shift { base: one_time / one, new: other_time / other, mix: 0.0, within: 0.0, ways: Ways::default() };
    for &(at, _) in &call.series {
        let mean = |side: &Sums| (side.counts[at] > 0.0).then(|| side.times[at] / side.counts[at]);
        let (before, after) = (mean(base), mean(new));
        let (share, new_share) = (base.counts[at] / one, new.counts[at] / other);
        // A path of one side only is all mix.
        let here = after.or(before).unwrap_or(0.0);
        shift.mix += (new_share - share) * here;
        if let (Some(before), Some(after)) = (before, after) {
            shift.within += share * (after - before);
            shift.ways.faster |= after < before;
            shift.ways.slower |= after > before;
        }
    }
    Some(shift)
}
