//! Confidence intervals from resamples, and tests from runs.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::model::Estimate;

/// Mean of a side's runs, and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Variance of the mean.
    pub variance: f64,
    /// Degrees of freedom of that variance.
    pub freedom: f64,
}

impl Spread {
    /// Of independent values; `None` of fewer than two.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = mean(values);
        (values.len() > 1).then(|| Self { mean, variance: variance(values) / count, freedom: count - 1.0 })
    }
}

/// Mean; not a number of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sample variance, with `n - 1`; 0 of fewer than two values, and of equal ones whatever rounding says.
#[must_use]
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 || values.iter().all(|value| value.total_cmp(&values[0]).is_eq()) {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (values.len() - 1) as f64
}

/// Degrees of freedom of a difference of means (Welch 1947, Satterthwaite 1946).
#[must_use]
pub fn freedom(base: &Spread, new: &Spread) -> f64 {
    let both = base.variance + new.variance;
    if both <= 0.0 {
        return base.freedom + new.freedom;
    }
    // As shares, so that no square is too small for a float.
    let (one, other) = (base.variance / both, new.variance / both);
    1.0 / (one * one / base.freedom + other * other / new.freedom)
}

/// Probability of so large a difference of means if there were none, two-sided: Welch's t test. Where all values of a
/// side are equal there is no spread to compare with, and the permutation test's smallest probability stands: of all
/// ways to tell `n` runs from the others, this one and its mirror.
#[must_use]
pub fn welch(base: &Spread, new: &Spread) -> f64 {
    let difference = (new.mean - base.mean).abs();
    let error = (base.variance + new.variance).sqrt();
    if error <= difference * 1e-12 {
        return if difference > 0.0 { rarest(base.freedom + 1.0, new.freedom + 1.0) } else { 1.0 };
    }
    StudentsT::new(0.0, 1.0, freedom(base, new))
        .map_or(1.0, |t| (2.0 * t.sf(difference / error)).clamp(0.0, 1.0))
}

fn rarest(base: f64, new: f64) -> f64 {
    let mut ways = 1.0;
    let mut step = 1.0;
    while step <= new {
        ways *= (base + step) / step;
        step += 1.0;
    }
    (2.0 / ways).min(1.0)
}

/// Benjamini and Hochberg (1995), weighted (Genovese, Roeder and Wasserman 2006): for each p, the smallest rate of
/// false findings at which it is one; never below p itself. `tests` are (p, weight); weights are positive, and only
/// their proportions count.
#[must_use]
pub fn benjamini_hochberg(tests: &[(f64, f64)]) -> Vec<f64> {
    let count = tests.len() as f64;
    let mean = tests.iter().map(|&(_, weight)| weight).sum::<f64>() / count;
    let weighed: Vec<f64> = tests.iter().map(|&(p, weight)| p * mean / weight).collect();
    let mut order: Vec<usize> = (0..tests.len()).collect();
    order.sort_unstable_by(|&one, &other| weighed[other].total_cmp(&weighed[one]));
    let mut qs = vec![1.0; tests.len()];
    let mut least = 1.0_f64;
    for (above, &at) in order.iter().enumerate() {
        let rank = count - above as f64;
        least = least.min(weighed[at] * count / rank);
        qs[at] = least.max(tests[at].0);
    }
    qs
}

/// Which quantiles of the resamples an interval takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tails {
    /// This share on each side.
    Share(f64),
    /// So many standard deviations of the resamples on each side: the share would be fewer than the resamples can show.
    Deviations(f64),
    /// Nothing is known of the spread.
    Unknown,
}

impl Tails {
    /// The expanded percentile interval (Hesterberg 2015, "What teachers should know about the bootstrap", section
    /// 5.3): the bootstrap's variance is `(n - 1) / n` of what it should be (`shrunk`), and a normal quantile stands
    /// where Student's belongs; taking quantiles further out mends both.
    #[must_use]
    pub fn expanded(confidence: f64, freedom: f64, shrunk: f64, resamples: usize) -> Self {
        let (Ok(t), Ok(normal)) = (StudentsT::new(0.0, 1.0, freedom), Normal::new(0.0, 1.0)) else {
            return Self::Unknown;
        };
        if !(freedom >= 1.0 && shrunk > 0.0) {
            return Self::Unknown;
        }
        let deviations = t.inverse_cdf(f64::midpoint(confidence, 1.0)) / shrunk.sqrt();
        let share = normal.sf(deviations);
        if share * resamples as f64 >= 4.0 { Self::Share(share) } else { Self::Deviations(deviations) }
    }

    /// The interval around a value; sorts the resamples.
    #[must_use]
    pub fn interval(self, value: f64, resamples: &mut [f64]) -> Estimate {
        match self {
            Self::Share(share) => {
                resamples.sort_unstable_by(f64::total_cmp);
                Estimate { value, low: at(resamples, share), high: at(resamples, 1.0 - share) }
            }
            Self::Deviations(count) => {
                let reach = count * variance(resamples).sqrt();
                if !reach.is_finite() {
                    return Self::Unknown.interval(value, resamples);
                }
                Estimate { value, low: value - reach, high: value + reach }
            }
            Self::Unknown => Estimate { value, low: f64::NEG_INFINITY, high: f64::INFINITY },
        }
    }
}

/// A quantile of sorted values, interpolated between neighbours; the mirror's is the mirrored one.
fn at(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    // Infinities have no middle.
    if low.is_finite() && high.is_finite() {
        (high - low).mul_add(place.fract(), low)
    } else if place.fract() < 0.5 {
        low
    } else {
        high
    }
}

#[cfg(test)]
mod tests;
