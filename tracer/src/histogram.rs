//! A latency distribution in HdrHistogram's buckets, with exact count, sum, min and max beside it.

use std::collections::BTreeMap;

use tracer_common::hdr;

/// How finely latencies are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Precision {
    /// 1 significant digit: buckets at most 6.25 % wide.
    One,
    /// 2 significant digits: buckets at most 0.79 % wide.
    #[default]
    Two,
}

impl Precision {
    /// Significant decimal digits, as HdrHistogram counts them.
    #[must_use]
    pub const fn digits(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The precision with this many digits.
    #[must_use]
    pub const fn from_digits(digits: u8) -> Option<Self> {
        match digits {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    /// Cells without the overflow cell.
    #[must_use]
    pub const fn cells(self) -> usize {
        match self {
            Self::One => hdr::CELLS_1,
            Self::Two => hdr::CELLS_2,
        }
    }

    /// The cell of a value in ns; [`Self::cells`] for what is above the range.
    #[must_use]
    pub const fn index(self, value: u64) -> usize {
        match self {
            Self::One => hdr::index::<{ hdr::BITS_1 }>(value),
            Self::Two => hdr::index::<{ hdr::BITS_2 }>(value),
        }
    }

    /// The smallest value of a cell, in ns.
    #[must_use]
    pub const fn lowest(self, cell: usize) -> u64 {
        match self {
            Self::One => hdr::lowest::<{ hdr::BITS_1 }>(cell),
            Self::Two => hdr::lowest::<{ hdr::BITS_2 }>(cell),
        }
    }

    /// The largest value of a cell, in ns; `u64::MAX` for the overflow cell.
    #[must_use]
    pub const fn highest(self, cell: usize) -> u64 {
        match self {
            Self::One => hdr::highest::<{ hdr::BITS_1 }>(cell),
            Self::Two => hdr::highest::<{ hdr::BITS_2 }>(cell),
        }
    }
}

/// Counts added up; never more than `u64::MAX`, whatever a file says.
#[must_use]
pub fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// A distribution of times in ns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The bucket layout.
    pub precision: Precision,
    /// How many values; exact.
    pub count: u64,
    /// Their sum in ns; exact.
    pub sum: u64,
    /// The smallest in ns; 0 when there is none.
    pub min: u64,
    /// The largest in ns; 0 when there is none.
    pub max: u64,
    /// The cells that are not empty: count by cell; the cell [`Precision::cells`] holds what is above the range.
    pub cells: BTreeMap<u16, u64>,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub const fn new(precision: Precision) -> Self {
        Self { precision, count: 0, sum: 0, min: 0, max: 0, cells: BTreeMap::new() }
    }

    /// One value more, in ns.
    pub fn record(&mut self, value: u64) {
        let mut one = Self::new(self.precision);
        one.cells.insert(self.precision.index(value) as u16, 1);
        (one.count, one.sum, one.min, one.max) = (1, value, value, value);
        self.merge(&one);
    }

    /// Adds another distribution of the same precision.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        debug_assert_eq!(self.precision, other.precision);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        for (&cell, &count) in &other.cells {
            let cell = self.cells.entry(cell).or_default();
            *cell = cell.saturating_add(count);
        }
    }

    /// Takes values back that were added before. The extremes stay: another value may have been as extreme.
    pub fn take_back(&mut self, other: &Self) {
        self.count = self.count.saturating_sub(other.count);
        self.sum = self.sum.saturating_sub(other.sum);
        for (cell, count) in &other.cells {
            if let Some(held) = self.cells.get_mut(cell) {
                *held = held.saturating_sub(*count);
            }
        }
        self.cells.retain(|_, count| *count > 0);
        if self.count == 0 {
            *self = Self::new(self.precision);
        }
    }

    /// Takes from both what they have in common; the extremes stay inside the cells that are left.
    pub fn settle(&mut self, owed: &mut Self) {
        let mut paid = 0;
        for (cell, owed) in &mut owed.cells {
            if let Some(have) = self.cells.get_mut(cell) {
                let both = (*have).min(*owed);
                *have -= both;
                *owed -= both;
                paid += both;
            }
        }
        if paid == 0 {
            return;
        }
        let sum = self.sum.min(owed.sum);
        for one in [&mut *self, owed] {
            one.cells.retain(|_, count| *count > 0);
            one.count = one.count.saturating_sub(paid);
            one.sum -= sum;
            if one.count == 0 {
                *one = Self::new(one.precision);
            }
            one.settle_extremes();
        }
    }

    /// The same values, each counted `times` as often.
    #[must_use]
    pub fn scaled(mut self, times: u64) -> Self {
        self.count = self.count.saturating_mul(times);
        self.sum = self.sum.saturating_mul(times);
        self.cells.values_mut().for_each(|count| *count = count.saturating_mul(times));
        self
    }

    /// Values above the range, known only by sum and max.
    #[must_use]
    pub fn overflow(&self) -> u64 {
        self.cells.get(&(self.precision.cells() as u16)).copied().unwrap_or(0)
    }

    /// The mean in ns; `None` when empty.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value in ns that a share `quantile` (0 to 1) of the values do not exceed, as HdrHistogram defines
    /// it: the upper edge of the bucket that holds it, but never above the exact max. `None` when empty.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let total = total(self.cells.values().copied());
        let rank = ((quantile * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0_u64;
        for (&cell, &count) in &self.cells {
            seen = seen.saturating_add(count);
            if seen >= rank {
                // Not `clamp`, which panics where a damaged recording's min is above its max.
                return Some(self.precision.highest(usize::from(cell)).max(self.min).min(self.max));
            }
        }
        None
    }

    /// Brings min and max back inside the cells: a return that moved to another series took its latency with
    /// it, but an extreme cannot be taken back. Where the exact extreme's cell is empty, the next cell's edge is
    /// the best that is known.
    pub fn settle_extremes(&mut self) {
        let edge = |cell: Option<&u16>| cell.map(|&cell| usize::from(cell));
        let (Some(first), Some(last)) = (edge(self.cells.keys().next()), edge(self.cells.keys().next_back()))
        else {
            (self.min, self.max) = (0, 0);
            return;
        };
        self.min = self.min.clamp(self.precision.lowest(first), self.precision.highest(first));
        self.max = self.max.clamp(self.precision.lowest(last), self.precision.highest(last));
    }
}

#[cfg(test)]
mod tests;
