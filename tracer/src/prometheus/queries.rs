//! The queries, and what is escaped in them.

/// Those series of a host that a query is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matchers(String);

impl Matchers {
    /// Of labels that must be equal.
    #[must_use]
    pub fn equal(labels: &[(&str, &str)]) -> Self {
        let one = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
        Self(labels.iter().map(one).collect::<Vec<_>>().join(","))
    }

    /// As a person types them, with or without braces.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let text = text.trim();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        Self(inner.unwrap_or(text).to_owned())
    }

    /// `name{matchers}[span]`, the span in whole ms.
    #[must_use]
    pub fn over(&self, name: &str, span: f64) -> String {
        format!("{name}{{{}}}[{}ms]", self.0, (span * 1e3).round() as u64)
    }
}

/// What was added to counters or histograms of a name during a span.
#[must_use]
pub fn increase(name: &str, of: &Matchers, span: f64) -> String {
    format!("increase({})", of.over(name, span))
}

/// A value between double quotes: <https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals>.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_braced_once_and_values_escaped() {
        let query = |text| increase("x_total", &Matchers::typed(text), 0.25);
        assert_eq!(query(r#"job="a""#), r#"increase(x_total{job="a"}[250ms])"#);
        assert_eq!(query(r#" {job="a"} "#), query(r#"job="a""#));
        assert_eq!(query(""), "increase(x_total{}[250ms])");
        let matchers = Matchers::equal(&[("instance", "a\"b\\c\nd"), ("job", "")]);
        assert_eq!(matchers.over("x", 60.0), "x{instance=\"a\\\"b\\\\c\\nd\",job=\"\"}[60000ms]");
    }
}
