//! One metric family of the text format.

use std::io::{self, Write};

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// Names and values.
pub(super) type Labels = [(&'static str, String)];

/// A family: its samples follow each other, behind its type, unit and help.
pub(super) struct Family<'a> {
    name: &'a str,
    kind: Kind,
    help: &'a str,
    to: Option<&'a mut dyn Write>,
}

impl<'a> Family<'a> {
    pub(super) const fn new(name: &'a str, kind: Kind, help: &'a str) -> Self {
        Self { name, kind, help, to: None }
    }

    /// Writes the lines in front of the samples.
    pub(super) fn begin(self, to: &'a mut dyn Write) -> io::Result<Self> {
        let Self { name, kind, help, .. } = self;
        let text = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        };
        writeln!(to, "# TYPE {name} {text}")?;
        if name.ends_with("_seconds") {
            writeln!(to, "# UNIT {name} seconds")?;
        }
        writeln!(to, "# HELP {name} {help}")?;
        Ok(Self { to: Some(to), ..self })
    }

    /// A sample.
    pub(super) fn value(&mut self, labels: &Labels, value: u64) -> io::Result<()> {
        self.sample(self.suffix(), labels, None, &value.to_string())
    }

    /// A sample that is a time.
    pub(super) fn seconds(&mut self, labels: &Labels, ns: u64) -> io::Result<()> {
        self.sample(self.suffix(), labels, None, &seconds(ns))
    }

    /// A bucket of a histogram: values up to `edge` ns.
    pub(super) fn bucket(&mut self, labels: &Labels, edge: Option<u64>, count: u64) -> io::Result<()> {
        let edge = edge.map_or_else(|| "+Inf".to_owned(), seconds);
        self.sample("_bucket", labels, Some(&edge), &count.to_string())
    }

    /// Count and sum of a histogram.
    pub(super) fn totals(&mut self, labels: &Labels, count: u64, sum_ns: u64) -> io::Result<()> {
        self.sample("_count", labels, None, &count.to_string())?;
        self.sample("_sum", labels, None, &seconds(sum_ns))
    }

    const fn suffix(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        }
    }

    fn sample(&mut self, suffix: &str, labels: &Labels, edge: Option<&str>, value: &str) -> io::Result<()> {
        let pairs =
            labels.iter().map(|(name, value)| (*name, value.as_str())).chain(edge.map(|edge| ("le", edge)));
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let braces = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let Some(to) = &mut self.to else { return Ok(()) };
        writeln!(to, "{}{suffix}{braces} {value}", self.name)
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Exact: a whole number of ns as a decimal fraction of seconds. A bucket's edge must read as a float: `1.0`.
fn seconds(ns: u64) -> String {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (ns, text) in
            [(0, "0.0"), (127, "0.000000127"), (1_500_000_000, "1.5"), (u64::MAX, "18446744073.709551615")]
        {
            assert_eq!(seconds(ns), text);
        }
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
