//! What the rows gained becomes an interval's series.

use tracer_common::{Path, SeriesKey};

use super::rows::Gain;
use crate::{
    histogram::{Histogram, Precision},
    snapshot::{Series, Snapshot},
};

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Turnaround(Path),
    Series(SeriesKey),
    Work(SeriesKey),
}

/// What a slot gained, into the interval.
pub(crate) fn put(snapshot: &mut Snapshot, precision: Precision, slot: Slot, mut gain: Gain) {
    let owed = gain.settle();
    let histogram = histogram_of(precision, &gain);
    match slot {
        Slot::Turnaround(path) => {
            if histogram.count > 0 {
                snapshot.turnaround.insert(path, histogram);
            }
        }
        Slot::Series(key) => {
            let series = series(histogram, &gain);
            if series.returns > 0 {
                snapshot.series.insert(key, series);
            }
        }
        // After its series, in the order of the slots.
        Slot::Work(key) => {
            if let Some(series) = snapshot.series.get_mut(&key) {
                series.work = histogram;
            }
        }
    }
    if let (Some(owed), Slot::Series(key)) = (owed, slot) {
        let moved = owed.negated();
        snapshot.moved.insert(key, series(histogram_of(precision, &moved), &moved));
    }
}

/// The interval's histogram. The cells are the count: between two readings of a running row the counters beside
/// them may be a call ahead.
fn histogram_of(precision: Precision, gain: &Gain) -> Histogram {
    let mut one = Histogram::new(precision);
    one.cells = gain.cells.iter().map(|(&cell, &count)| (cell, count as u64)).collect();
    one.count = one.cells.values().sum();
    one.sum = gain.sum as u64;
    // Extremes since the start bound the interval's; the cells say the rest.
    (one.min, one.max) = (gain.min, gain.max);
    if one.count > 0 {
        one.settle_extremes();
    }
    one
}

fn series(latency: Histogram, gain: &Gain) -> Series {
    let mut series = Series::new(latency.precision);
    series.returns = latency.count + gain.untimed as u64;
    series.latency = latency;
    series.ptraced = gain.ptraced as u64;
    for (to, from) in series.reasons.iter_mut().zip(gain.reasons) {
        *to = from as u64;
    }
    for (to, from) in series.causes.iter_mut().zip(gain.causes) {
        *to = from as u64;
    }
    series.errors = gain.errors.iter().map(|(&cell, &count)| (cell, count as u64)).collect();
    series
}
