//! Counts, quantiles and merges of histograms, also of damaged ones.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn quantiles_agree_with_the_crate(values in prop::collection::vec(1..=hdr::MAX_VALUE, 1..200)) {
        let mut ours = Histogram::new(Precision::Two);
        let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(1, hdr::MAX_VALUE, 2).unwrap();
        for &value in &values {
            ours.record(value);
            theirs.record(value).unwrap();
        }
        prop_assert_eq!(ours.sum, values.iter().sum::<u64>());
        prop_assert_eq!(ours.max, *values.iter().max().unwrap());
        prop_assert_eq!(ours.min, *values.iter().min().unwrap());
        for quantile in [0.01, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let reference = theirs.value_at_quantile(quantile).min(ours.max);
            prop_assert_eq!(ours.quantile(quantile), Some(reference));
        }
    }

    #[test]
    fn settling_keeps_exact_extremes(values in prop::collection::vec(0_u64..1 << 40, 1..50)) {
        let mut ours = Histogram::new(Precision::Two);
        for &value in &values {
            ours.record(value);
        }
        let before = ours.clone();
        ours.settle_extremes();
        prop_assert_eq!(ours, before);
    }
}

#[test]
fn a_taken_back_extreme_falls_to_the_next_cell() {
    let mut one = Histogram::new(Precision::Two);
    one.record(300);
    one.max = 90_000;
    one.min = 5;
    one.settle_extremes();
    assert_eq!((one.min, one.max), (300, 301));
}

#[test]
fn extremes_of_a_damaged_recording_are_borne() {
    let mut one = Histogram::new(Precision::Two);
    one.record(300);
    (one.min, one.max) = (3264, 1322);
    assert_eq!(one.quantile(0.5), Some(1322));
    one.settle_extremes();
}

#[test]
fn empty_is_empty() {
    assert_eq!(Histogram::default().quantile(0.5), None);
    assert_eq!(Histogram::default().mean(), None);
}

#[test]
fn values_above_the_range_are_known_by_max() {
    let mut one = Histogram::new(Precision::Two);
    one.record(hdr::MAX_VALUE + 12_345);
    assert_eq!(one.overflow(), 1);
    assert_eq!(one.quantile(0.5), Some(hdr::MAX_VALUE + 12_345));
}
