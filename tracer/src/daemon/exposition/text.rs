//! The two text encodings.

use std::fmt::Write as _;

use super::proto::{LabelPair, Metric, MetricFamily, MetricType};

/// Prometheus text, version 0.0.4.
pub(super) fn prometheus(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.name();
        let _ = writeln!(text, "# HELP {name} {}", escaped(family.help(), false));
        let kind = match family.r#type() {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
        };
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for metric in &family.metric {
            samples(name, metric, &mut text);
        }
    }
    text
}

/// `OpenMetrics` text, version 1.0.0: counters and infos are named without their suffix.
pub(super) fn openmetrics(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.name();
        let (stem, kind) = match family.r#type() {
            MetricType::Counter => (name.strip_suffix("_total").unwrap_or(name), "counter"),
            MetricType::Gauge => match name.strip_suffix("_info") {
                Some(stem) => (stem, "info"),
                None => (name, "gauge"),
            },
            MetricType::Histogram => (name, "histogram"),
        };
        let _ = writeln!(text, "# TYPE {stem} {kind}");
        if !family.unit().is_empty() {
            let _ = writeln!(text, "# UNIT {stem} {}", family.unit());
        }
        let _ = writeln!(text, "# HELP {stem} {}", escaped(family.help(), true));
        for metric in &family.metric {
            samples(name, metric, &mut text);
        }
    }
    text.push_str("# EOF\n");
    text
}

fn samples(name: &str, metric: &Metric, text: &mut String) {
    let plain = metric.counter.and_then(|one| one.value).or_else(|| metric.gauge.and_then(|one| one.value));
    if let Some(value) = plain {
        sample(text, name, "", &metric.label, None, &number(value));
    }
    if let Some(histogram) = &metric.histogram {
        let all = histogram.sample_count();
        for bucket in &histogram.bucket {
            let edge = number(bucket.upper_bound());
            sample(text, name, "_bucket", &metric.label, Some(&edge), &bucket.cumulative_count().to_string());
        }
        sample(text, name, "_bucket", &metric.label, Some("+Inf"), &all.to_string());
        sample(text, name, "_sum", &metric.label, None, &number(histogram.sample_sum()));
        sample(text, name, "_count", &metric.label, None, &all.to_string());
    }
}

fn sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &[LabelPair],
    edge: Option<&str>,
    value: &str,
) {
    let _ = write!(text, "{name}{suffix}");
    let pairs = labels.iter().map(|pair| (pair.name(), pair.value())).chain(edge.map(|edge| ("le", edge)));
    let mut open = '{';
    for (name, value) in pairs {
        let _ = write!(text, "{open}{name}=\"{}\"", escaped(value, true));
        open = ',';
    }
    if open == ',' {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A float that every reader takes: whole numbers without a point are integers to none of them but counters.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.1}") } else { format!("{value}") }
}

/// Quotes are escaped in label values, and in the help of `OpenMetrics`.
fn escaped(value: &str, quotes: bool) -> String {
    let text = value.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}
