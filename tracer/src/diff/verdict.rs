//! Verdicts: from all tests together, then of each row.

use super::{
    Options,
    interval::benjamini_hochberg,
    model::{Change, Estimate, Metric, Row, Unit, Verdict},
};

/// Corrects all tests of all rows, and says what follows; how many tests there were.
pub fn judge<'a>(rows: impl Iterator<Item = &'a mut Row>, unit: Unit, options: &Options) -> usize {
    let mut rows: Vec<&mut Row> = rows.collect();
    let tested = |change: &&mut Change| change.p.is_some();
    let mut changes: Vec<&mut Change> =
        rows.iter_mut().flat_map(|row| &mut row.changes).filter(tested).collect();
    let weighed = |change: &&mut Change| Some((change.p?, weight(change.metric)));
    let tests: Vec<(f64, f64)> = changes.iter().filter_map(weighed).collect();
    for (change, q) in changes.iter_mut().zip(benjamini_hochberg(&tests)) {
        change.q = Some(q);
    }
    for row in &mut rows {
        for change in &mut row.changes {
            change.verdict = verdict(change, unit, options);
        }
        row.verdict = of_row(row);
        row.because = because(row, unit, options);
    }
    tests.len()
}

/// How much a test weighs in the correction, said before any data: a shift of all of a distribution is what is asked
/// first, and shows best where most of the values are.
#[must_use]
pub const fn weight(metric: Metric) -> f64 {
    match metric {
        Metric::Mean | Metric::P50 | Metric::P5 => 4.0,
        Metric::P90 => 1.5,
        Metric::P99 => 0.75,
        Metric::P999 | Metric::Rate | Metric::Errors => 0.35,
    }
}

/// Whether a change is large enough to count: in ns and as a share, both, so that neither a short call's tenth of a
/// nanosecond nor a long one's thousandth part is a finding. A share counts the same in both directions: the ratio is
/// above `1 + minimum`, or below its inverse.
#[must_use]
pub fn counts(metric: Metric, difference: f64, ratio: f64, options: &Options) -> bool {
    ratio.ln().abs() >= share(options) && (!metric.is_latency() || difference.abs() >= options.min_effect_ns)
}

fn share(options: &Options) -> f64 {
    options.min_effect_ratio.ln_1p()
}

fn verdict(change: &Change, unit: Unit, options: &Options) -> Verdict {
    if unit == Unit::Blocks {
        return Verdict::Inconclusive;
    }
    let Change { metric, difference, ratio, q, .. } = change;
    let found = q.is_some_and(|q| q <= options.fdr);
    if found && counts(*metric, difference.value, ratio.value, options) {
        if difference.low > 0.0 && ratio.low > 1.0 {
            return Verdict::Slower;
        }
        if difference.high < 0.0 && ratio.high < 1.0 {
            return Verdict::Faster;
        }
    }
    let nothing = change.base == 0.0 && change.new == 0.0;
    if (q.is_some() || nothing) && is_small(change, options) {
        return Verdict::Equivalent;
    }
    Verdict::Inconclusive
}

/// The interval lies inside the minimum effect (Schuirmann's two one-sided tests, 1987), and the histogram could have
/// shown a larger one.
fn is_small(change: &Change, options: &Options) -> bool {
    let Change { metric, base, difference, ratio, resolution, .. } = change;
    let inside = |estimate: &Estimate, reach: f64| estimate.low > -reach && estimate.high < reach;
    let share = share(options);
    let logarithms = Estimate { value: 0.0, low: ratio.low.ln(), high: ratio.high.ln() };
    let small =
        inside(&logarithms, share) || (metric.is_latency() && inside(difference, options.min_effect_ns));
    let floor = options.min_effect_ns.max(options.min_effect_ratio * base);
    small && resolution.is_none_or(|width| width <= floor)
}

fn latencies(row: &Row) -> impl Iterator<Item = &Change> {
    row.changes.iter().filter(|change| change.metric.is_latency())
}

fn of_row(row: &Row) -> Verdict {
    let any = |verdict| latencies(row).any(|change| change.verdict == verdict);
    let is_same = |metric| row.change(metric).is_none_or(|change| change.verdict == Verdict::Equivalent);
    match (any(Verdict::Slower), any(Verdict::Faster)) {
        (true, false) => Verdict::Slower,
        (false, true) => Verdict::Faster,
        (false, false)
            if row.change(Metric::Mean).is_some() && is_same(Metric::Mean) && is_same(Metric::P50) =>
        {
            Verdict::Equivalent
        }
        _ => Verdict::Inconclusive,
    }
}

fn because(row: &Row, unit: Unit, options: &Options) -> String {
    if row.verdict != Verdict::Inconclusive {
        return String::new();
    }
    match (row.base.runs, row.new.runs) {
        (0, _) => return "only in new".to_owned(),
        (_, 0) => return "only in base".to_owned(),
        _ if unit == Unit::Blocks => return "one run a side".to_owned(),
        (base, new) if base.min(new) < unit.testable() => {
            let fewest = base.min(new);
            return format!("{fewest} {}{} a side", unit.name(), if fewest == 1 { "" } else { "s" });
        }
        _ => {}
    }
    let ways: Vec<String> = latencies(row)
        .filter(|change| matches!(change.verdict, Verdict::Slower | Verdict::Faster))
        .map(|change| format!("{} {}", change.metric.name(), change.verdict.name()))
        .collect();
    if !ways.is_empty() {
        return ways.join(", ");
    }
    if latencies(row).next().is_none() {
        return "not timed".to_owned();
    }
    let is_real = |change: &Change| {
        change.q.is_some_and(|q| q <= options.fdr)
            && !counts(change.metric, change.difference.value, change.ratio.value, options)
    };
    if latencies(row).any(is_real) { "below the minimum effect".to_owned() } else { String::new() }
}
