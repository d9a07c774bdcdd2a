//! Native buckets into histogram cells: the other way of [`crate::daemon::exposition::native`].
//!
//! The daemon put each cell, whole, into the bucket of its middle. So a bucket's values lie in the cells whose middle is in
//! it, and are spread over these evenly; where in the bucket they were is not known any more. A value read from the cells
//! is off by less than the bucket's width, [`Placed::width`]. Ranks, counts and, through the exact sum, the mean are kept.

use super::answer::{Bucket, Native};
use crate::histogram::{Histogram, Precision};

/// The cells that buckets are laid into: the finest there are.
const CELLS: Precision = Precision::Two;

/// A distribution, and how coarse it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placed {
    /// The distribution. Its extremes are those of the outermost cells.
    pub histogram: Histogram,
    /// Width of the widest bucket as a share of its lower bound; 0 where there was none with a bound.
    pub width: f64,
}

/// The cells of a native histogram. Counts are rounded so that they add up, and the sum so that the mean is kept.
#[must_use]
pub fn place(native: &Native) -> Placed {
    let mut placed = Placed { histogram: Histogram::new(CELLS), width: 0.0 };
    let histogram = &mut placed.histogram;
    let (mut seen, mut given) = (0.0, 0_u64);
    for bucket in native.buckets.iter().filter(|bucket| bucket.count > 0.0) {
        if bucket.low > 0.0 && bucket.high.is_finite() {
            placed.width = placed.width.max(bucket.high / bucket.low - 1.0);
        }
        let cells = cells(bucket);
        let part = bucket.count / cells.clone().count() as f64;
        for cell in cells {
            seen += part;
            let upto = (seen + 1e-6).round() as u64;
            if upto > given {
                *histogram.cells.entry(cell as u16).or_default() += upto - given;
                given = upto;
            }
        }
    }
    histogram.count = given;
    if native.count > 0.0 && native.sum.is_finite() {
        histogram.sum = (native.sum.max(0.0) / native.count * given as f64 * 1e9).round() as u64;
    }
    let edge = |cell: Option<&u16>| cell.map_or(0, |&cell| CELLS.lowest(usize::from(cell)));
    histogram.min = edge(histogram.cells.keys().next());
    histogram.max = edge(histogram.cells.keys().next_back());
    placed
}

/// The cells whose middle lies in a bucket; where there is none, that of the bucket's own middle.
fn cells(bucket: &Bucket) -> std::ops::RangeInclusive<usize> {
    let (low, high) = (bucket.low.max(0.0) * 1e9, bucket.high * 1e9);
    let last = CELLS.cells();
    if low == 0.0 && bucket.low < 0.0 || high <= 0.0 {
        return 0..=0;
    }
    if high.is_infinite() {
        return last..=last;
    }
    let cell = |ns: f64| CELLS.index(ns as u64).min(last - 1);
    let middle = |cell: usize| f64::midpoint(CELLS.lowest(cell) as f64, CELLS.highest(cell) as f64);
    let (mut first, mut end) = (cell(low), cell(high));
    if middle(first) <= low {
        first += 1;
    }
    if end > 0 && middle(end) > high {
        end -= 1;
    }
    if first <= end {
        first..=end
    } else {
        let one = cell((low * high).sqrt());
        one..=one
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::exposition::native::{growth, rebin};
    use proptest::prelude::*;
    use tracer_common::hdr;

    /// What Prometheus answers for a distribution that a daemon exposed.
    fn native(histogram: &Histogram, schema: i8) -> Native {
        let exponential = rebin(histogram, schema);
        let edge = |index: i32| 2_f64.powf(f64::from(index) * 2_f64.powi(-i32::from(schema)));
        let zero = Bucket { low: -1e-128, high: 1e-128, count: exponential.zero as f64 };
        let bucket = |(&index, &count): (&i32, &u64)| Bucket {
            low: edge(index - 1),
            high: edge(index),
            count: count as f64,
        };
        Native {
            count: histogram.count as f64,
            sum: histogram.sum as f64 * 1e-9,
            buckets: [zero].into_iter().chain(exponential.buckets.iter().map(bucket)).collect(),
        }
    }

    fn at(histogram: &Histogram, rank: u64) -> usize {
        let mut seen = 0;
        let found = histogram.cells.iter().find(|&(_, &count)| {
            seen += count;
            seen >= rank
        });
        usize::from(*found.expect("a rank that is there").0)
    }

    proptest! {
        #[test]
        fn what_was_exposed_comes_back_within_a_bucket(
            values in prop::collection::vec(prop_oneof![0_u64..2_000, 1_u64..hdr::MAX_VALUE], 1..200),
            schema in 0_i8..=6,
            fine in any::<bool>(),
        ) {
            let precision = if fine { Precision::Two } else { Precision::One };
            let mut histogram = Histogram::new(precision);
            for &value in &values {
                histogram.record(value);
            }
            let Placed { histogram: placed, width } = place(&native(&histogram, schema));
            prop_assert_eq!(placed.count, histogram.count);
            prop_assert_eq!(placed.cells.values().sum::<u64>(), histogram.count);
            let (ours, exact) = (placed.mean().unwrap(), histogram.mean().unwrap());
            prop_assert!((ours - exact).abs() <= 0.5 + exact * 1e-9);
            prop_assert!(width <= growth(schema) - 1.0 + 1e-9);
            for rank in 1..=placed.count {
                let (ours, theirs) = (at(&placed, rank), at(&histogram, rank));
                let middle = f64::midpoint(precision.lowest(theirs) as f64, precision.highest(theirs) as f64);
                let cell = (CELLS.highest(ours) - CELLS.lowest(ours) + 1) as f64;
                let reach = (growth(schema) - 1.0) * middle + cell;
                let ours = f64::midpoint(CELLS.lowest(ours) as f64, CELLS.highest(ours) as f64);
                prop_assert!((ours - middle).abs() <= reach, "rank {rank}: {ours} for {middle}");
            }
        }
    }

    #[test]
    fn extrapolated_counts_add_up_and_keep_the_mean() {
        let bucket = |low, high, count| Bucket { low, high, count };
        let native = Native {
            count: 10.4,
            sum: 10.4 * 150e-9,
            buckets: vec![bucket(1e-7, 1.1e-7, 3.3), bucket(1.1e-7, 2e-7, 3.4), bucket(1.0, 1.1, 3.7)],
        };
        let Placed { histogram, width } = place(&native);
        assert_eq!((histogram.count, histogram.cells.values().sum::<u64>()), (10, 10));
        assert_eq!(histogram.mean(), Some(150.0));
        assert!((width - 9.0 / 11.0).abs() < 1e-9);
    }

    #[test]
    fn what_has_no_bound_is_above_the_range() {
        let native = Native {
            count: 2.0,
            sum: 1.0,
            buckets: vec![Bucket { low: 34.0, high: f64::INFINITY, count: 2.0 }],
        };
        assert_eq!(place(&native).histogram.overflow(), 2);
        assert_eq!(place(&Native::default()).histogram.count, 0);
        let odd = Native {
            count: f64::NAN,
            sum: f64::NAN,
            buckets: vec![Bucket { low: f64::NAN, high: f64::NAN, count: f64::NAN }],
        };
        assert_eq!(place(&odd).histogram.count, 0);
    }
}
