//! What rows gained between two readings, and what of it is owed.

use std::collections::BTreeMap;

use tracer_common::hdr;

/// What a row, or all rows of a series, gained. Signed: a return that moved to another series is taken from the
/// row of the CPU where it moved, not of the one that had counted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gain {
    /// Returns without latency.
    pub untimed: i64,
    /// Nanoseconds.
    pub sum: i64,
    /// Returns of traced tasks.
    pub ptraced: i64,
    /// By number of the reason.
    pub reasons: [i64; 16],
    /// By number of the cause.
    pub causes: [i64; 8],
    /// By error cell.
    pub errors: BTreeMap<u8, i64>,
    /// By histogram cell.
    pub cells: BTreeMap<u16, i64>,
    /// Smallest and largest since the start, on any CPU; `u64::MAX` and 0 when there is none.
    pub min: u64,
    /// See `min`.
    pub max: u64,
}

impl Gain {
    /// Nothing yet.
    #[must_use]
    pub fn none() -> Self {
        Self { min: u64::MAX, ..Self::default() }
    }

    /// Adds another CPU's gain.
    pub fn add(&mut self, other: &Self) {
        let Self { untimed, sum, ptraced, reasons, causes, errors, cells, min, max } = self;
        *untimed += other.untimed;
        *sum += other.sum;
        *ptraced += other.ptraced;
        for (to, from) in reasons.iter_mut().zip(other.reasons) {
            *to += from;
        }
        for (to, from) in causes.iter_mut().zip(other.causes) {
            *to += from;
        }
        for (&cell, count) in &other.errors {
            *errors.entry(cell).or_default() += count;
        }
        for (&cell, count) in &other.cells {
            *cells.entry(cell).or_default() += count;
        }
        *min = (*min).min(other.min);
        *max = (*max).max(other.max);
    }

    /// Splits off what is negative: returns that an earlier reading counted and that have moved to another path since.
    pub fn settle(&mut self) -> Option<Self> {
        let mut owed = Self::none();
        let split = |value: &mut i64, owed: &mut i64| {
            *owed = (*value).min(0);
            *value = (*value).max(0);
        };
        split(&mut self.untimed, &mut owed.untimed);
        split(&mut self.sum, &mut owed.sum);
        split(&mut self.ptraced, &mut owed.ptraced);
        for (value, owed) in self.reasons.iter_mut().zip(&mut owed.reasons) {
            split(value, owed);
        }
        for (value, owed) in self.causes.iter_mut().zip(&mut owed.causes) {
            split(value, owed);
        }
        owed.errors = split_map(&mut self.errors);
        owed.cells = split_map(&mut self.cells);
        (owed != Self::none()).then_some(owed)
    }

    /// What is to be taken back, as positive numbers.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            untimed: -self.untimed,
            sum: -self.sum,
            ptraced: -self.ptraced,
            reasons: self.reasons.map(|count| -count),
            causes: self.causes.map(|count| -count),
            errors: self.errors.iter().map(|(&cell, count)| (cell, -count)).collect(),
            cells: self.cells.iter().map(|(&cell, count)| (cell, -count)).collect(),
            min: 0,
            max: 0,
        }
    }

    /// The same with histogram cells of 1 digit instead of 2: these nest.
    #[must_use]
    pub fn coarsened(mut self) -> Self {
        let mut cells = BTreeMap::new();
        for (cell, count) in std::mem::take(&mut self.cells) {
            let value = hdr::lowest::<{ hdr::BITS_2 }>(usize::from(cell));
            *cells.entry(hdr::index::<{ hdr::BITS_1 }>(value) as u16).or_default() += count;
        }
        self.cells = cells;
        self
    }
}

fn split_map<K: Ord + Copy>(counts: &mut BTreeMap<K, i64>) -> BTreeMap<K, i64> {
    let owed = counts.iter().filter(|(_, count)| **count < 0).map(|(&key, &count)| (key, count)).collect();
    counts.retain(|_, count| *count > 0);
    owed
}
