//! The quantile curve of a row, for plots: the shift at each quantile, with its interval.

use super::{
    draws::Draws,
    interval::{Spread, Tails, freedom, mean},
    model::CurvePoint,
    row::{Context, level, logarithm, supported},
    seen::Seen,
};

/// Where curves have points.
const QUANTILES: [f64; 33] = [
    0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84,
    0.87, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999, 0.9995,
];
/// A plot needs no more of them.
const RESAMPLES: usize = 500;

/// The points that both sides have enough values for. Whole runs are resampled; with one run a side the shift has no
/// interval here.
pub fn points(base: &[Seen], new: &[Seen], context: &Context) -> Vec<CurvePoint> {
    let (one, other) = (level(base), level(new));
    let wanted = QUANTILES.into_iter().filter(|&at| supported(at, one) && supported(at, other));
    wanted.filter_map(|at| point(at, base, new, context)).collect()
}

fn point(quantile: f64, base: &[Seen], new: &[Seen], context: &Context) -> Option<CurvePoint> {
    let values = |seen: &[Seen]| -> Vec<f64> {
        seen.iter().filter_map(|one| one.quantile(quantile)).map(logarithm).collect()
    };
    let (one, other) = (values(base), values(new));
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let resamples = context.options.resamples.min(RESAMPLES);
    let tails = match (Spread::of(&one), Spread::of(&other)) {
        (Some(base), Some(new)) => {
            let fewest = one.len().min(other.len()) as f64;
            Tails::expanded(
                context.options.confidence,
                freedom(&base, &new),
                (fewest - 1.0) / fewest,
                resamples,
            )
        }
        _ => Tails::Unknown,
    };
    let (base, new) = (mean(&one).exp(), mean(&other).exp());
    let mut shifts: Vec<f64> = (0..resamples)
        .map(|at| resampled(&other, context.new, at).exp() - resampled(&one, context.base, at).exp())
        .collect();
    Some(CurvePoint { quantile, base, new, shift: tails.interval(new - base, &mut shifts) })
}

fn resampled(values: &[f64], draws: &Draws, resample: usize) -> f64 {
    draws.places(resample, values.len()).map(|(run, _)| values[run]).sum::<f64>() / values.len() as f64
}
