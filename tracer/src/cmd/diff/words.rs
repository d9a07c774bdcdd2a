//! What is typed, and what it means.

use std::ffi::OsString;

use crate::cmd::when::parse_length;

/// `--min-effect`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinEffect {
    /// As a share of the base, 0 to 1.
    pub ratio: f64,
    /// In ns.
    pub ns: f64,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailOn {
    /// Slower by this share of the base, or more.
    pub at_least: f64,
}

/// `1%,5ns`, `1%` or `5ns`: what is not named is 0.
pub fn min_effect(text: &str) -> Result<MinEffect, String> {
    let mut effect = MinEffect { ratio: 0.0, ns: 0.0 };
    for part in text.split(',') {
        if part.trim().ends_with('%') {
            effect.ratio = share(part)?;
        } else {
            effect.ns = time(part)?;
        }
    }
    Ok(effect)
}

/// `slower`, or `slower:1%`.
pub fn fail_on(text: &str) -> Result<FailOn, String> {
    match text.split_once(':') {
        None if text == "slower" => Ok(FailOn { at_least: 0.0 }),
        Some(("slower", at_least)) => Ok(FailOn { at_least: share(at_least)? }),
        _ => Err("write slower, or slower:1%".to_owned()),
    }
}

/// `95%` or `0.95`.
pub fn confidence(text: &str) -> Result<f64, String> {
    let share = if text.ends_with('%') { share(text)? } else { text.parse().unwrap_or(f64::NAN) };
    let sensible = (0.5..=0.999).contains(&share);
    if sensible { Ok(share) } else { Err("write a share between 50% and 99.9%".to_owned()) }
}

/// Enough for an interval, and not more than memory holds.
pub fn resamples(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (100..=20_000).contains(&count) => Ok(count),
        _ => Err("write a number between 100 and 20000".to_owned()),
    }
}

/// A span of time in seconds: `30s`, `1h`, `2d`.
pub fn span(text: &str) -> Result<f64, String> {
    match parse_length(text) {
        Some(seconds) if (0.1..=1e8).contains(&seconds) => Ok(seconds),
        _ => Err("write a length of time, as in 30s or 1h".to_owned()),
    }
}

/// A label's name.
pub fn label(text: &str) -> Result<String, String> {
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !text.is_empty() && is_name(text) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("write the name of a label, as in instance".to_owned())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number {
        Some(percent) if (0.0..=1000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write a share as in 1%".to_owned()),
    }
}

fn time(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let scale = match unit {
        "" | "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => f64::NAN,
    };
    match number.trim().parse::<f64>().map(|number| number * scale) {
        Ok(ns) if (0.0..=1e12).contains(&ns) => Ok(ns),
        _ => Err("write a share and a time, as in 1%,5ns".to_owned()),
    }
}

/// The command as it was typed, quoted for a shell.
pub fn typed(arguments: impl Iterator<Item = OsString>) -> String {
    let quoted = |argument: OsString| {
        let text = argument.to_string_lossy().into_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%+@".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text
        } else {
            format!("'{}'", text.replace('\'', "'\\''"))
        }
    };
    let rest = arguments.skip(1).map(quoted);
    std::iter::once("exitpath".to_owned()).chain(rest).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_shares_and_times() {
        assert_eq!(min_effect("1%,5ns"), Ok(MinEffect { ratio: 0.01, ns: 5.0 }));
        assert_eq!(min_effect("2us, 0.5%"), Ok(MinEffect { ratio: 0.005, ns: 2000.0 }));
        assert_eq!(min_effect("3%"), Ok(MinEffect { ratio: 0.03, ns: 0.0 }));
        for text in ["", "x", "1%,", "-1%", "5 parsecs", "NaN", "1e99s"] {
            assert!(min_effect(text).is_err(), "{text}");
        }
        assert_eq!(fail_on("slower"), Ok(FailOn { at_least: 0.0 }));
        assert_eq!(fail_on("slower:2.5%"), Ok(FailOn { at_least: 0.025 }));
        assert!(fail_on("faster").is_err() && fail_on("slower:2").is_err());
        assert_eq!((confidence("95%"), confidence("0.9")), (Ok(0.95), Ok(0.9)));
        assert!(confidence("100%").is_err() && confidence("x").is_err() && resamples("10").is_err());
    }

    #[test]
    fn what_was_typed_can_be_pasted() {
        let arguments = ["/usr/bin/exitpath", "diff", "a b/*.hlog", "--", "it's", ""];
        let typed = typed(arguments.iter().map(OsString::from));
        assert_eq!(typed, r"exitpath diff 'a b/*.hlog' -- 'it'\''s' ''");
    }
}
