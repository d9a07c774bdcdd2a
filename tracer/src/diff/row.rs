//! A row: both sides' samples of each metric, and what follows but the verdict, which waits for all rows.

use tracer_common::SeriesKey;

use super::{
    Options, curve,
    draws::Draws,
    grid::width,
    interval::{Tails, freedom, mean, welch},
    model::{Change, Estimate, Level, Metric, Row, Subject, Unit, Verdict},
    sample::{Sample, scaled, unscaled},
    seen::{Kind, Seen, quantile},
};
use crate::{
    histogram::{Precision, total},
    report::CallName,
};

/// Runs a side from which on a test is made: with three, even the largest difference may be chance one time in ten.
pub const TESTABLE: usize = 4;
/// A quantile is compared if so many values a run lie beyond it.
const BEYOND: f64 = 5.0;

/// What all rows have in common.
#[derive(Debug)]
pub struct Context<'a> {
    /// How to compare.
    pub options: &'a Options,
    /// What is resampled.
    pub unit: Unit,
    /// The base's draws.
    pub base: &'a Draws,
    /// The new side's.
    pub new: &'a Draws,
    /// The base's bucket layout.
    pub precision: Precision,
    /// The widest [`Run::bucket`](super::run::Run::bucket).
    pub bucket: f64,
}

/// A row without its verdicts.
#[must_use]
pub fn row(kind: Kind, base: &[Seen], new: &[Seen], context: &Context) -> Row {
    let (base_level, new_level) = (level(base), level(new));
    let changes = kind
        .metrics()
        .iter()
        .filter(|&&metric| enough(metric, base_level) && enough(metric, new_level))
        .filter_map(|&metric| {
            let (one, other) =
                (Sample::of(base, metric, context.base)?, Sample::of(new, metric, context.new)?);
            Some(change(metric, &one, &other, context))
        })
        .collect();
    Row {
        subject: subject(kind),
        base: base_level,
        new: new_level,
        changes,
        verdict: Verdict::Inconclusive,
        because: String::new(),
        curve: if context.options.curves { curve::points(base, new, context) } else { Vec::new() },
    }
}

/// What a row is called.
#[must_use]
pub fn subject(kind: Kind) -> Subject {
    let series = |key: SeriesKey| Subject::Series(CallName::new(key.call()), key.path());
    match kind {
        Kind::Service(key) | Kind::Work(key) => series(key),
        Kind::Path(path) | Kind::Turnaround(path) | Kind::PathWork(path) => Subject::Path(path),
    }
}

/// What a side has of a row.
#[must_use]
pub fn level(seen: &[Seen]) -> Level {
    let sum = |of: fn(&Level) -> u64| total(seen.iter().map(|one| of(&one.level)));
    Level {
        runs: seen.len(),
        returns: sum(|level| level.returns),
        timed: sum(|level| level.timed),
        errors: sum(|level| level.errors),
    }
}

/// Whether a side has enough of it: a quantile beyond which lie a handful of values is those values' luck.
fn enough(metric: Metric, level: Level) -> bool {
    match metric {
        Metric::Rate | Metric::Errors => level.returns > 0,
        Metric::Mean => level.timed > 0,
        _ => supported(quantile(metric), level),
    }
}

/// Whether enough values a run lie beyond a quantile.
#[must_use]
pub fn supported(quantile: f64, level: Level) -> bool {
    let a_run = level.timed as f64 / level.runs.max(1) as f64;
    level.timed > 0 && a_run * quantile.min(1.0 - quantile) >= BEYOND * (1.0 - 1e-9)
}

fn change(metric: Metric, base: &Sample, new: &Sample, context: &Context) -> Change {
    let (one, other) = (mean(&base.values), mean(&new.values));
    let tails = tails(base, new, context);
    let resamples = context.options.resamples;
    let (mut differences, mut ratios) = (Vec::with_capacity(resamples), Vec::with_capacity(resamples));
    for at in 0..resamples {
        let (one, other) = (base.resampled(context.base, at), new.resampled(context.new, at));
        differences.push(unscaled(metric, other) - unscaled(metric, one));
        ratios.push(log_ratio(metric, one, other));
    }
    let ratio = tails.interval(log_ratio(metric, one, other), &mut ratios);
    let (one_value, other_value) = (unscaled(metric, one), unscaled(metric, other));
    let difference = tails.interval(other_value - one_value, &mut differences);
    let testable =
        context.unit != Unit::Blocks && base.values.len().min(new.values.len()) >= context.unit.testable();
    let nothing = metric == Metric::Errors && one == 0.0 && other == 0.0;
    let resolution = resolution(metric, one_value, context);
    Change {
        metric,
        base: one_value,
        new: other_value,
        difference,
        ratio: Estimate { value: ratio.value.exp(), low: ratio.low.exp(), high: ratio.high.exp() },
        p: base
            .spread
            .zip(new.spread)
            .filter(|_| testable && !nothing)
            .map(|(one, other)| welch(&one, &other)),
        q: None,
        resolution,
        below_resolution: resolution.is_some_and(|width| difference.value.abs() < width),
        verdict: Verdict::Inconclusive,
    }
}

fn tails(base: &Sample, new: &Sample, context: &Context) -> Tails {
    let (Some(one), Some(other)) = (base.spread, new.spread) else { return Tails::Unknown };
    let all = one.variance + other.variance;
    let shrunk = if all > 0.0 {
        one.variance.mul_add(base.shrunk, other.variance * new.shrunk) / all
    } else {
        base.shrunk.min(new.shrunk)
    };
    let Options { confidence, resamples, .. } = *context.options;
    Tails::expanded(confidence, freedom(&one, &other), shrunk, resamples)
}

/// Of errors: from none to some is infinitely more, and none to none is no change.
fn log_ratio(metric: Metric, base: f64, new: f64) -> f64 {
    if metric != Metric::Errors {
        return new - base;
    }
    // Noise inside runs may take a resampled share below nothing.
    match (base.max(0.0), new.max(0.0)) {
        (0.0, 0.0) => 0.0,
        (base, new) => (new / base).ln(),
    }
}

fn resolution(metric: Metric, value: f64, context: &Context) -> Option<f64> {
    let Context { precision, bucket, .. } = *context;
    let is_quantile = metric.is_latency() && metric != Metric::Mean;
    let cell = is_quantile.then(|| width(precision, precision.index(value as u64))).flatten();
    cell.map(|width| width.max(bucket * value))
}

/// The log of a value as a row averages it; for curves.
#[must_use]
pub fn logarithm(value: f64) -> f64 {
    scaled(Metric::P50, value)
}
