//! Values as they are typed: sizes, shares, spans of time.

use std::str::FromStr;

use super::super::when::parse_length;

/// Schema of native histograms, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema(pub Option<i8>);

impl FromStr for Schema {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let schemas = crate::daemon::exposition::native::SCHEMAS;
        match text.parse() {
            Ok(schema) if schemas.contains(&schema) => Ok(Self(Some(schema))),
            _ => Err("write a schema from 0 to 6, or none".to_owned()),
        }
    }
}

/// Seconds of an interval: the reader must come before 32-bit counters can wrap.
pub(super) fn parse_interval(text: &str) -> Result<f64, String> {
    parse_span(text).and_then(|seconds| {
        if (0.1..=60.0).contains(&seconds) {
            Ok(seconds)
        } else {
            Err("intervals last from 0.1s to 60s".to_owned())
        }
    })
}

/// A span of time in seconds: `90`, `10s`, `5min`, `1h`.
pub(super) fn parse_span(text: &str) -> Result<f64, String> {
    let wrong = || "write a length of time, as in 10s, 5min or 1h".to_owned();
    let seconds = text.parse().ok().or_else(|| parse_length(text)).ok_or_else(wrong)?;
    if (0.1..=1e8).contains(&seconds) { Ok(seconds) } else { Err(wrong()) }
}

/// A share of 1: `0.5%`.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("write a share of all CPU time, as in 0.5%".to_owned()),
    }
}

/// Bytes: `512MiB`, `1G`.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match &*unit.to_ascii_lowercase() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(format!("unit {unit:?} is none of KiB, MiB, GiB, TiB")),
    };
    let bytes = number.trim().parse::<f64>().map(|number| number * f64::from(1_u32 << (shift / 2)).powi(2));
    match bytes {
        // An eighth of it is a segment, which must hold an interval.
        Ok(bytes) if (1_048_576.0..=1e15).contains(&bytes) => Ok(bytes as u64),
        _ => Err("write a size of 1MiB or more, as in 512MiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units() {
        assert_eq!(parse_bytes("512MiB"), Ok(512 << 20));
        assert_eq!(parse_bytes("1.5g"), Ok(3 << 29));
        assert_eq!(parse_bytes("2097152"), Ok(2 << 20));
        assert_eq!(
            (parse_span("1h"), parse_span("90"), parse_span("5min")),
            (Ok(3600.0), Ok(90.0), Ok(300.0))
        );
        assert_eq!((parse_share("0.5%"), parse_interval("0.5s")), (Ok(0.005), Ok(0.5)));
        assert_eq!("3".parse(), Ok(Schema(Some(3))));
        assert_eq!("none".parse(), Ok(Schema(None)));
        for text in ["", "x", "-1", "1 parsec", "NaN", "1e99"] {
            assert!(
                parse_bytes(text).is_err() && parse_span(text).is_err() && parse_share(text).is_err(),
                "{text}"
            );
            assert!(text.parse::<Schema>().is_err());
        }
        for text in ["61s", "1h", "1ms"] {
            assert!(parse_interval(text).is_err(), "{text}");
        }
        assert!(parse_share("0%").is_err() && parse_share("0.5").is_err());
    }
}
