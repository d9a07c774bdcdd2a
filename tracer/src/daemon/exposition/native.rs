//! Native histograms: HDR cells into base-2 exponential buckets.
//!
//! Prometheus (and OpenTelemetry) put a value into bucket *i* when `base^(i-1) < value <= base^i`, with
//! `base = 2^(2^-schema)`. HDR cells are linear within an octave, so a cell may lie across an edge. It goes, whole, to
//! the bucket of its middle: ranks are kept exactly, and a value is at most half a cell (0.4 % with 2 digits, 3.2 % with
//! one) outside its bucket. What `histogram_quantile` says of a rank therefore lies within
//! [`error_bound`] of every value in the cell of that rank.

use std::collections::BTreeMap;

use tracer_common::hdr;

use super::proto::{self, BucketSpan};
use crate::histogram::{Histogram, Precision};

/// Values up to this many seconds are counted as zero: the default of Prometheus' own client, 2^-128.
const ZERO_THRESHOLD: f64 = 1.0 / (1_u128 << 127) as f64 / 2.0;

/// The schemas that cells of 2 digits can fill.
pub const SCHEMAS: std::ops::RangeInclusive<i8> = 0..=6;

/// The most by which a quantile from the buckets may be off, relative to any value in the cell of the same rank.
#[must_use]
pub fn error_bound(schema: i8, precision: Precision) -> f64 {
    let cell = match precision {
        Precision::One => 1.0 / 16.0,
        Precision::Two => 1.0 / 128.0,
    };
    growth(schema) * (1.0 + cell) - 1.0
}

/// From one edge to the next.
#[must_use]
pub fn growth(schema: i8) -> f64 {
    2_f64.powf(2_f64.powi(-i32::from(schema)))
}

/// A distribution in exponential buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exponential {
    /// Values of 0 ns.
    pub zero: u64,
    /// Counts by bucket, in seconds; none is 0.
    pub buckets: BTreeMap<i32, u64>,
}

/// The buckets of a distribution. What is above its range goes where the range ends.
#[must_use]
pub fn rebin(histogram: &Histogram, schema: i8) -> Exponential {
    let mut all = Exponential::default();
    let scale = 2_f64.powi(i32::from(schema));
    for (&cell, &count) in &histogram.cells {
        let cell = usize::from(cell);
        let low = histogram.precision.lowest(cell).min(hdr::MAX_VALUE);
        let high = histogram.precision.highest(cell).min(hdr::MAX_VALUE);
        if high == 0 {
            all.zero += count;
            continue;
        }
        let middle = f64::midpoint(low as f64, high as f64) * 1e-9;
        *all.buckets.entry((middle.log2() * scale).ceil() as i32).or_default() += count;
    }
    all
}

/// The native part of a histogram message.
pub(super) fn put(histogram: &Histogram, schema: i8, to: &mut proto::Histogram) {
    let Exponential { zero, buckets } = rebin(histogram, schema);
    to.schema = Some(i32::from(schema));
    to.zero_threshold = Some(ZERO_THRESHOLD);
    to.zero_count = Some(zero);
    let mut next = None;
    let mut before = 0;
    for (index, count) in buckets {
        let gap = next.map_or(index, |next| index - next);
        match to.positive_span.last_mut() {
            Some(span) if gap == 0 => span.length = span.length.map(|length| length + 1),
            _ => to.positive_span.push(BucketSpan { offset: Some(gap), length: Some(1) }),
        }
        to.positive_delta.push(count as i64 - before);
        before = count as i64;
        next = Some(index + 1);
    }
    // Prometheus takes a histogram without any span for a classic one.
    if to.positive_span.is_empty() {
        to.positive_span.push(BucketSpan { offset: Some(0), length: Some(0) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bucket of a rank, from 1: its edges in seconds.
    fn bucket(all: &Exponential, schema: i8, rank: u64) -> (f64, f64) {
        let mut seen = all.zero;
        if rank <= seen {
            return (0.0, 0.0);
        }
        for (&index, &count) in &all.buckets {
            seen += count;
            if rank <= seen {
                let edge = |index: i32| 2_f64.powf(f64::from(index) * 2_f64.powi(-i32::from(schema)));
                return (edge(index - 1), edge(index));
            }
        }
        panic!("rank {rank} of {seen}");
    }

    proptest! {
        #[test]
        fn ranks_are_kept_and_quantiles_within_the_bound(
            values in prop::collection::vec(prop_oneof![0_u64..2_000, 1_u64..hdr::MAX_VALUE], 1..200),
            schema in 0_i8..=6,
            fine in any::<bool>(),
        ) {
            let precision = if fine { Precision::Two } else { Precision::One };
            let mut histogram = Histogram::new(precision);
            for &value in &values {
                histogram.record(value);
            }
            let all = rebin(&histogram, schema);
            prop_assert_eq!(all.zero + all.buckets.values().sum::<u64>(), values.len() as u64);
            let bound = error_bound(schema, precision);
            let mut values = values;
            values.sort_unstable();
            for (at, &value) in values.iter().enumerate() {
                let (low, high) = bucket(&all, schema, at as u64 + 1);
                if value == 0 {
                    prop_assert!(high <= 0.0);
                    continue;
                }
                // Whatever is said of the bucket lies between its edges.
                let value = value as f64 * 1e-9;
                prop_assert!(high / value - 1.0 <= bound + 1e-9, "{value}: up to {high}, {bound}");
                prop_assert!(value / low - 1.0 <= bound + 1e-9, "{value}: from {low}, {bound}");
            }
        }

        /// Bucket counts only grow when cells do.
        #[test]
        fn a_cell_always_goes_to_the_same_bucket(cells in prop::collection::btree_map(0_u16..2_000, 1_u64..9, 1..50)) {
            let mut histogram = Histogram::new(Precision::Two);
            histogram.cells = cells;
            let before = rebin(&histogram, 5);
            histogram.cells.values_mut().for_each(|count| *count += 1);
            let after = rebin(&histogram, 5);
            for (index, count) in &before.buckets {
                prop_assert!(after.buckets[index] > *count);
            }
        }
    }

    #[test]
    fn spans_and_deltas_say_the_buckets_again() {
        let mut histogram = Histogram::new(Precision::Two);
        for value in [0, 0, 100, 101, 250, 5_000, 5_001, 5_002, 1_000_000] {
            histogram.record(value);
        }
        let mut message = proto::Histogram::default();
        put(&histogram, 3, &mut message);
        let mut decoded = BTreeMap::new();
        let (mut index, mut count, mut deltas) = (0, 0, message.positive_delta.iter());
        for span in &message.positive_span {
            index += span.offset.unwrap();
            for _ in 0..span.length.unwrap() {
                count += deltas.next().unwrap();
                decoded.insert(index, count as u64);
                index += 1;
            }
        }
        assert_eq!(Exponential { zero: message.zero_count.unwrap(), buckets: decoded }, rebin(&histogram, 3));
    }

    #[test]
    fn the_bound_is_small_where_buckets_are_fine() {
        assert!((error_bound(3, Precision::Two) - 0.099).abs() < 0.001);
        assert!((error_bound(5, Precision::Two) - 0.030).abs() < 0.001);
    }
}
