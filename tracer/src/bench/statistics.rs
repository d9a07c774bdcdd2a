//! What is said of many batches. Pure.

/// The distribution of batch means, in ns a call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many batches.
    pub batches: usize,
    /// The fastest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// 99 % are not slower.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Summary {
    /// Of some batches; zeros of none.
    #[must_use]
    pub fn of(batches: &[f64]) -> Self {
        let mut sorted = batches.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { return Self::default() };
        // The nearest rank, as in histograms: a value that was measured.
        let at =
            |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
        Self { batches: sorted.len(), min, p50: at(0.5), p99: at(0.99), max }
    }
}

/// The middle of some values, or the mean of the two in the middle; `None` of none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_are_values_that_were_measured() {
        let batches: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let summary = Summary::of(&batches);
        assert_eq!(summary, Summary { batches: 200, min: 1.0, p50: 100.0, p99: 198.0, max: 200.0 });
        assert_eq!(Summary::of(&[7.0]), Summary { batches: 1, min: 7.0, p50: 7.0, p99: 7.0, max: 7.0 });
        assert_eq!(Summary::of(&[]), Summary::default());
    }

    #[test]
    fn medians_lie_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    proptest! {
        #[test]
        fn the_order_of_ranks_holds(batches in prop::collection::vec(0.0_f64..1e9, 1..300)) {
            let Summary { min, p50, p99, max, .. } = Summary::of(&batches);
            prop_assert!(min <= p50 && p50 <= p99 && p99 <= max);
            prop_assert!(batches.contains(&p50) && batches.contains(&p99));
        }
    }
}
