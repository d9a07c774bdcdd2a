//! Numbers for people: 3 significant digits, units that fit, thousands separated.

/// A time in ns: `0ns`, `89ns`, `1.23us`, `12.3ms`, `123s`. Written without a space, so that a table's cells stay
/// one word each.
#[must_use]
pub fn time(ns: u64) -> String {
    if ns < 1_000 { format!("{ns}ns") } else { scaled(ns as f64) }
}

/// A time in ns that need not be whole, such as a mean: `89.9ns`.
#[must_use]
pub fn mean_time(ns: f64) -> String {
    scaled(ns)
}

fn scaled(ns: f64) -> String {
    for (unit, size) in [("ns", 1.0), ("us", 1e3), ("ms", 1e6)] {
        // 999.5 is the first that three digits round to 1000.
        if ns / size < 999.5 {
            return format!("{}{unit}", digits(ns / size));
        }
    }
    let seconds = ns / 1e9;
    if seconds < 999.5 {
        format!("{}s", digits(seconds))
    } else {
        format!("{}s", count(seconds.round() as u64))
    }
}

/// Three significant digits of a number below 999.5.
fn digits(number: f64) -> String {
    if number < 9.995 {
        format!("{number:.2}")
    } else if number < 99.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

/// A number with its thousands separated: `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    let plain = number.to_string();
    let mut out = String::with_capacity(plain.len() + plain.len() / 3);
    for (position, digit) in plain.chars().enumerate() {
        if position > 0 && (plain.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate a second: `123/s`, `12.3k/s`, `1.23M/s`.
#[must_use]
pub fn rate(number: u64, duration_ns: u64) -> String {
    let rate = number as f64 * 1e9 / duration_ns as f64;
    for (unit, size) in [("", 1.0), ("k", 1e3), ("M", 1e6)] {
        if rate / size < 999.5 {
            return format!("{}{unit}/s", digits(rate / size));
        }
    }
    format!("{}G/s", digits(rate / 1e9))
}

/// A share of 1 in percent: `99.9%`; what is not 0 does not read as 0, what is not all does not read as all.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "<0.1%".to_owned()
    } else if (99.95..100.0).contains(&percent) {
        ">99.9%".to_owned()
    } else if percent >= 100.0 {
        "100%".to_owned()
    } else {
        format!("{percent:.1}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let cases = [
            (0, "0ns"),
            (89, "89ns"),
            (999, "999ns"),
            (1_000, "1.00us"),
            (9_994, "9.99us"),
            (9_996, "10.0us"),
            (99_949, "99.9us"),
            (99_951, "100us"),
            (999_499, "999us"),
            (999_500, "1.00ms"),
            (12_345_678, "12.3ms"),
            (1_250_000_000, "1.25s"),
            (200_000_000_000, "200s"),
            (3_600_000_000_000, "3,600s"),
            (u64::MAX, "18,446,744,074s"),
        ];
        for (ns, text) in cases {
            assert_eq!(time(ns), text);
        }
        assert_eq!(mean_time(89.94), "89.9ns");
        assert_eq!(mean_time(0.5), "0.50ns");
    }

    #[test]
    fn counts_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn shares_do_not_round_to_nothing_or_all() {
        for (share, text) in [
            (0.0, "0.0%"),
            (0.0001, "<0.1%"),
            (0.001, "0.1%"),
            (0.5, "50.0%"),
            (0.9999, ">99.9%"),
            (1.0, "100%"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn rates_have_units() {
        assert_eq!(rate(123_000, 1_000_000_000), "123k/s");
        assert_eq!(rate(5, 10_000_000_000), "0.50/s");
        assert_eq!(rate(2_500_000_000, 1_000_000_000), "2.50G/s");
    }
}
