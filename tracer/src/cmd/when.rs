//! Points in time as they are typed: `-2h`, `2026-11-25T08:49:05Z`, seconds since the epoch, `now`.

use jiff::{Span, SpanRelativeTo, Timestamp};

/// A point in time in seconds since the epoch, when it is `now`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// So many seconds before now.
    Ago(f64),
    /// Then, in seconds since the epoch.
    At(f64),
}

impl When {
    /// In seconds since the epoch.
    #[must_use]
    pub fn seconds(self, now: f64) -> f64 {
        match self {
            Self::Ago(ago) => now - ago,
            Self::At(then) => then,
        }
    }
}

/// Reads one; the error says how to write it.
pub fn parse_when(text: &str) -> Result<When, String> {
    let wrong = || {
        "write a time before now, as in -2h or -90min, or one with its zone, as in 2026-11-25T08:49:05Z"
            .to_owned()
    };
    if text == "now" {
        return Ok(When::Ago(0.0));
    }
    if let Some(span) = text.strip_prefix('-') {
        return parse_length(span).map(When::Ago).ok_or_else(wrong);
    }
    if let Some(seconds) =
        text.strip_prefix('@').unwrap_or(text).parse().ok().filter(|&at: &f64| at.is_finite())
    {
        return Ok(When::At(seconds));
    }
    let stamp: Timestamp = text.parse().map_err(|_| wrong())?;
    Ok(When::At(stamp.as_millisecond() as f64 / 1e3))
}

/// A length of time in seconds: `2h`, `1h30m`, `90min`, `1d`.
#[must_use]
pub fn parse_length(text: &str) -> Option<f64> {
    let span: Span = text.parse().ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (!length.is_negative()).then(|| length.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let at = |text: &str| parse_when(text).map(|when| when.seconds(1_000_000.0));
        for (text, seconds) in [
            ("now", 1_000_000.0),
            ("-2h", 992_800.0),
            ("-90min", 994_600.0),
            ("-1d", 913_600.0),
            ("-1h30m", 994_600.0),
            ("1790000000.5", 1_790_000_000.5),
            ("@17", 17.0),
            ("1970-01-02T00:00:00Z", 86_400.0),
            ("1970-01-02T01:00:00+01:00", 86_400.0),
        ] {
            assert_eq!(at(text), Ok(seconds), "{text}");
        }
        for text in ["", "yesterday", "2h", "--2h", "-2 parsecs", "1970-01-02T00:00:00", "NaN", "inf"] {
            assert!(parse_when(text).is_err(), "{text}");
        }
    }
}
