//! How many runs would be needed, from the spread that was seen.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::{
    Options,
    interval::variance,
    model::{Advice, Metric, Row, Unit, Verdict},
    sample::scaled,
    seen::Seen,
};

/// Runs a side that are asked for, unless the spread asks for more.
const ASKED: usize = 10;
/// More than this are no advice: a larger effect is named instead.
const MOST: usize = 40;
/// How often a true shift is to be found.
const POWER: f64 = 0.8;

/// Advice if there are too few runs: none can be tested, or something stayed open with fewer than asked for.
/// `spreads` are the standard deviations between runs of the logarithm of each row's mean.
#[must_use]
pub fn advice(
    runs: usize,
    unit: Unit,
    rows: &[Row],
    spreads: &mut [f64],
    options: &Options,
) -> Option<Advice> {
    let open =
        rows.iter().any(|row| row.verdict == Verdict::Inconclusive && row.base.runs.min(row.new.runs) > 0);
    if runs >= ASKED || (runs >= unit.testable() && !open) {
        return None;
    }
    if unit == Unit::Blocks || spreads.is_empty() {
        let text = if options.hosts {
            format!("one host a side says nothing of how hosts differ: choose {ASKED} a side")
        } else {
            format!(
                "one run a side says nothing of how runs differ: record {ASKED} a side, the sides in turn"
            )
        };
        return Some(Advice { runs: ASKED, spread: 0.0, effect: 0.0, text });
    }
    spreads.sort_unstable_by(f64::total_cmp);
    let spread = spreads[spreads.len() / 2];
    let families = rows.iter().filter(|row| row.change(Metric::Mean).is_some()).count().max(1);
    let (needed, effect) = reachable(spread, options.fdr / families as f64, options.min_effect_ratio);
    let (what, how) = match unit {
        Unit::Hosts => ("hosts", "choose more of them, or a longer time"),
        _ => ("runs", "record them with the sides in turn"),
    };
    let text = format!(
        "{what} of a side differ by {:.1} % (median of {families} rows): with {needed} {what} a side a shift of {:.1} % would be \
         found four times in five; {how}",
        100.0 * spread,
        100.0 * effect,
    );
    Some(Advice { runs: needed, spread, effect, text })
}

/// Standard deviation between the runs of a side of the logarithm of the mean, both sides pooled.
#[must_use]
pub fn spread(base: &[Seen], new: &[Seen]) -> Option<f64> {
    let side = |seen: &[Seen]| -> Vec<f64> {
        let means = seen.iter().filter_map(|one| one.whole(Metric::Mean));
        means.map(|mean| scaled(Metric::Mean, mean)).collect()
    };
    let (one, other) = (side(base), side(new));
    let freedom = one.len().saturating_sub(1) + other.len().saturating_sub(1);
    let squares = |values: &[f64]| variance(values) * values.len().saturating_sub(1) as f64;
    (freedom > 0).then(|| ((squares(&one) + squares(&other)) / freedom as f64).sqrt())
}

/// The smallest multiple of the minimum effect that a reasonable number of runs finds, and that number.
fn reachable(spread: f64, alpha: f64, minimum: f64) -> (usize, f64) {
    let mut effect = minimum.max(1e-3);
    loop {
        let needed = needed(spread, effect, alpha);
        if needed <= MOST as f64 {
            return ((needed as usize).max(ASKED), effect);
        }
        effect += minimum.max(1e-3);
    }
}

/// Runs a side so that a shift is found with probability [`POWER`] at level `alpha`: the usual normal formula, and
/// Guenther's (1981) correction for the t test.
fn needed(spread: f64, effect: f64, alpha: f64) -> f64 {
    let Ok(normal) = Normal::new(0.0, 1.0) else { return f64::INFINITY };
    let wrong = normal.inverse_cdf(1.0 - alpha / 2.0);
    let both = wrong + normal.inverse_cdf(POWER);
    let share = spread / effect.ln_1p();
    (2.0 * both * both * share * share + wrong * wrong / 4.0).ceil()
}
