//! Numbers for pages, as short as plots and tables need them.

use serde_json::Value;

/// To five significant digits; null for what is no number.
pub fn significant(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    if value == 0.0 {
        return 0.into();
    }
    let scale = 10_f64.powi(4 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if !rounded.is_finite() {
        return Value::Null;
    }
    // A whole number is shorter without its point.
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 { (rounded as i64).into() } else { rounded.into() }
}

/// Numbers, each so.
pub fn points(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(significant).collect()
}

/// Which points of `curves` curves of at most `points` points each fit into `room` bytes: every n-th, or none.
pub fn curves(curves: usize, points: usize, bytes_a_point: usize, room: usize) -> Option<usize> {
    let every = (curves * points * bytes_a_point).div_ceil(room.max(1)).max(1);
    // Less than eight points are no curve.
    (points == 0 || points / every >= 8).then_some(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let text = points([0.0, 85.123_456, -1_234_567.0, 0.000_123_456_7, f64::NAN, 120.0]).to_string();
        assert_eq!(text, "[0,85.123,-1234600,0.00012346,null,120]");
    }

    #[test]
    fn curves_are_thinned_until_they_fit() {
        assert_eq!(curves(10, 40, 40, 500_000), Some(1));
        assert_eq!(curves(600, 40, 40, 500_000), Some(2));
        assert_eq!(curves(60_000, 40, 40, 500_000), None);
        assert_eq!(curves(0, 0, 40, 0), Some(1));
    }
}
