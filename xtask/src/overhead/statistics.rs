//! Medians and quartiles: a mean would carry every disturbance of a shared machine.

use serde_json::{Value, json};

/// The middle of some measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    /// A quarter lies below.
    pub q1: f64,
    /// Half lies below.
    pub median: f64,
    /// Three quarters lie below.
    pub q3: f64,
}

impl Quartiles {
    /// Of some values, interpolated between neighbours; none of no value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = share * last as f64;
            let low = values[place.floor() as usize];
            low + (values[place.ceil() as usize] - low) * place.fract()
        };
        Some(Self { q1: at(0.25), median: at(0.5), q3: at(0.75) })
    }

    /// For the file.
    pub fn json(self) -> Value {
        let Self { q1, median, q3 } = self;
        json!({ "median": median, "q1": q1, "q3": q3 })
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn quartiles_are_interpolated() {
        assert_eq!(Quartiles::of([]), None);
        assert_eq!(Quartiles::of([3.0]), Some(Quartiles { q1: 3.0, median: 3.0, q3: 3.0 }));
        let four = Quartiles::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(four, Some(Quartiles { q1: 1.75, median: 2.5, q3: 3.25 }));
    }
}
