//! Numbers of a comparison for people: a value and its interval in one unit, with a sign where they are differences.

use crate::{
    diff::{Change, Estimate, Metric, Verdict},
    output::human,
};

/// What cannot be computed.
pub(super) const NONE: &str = "-";

type Unit = (&'static str, f64);

const TIMES: [Unit; 4] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];
const RATES: [Unit; 4] = [("/s", 1.0), ("k/s", 1e3), ("M/s", 1e6), ("G/s", 1e9)];
const POINTS: [Unit; 1] = [("pp", 0.01)];
const PERCENT: [Unit; 1] = [("%", 0.01)];
/// The largest change that is shown in percent.
const MOST_PERCENT: f64 = 9_999.0;

/// A value with its unit, and its interval in the same unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// `+7.20ns`.
    pub value: String,
    /// `[+6.81, +7.61]`.
    pub interval: String,
}

/// A metric's value: `85.1ns`, `12.3k/s`, `1.20%`.
pub(super) fn value(metric: Metric, value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    match metric {
        Metric::Rate => {
            let (unit, size) = unit(&RATES, value.abs());
            format!("{:.*}{unit}", decimals(value.abs() / size), value / size)
        }
        Metric::Errors => human::percent(value),
        _ => human::mean_time(value),
    }
}

/// A difference of a metric: times in ns to s, rates a second, shares in percentage points.
pub(super) fn difference(metric: Metric, estimate: Estimate) -> Span {
    match metric {
        Metric::Rate => span(estimate, &RATES),
        Metric::Errors => points(estimate),
        _ => time(estimate),
    }
}

/// A difference of times.
pub(super) fn time(estimate: Estimate) -> Span {
    span(estimate, &TIMES)
}

/// A difference of shares, in percentage points.
pub(super) fn points(estimate: Estimate) -> Span {
    span(estimate, &POINTS)
}

/// New over base, as the change in percent. Beyond a hundred times the digits say nothing: few calls were seen.
pub(super) fn ratio(estimate: Estimate) -> Span {
    let Estimate { value, low, high } = estimate;
    span(Estimate { value: value - 1.0, low: low - 1.0, high: high - 1.0 }, &PERCENT)
}

/// A probability: to four places, and never 0.
pub(super) fn probability(value: Option<f64>) -> String {
    match value {
        Some(value) if value < 0.0001 => "<0.0001".to_owned(),
        Some(value) if value.is_finite() => format!("{value:.4}"),
        _ => NONE.to_owned(),
    }
}

/// The histogram's bucket width.
pub(super) fn resolution(change: &Change) -> String {
    change.resolution.map_or_else(|| "exact".to_owned(), |width| value(Metric::P50, width))
}

/// A metric's verdict; a rate or a share is not slower or faster, but more or less.
pub(super) const fn verdict(change: &Change) -> &'static str {
    match (change.metric.is_latency(), change.verdict) {
        (false, Verdict::Slower) => "more",
        (false, Verdict::Faster) => "less",
        (_, verdict) => verdict.name(),
    }
}

fn span(estimate: Estimate, units: &[Unit]) -> Span {
    let Estimate { value, low, high } = estimate;
    let numbers = [value, low, high];
    let reach = numbers.into_iter().filter(|number| number.is_finite()).fold(0.0, |a: f64, b| a.max(b.abs()));
    let (unit, size) = unit(units, reach);
    let decimals = decimals(reach / size);
    let text = |number: f64| {
        if units == PERCENT && number > MOST_PERCENT * size {
            format!(">+{MOST_PERCENT}")
        } else {
            signed(number / size, decimals)
        }
    };
    let [value, low, high] = numbers.map(|number| number.is_finite().then(|| text(number)));
    let interval = match (low, high) {
        (Some(low), Some(high)) => format!("[{low}, {high}]"),
        _ => NONE.to_owned(),
    };
    Span { value: value.map_or_else(|| NONE.to_owned(), |value| value + unit), interval }
}

/// The first unit in which the number has at most four digits before the point, so that a small value beside a
/// wide interval keeps some.
fn unit(units: &[Unit], reach: f64) -> Unit {
    let fits = |&&(_, size): &&Unit| reach / size < 9_999.5;
    units.iter().find(fits).or(units.last()).copied().unwrap_or(("", 1.0))
}

const fn decimals(reach: f64) -> usize {
    match reach {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    }
}

/// With its sign, but for what rounds to nothing.
fn signed(number: f64, decimals: usize) -> String {
    let text = format!("{number:+.decimals$}");
    if text.contains(|digit: char| ('1'..='9').contains(&digit)) { text } else { text[1..].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time_text(value: f64, low: f64, high: f64) -> String {
        let Span { value, interval } = time(Estimate { value, low, high });
        format!("{value} {interval}")
    }

    #[test]
    fn value_and_interval_share_a_unit() {
        assert_eq!(time_text(7.2, 6.811, 7.61), "+7.20ns [+6.81, +7.61]");
        assert_eq!(time_text(-5.0, -1_200.0, 9.0), "-5ns [-1200, +9]");
        assert_eq!(time_text(940_000.0, 901_000.0, 980_000.0), "+940us [+901, +980]");
        assert_eq!(time_text(0.0, -0.001, 0.0), "0.00ns [0.00, 0.00]");
        assert_eq!(time_text(2e13, 1e13, 3e13), "+20000s [+10000, +30000]");
    }

    #[test]
    fn what_is_not_finite_is_not_a_number() {
        assert_eq!(time_text(f64::NAN, 1.0, 2.0), "- [+1.00, +2.00]");
        assert_eq!(time_text(1.0, f64::NEG_INFINITY, 2.0), "+1.00ns -");
        assert_eq!(value(Metric::Mean, f64::INFINITY), "-");
    }

    #[test]
    fn ratios_are_changes_in_percent() {
        let one = ratio(Estimate { value: 1.0847, low: 1.08, high: 1.2 });
        assert_eq!((&*one.value, &*one.interval), ("+8.5%", "[+8.0, +20.0]"));
        let wild = ratio(Estimate { value: 244.7, low: 0.01, high: 1e12 });
        assert_eq!((&*wild.value, &*wild.interval), (">+9999%", "[-99, >+9999]"));
    }

    #[test]
    fn metrics_have_their_units() {
        assert_eq!(value(Metric::Rate, 123_456.0), "123k/s");
        assert_eq!(value(Metric::Errors, 0.012), "1.2%");
        assert_eq!(value(Metric::P99, 85.12), "85.1ns");
        let points = difference(Metric::Errors, Estimate { value: 0.003, low: 0.001, high: 0.005 });
        assert_eq!(points.value, "+0.30pp");
    }

    #[test]
    fn probabilities_are_never_nothing() {
        assert_eq!(probability(Some(0.0)), "<0.0001");
        assert_eq!(probability(Some(0.04321)), "0.0432");
        assert_eq!(probability(None), "-");
    }
}
