//! What selections of calls and tasks are accepted, and what they become.

use super::*;

#[test]
fn times_have_units() {
    for (text, ns) in [("250", 250), ("10us", 10_000), ("1.5ms", 1_500_000), ("2s", 2_000_000_000)] {
        assert_eq!(parse_time(text), Ok(ns));
    }
    for text in ["", "x", "10 parsecs", "0", "-1us", "1e30s", "NaN", "200s"] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}

#[test]
fn impossible_combinations_are_refused() {
    let with = |change: fn(&mut FilterArgs)| {
        let mut args = FilterArgs::default();
        change(&mut args);
        args
    };
    assert!(with(|args| args.follow = true).resolve(None, false, 1).is_err());
    assert!(with(|args| args.pid = vec![1]).resolve(Some(2), false, 1).is_err());
    assert!(with(|args| args.min_latency = Some(5)).resolve(None, true, 1).is_err());
    assert!(with(|args| args.min_latency = Some(5)).resolve(None, false, 8).is_err());
    assert!(FilterArgs::default().resolve(None, true, 8).is_err());
    assert!(with(|args| args.comm = Some("a name that is too long".into())).resolve(None, false, 1).is_err());
    assert!(with(|args| args.pid = vec![u32::MAX]).resolve(None, false, 1).is_err());
    assert!(FilterArgs::default().resolve(None, false, 1).is_ok());
}

#[test]
fn names_are_compared_as_the_kernel_keeps_them() {
    assert_eq!(comm_bytes("bash").map(|bytes| bytes[..5].to_vec()).ok(), Some(b"bash\0".to_vec()));
}
