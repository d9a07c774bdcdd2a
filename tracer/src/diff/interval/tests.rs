//! Known values and rules.

use proptest::{collection::vec, prelude::*};

use super::*;

fn close(one: f64, other: f64, by: f64) -> bool {
    (one - other).abs() < by
}

#[test]
fn welch_agrees_with_tables() {
    // Student's t of 18 degrees of freedom: 2.101 leaves 5 %, 2.878 leaves 1 %.
    let side = |mean| Spread { mean, variance: 0.5, freedom: 9.0 };
    assert!(close(freedom(&side(0.0), &side(1.0)), 18.0, 1e-12));
    assert!(close(welch(&side(0.0), &side(2.101)), 0.05, 1e-4));
    assert!(close(welch(&side(2.878), &side(0.0)), 0.01, 1e-4));
    assert!(close(welch(&side(1.0), &side(1.0)), 1.0, 1e-12));
    // One side without spread: the other's degrees of freedom. 2.262 leaves 5 % of 9.
    let exact = Spread { mean: 0.0, variance: 0.0, freedom: 9.0 };
    assert!(close(welch(&exact, &Spread { mean: 2.262, variance: 1.0, freedom: 9.0 }), 0.05, 1e-4));
}

#[test]
fn without_any_spread_the_permutations_count() {
    let side = |mean| Spread { mean, variance: 0.0, freedom: 3.0 };
    assert!(close(welch(&side(1.0), &side(2.0)), 2.0 / 70.0, 1e-12));
    assert!(close(welch(&side(1.0), &side(1.0)), 1.0, 1e-12));
}

#[test]
fn intervals_reach_as_far_as_student_says() {
    // Ten runs a side: t(18) = 2.101, over sqrt(0.9) is 2.2146, beyond which lie 1.34 % of the normal distribution.
    let Tails::Share(share) = Tails::expanded(0.95, 18.0, 0.9, 2000) else { panic!("a share") };
    assert!(close(share, 0.01339, 1e-4), "{share}");
    let Tails::Deviations(count) = Tails::expanded(0.95, 4.0, 2.0 / 3.0, 1000) else { panic!("deviations") };
    assert!(close(count, 2.7764 * 1.5_f64.sqrt(), 1e-3), "{count}");
    assert_eq!(Tails::expanded(0.95, 0.0, 0.0, 1000), Tails::Unknown);
    let mut resamples: Vec<f64> = (0..=100).rev().map(f64::from).collect();
    let Estimate { value, low, high } = Tails::Share(0.025).interval(50.0, &mut resamples);
    assert!(close(value, 50.0, 1e-12) && close(low, 2.5, 1e-9) && close(high, 97.5, 1e-9));
}

#[test]
fn the_correction_agrees_with_the_paper() {
    // Benjamini and Hochberg (1995), section 3.2: at 5 % the first four of these fifteen are found.
    let ps = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
        0.6528, 0.7590, 1.0,
    ];
    let found = benjamini_hochberg(&ps.map(|p| (p, 1.0))).into_iter().filter(|&q| q <= 0.05).count();
    assert_eq!(found, 4);
    assert!(benjamini_hochberg(&[]).is_empty());
}

proptest! {
    #[test]
    fn the_correction_is_monotonic(tests in vec((0.0..=1.0_f64, 0.1..4.0_f64), 1..40), weight in 0.1..4.0_f64) {
        let qs = benjamini_hochberg(&tests);
        for (&(p, _), &q) in tests.iter().zip(&qs) {
            prop_assert!(p <= q && q <= 1.0);
        }
        // Without weights: the order of p, unchanged by their common size, and one p lowered lowers no other's chance.
        let even: Vec<_> = tests.iter().map(|&(p, _)| (p, weight)).collect();
        let qs = benjamini_hochberg(&even);
        for (one, q) in even.iter().zip(&qs) {
            for (other, r) in even.iter().zip(&qs) {
                prop_assert!(one.0 > other.0 || q <= r);
            }
        }
        let mut lower = even.clone();
        lower[0].0 /= 2.0;
        for (before, after) in qs.iter().zip(benjamini_hochberg(&lower)) {
            prop_assert!(after <= *before);
        }
    }

    #[test]
    fn the_variance_is_never_negative_and_zero_of_equal_values(values in vec(-1e9..1e9_f64, 0..20), one: f64) {
        prop_assert!(variance(&values) >= 0.0);
        prop_assert!(!one.is_finite() || variance(&[one; 5]) == 0.0);
    }
}
