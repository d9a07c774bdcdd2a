//! A run's distribution of times, laid out so that a quantile of any resample of its blocks is found in a few steps.

use std::ops::Range;

use super::run::Times;
use crate::histogram::Precision;

/// How many values lie in or below each used cell, by block.
#[derive(Debug, Default)]
pub struct Grid {
    precision: Precision,
    blocks: usize,
    cells: Vec<u16>,
    /// `blocks` numbers a cell.
    below: Vec<f64>,
}

/// Values by cell and block, not yet summed up: where several distributions are added.
#[derive(Debug)]
pub struct Dense {
    precision: Precision,
    blocks: usize,
    numbers: Vec<f64>,
    /// The cells that are used lie in here: most distributions use few of all.
    used: Range<usize>,
}

impl Dense {
    /// Nothing yet.
    #[must_use]
    pub fn new(precision: Precision, blocks: usize) -> Self {
        Self {
            precision,
            blocks,
            numbers: vec![0.0; (precision.cells() + 1) * blocks],
            used: Range { start: usize::MAX, end: 0 },
        }
    }

    /// Adds a distribution.
    pub fn add(&mut self, times: &Times) {
        for block in 0..self.blocks {
            for (cell, number) in times.block(block) {
                // A cell that the precision does not have cannot come from a recording.
                if let Some(sum) = self.numbers.get_mut(usize::from(cell) * self.blocks + block) {
                    *sum += number as f64;
                    let cell = usize::from(cell);
                    self.used = self.used.start.min(cell)..self.used.end.max(cell + 1);
                }
            }
        }
    }

    /// The distribution.
    #[must_use]
    pub fn summed(self) -> Grid {
        let Self { precision, blocks, numbers, used } = self;
        let mut grid = Grid { precision, blocks, ..Grid::default() };
        let mut sum = vec![0.0; blocks];
        for cell in used {
            let row = &numbers[cell * blocks..(cell + 1) * blocks];
            if row.iter().all(|&number| number == 0.0) {
                continue;
            }
            for (sum, number) in sum.iter_mut().zip(row) {
                *sum += number;
            }
            grid.cells.push(cell as u16);
            grid.below.extend_from_slice(&sum);
        }
        grid
    }
}

impl Grid {
    /// The value in ns that a share `quantile` of the values do not exceed, the blocks weighted: inside its bucket by
    /// linear interpolation, as if the bucket's values were spread evenly. `None` where no value counts.
    #[must_use]
    pub fn quantile(&self, weights: &[f64], quantile: f64) -> Option<f64> {
        let (mut low, mut high) = (0, self.cells.len().checked_sub(1)?);
        let wanted = self.below(high, weights) * quantile;
        if wanted <= 0.0 {
            return None;
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.below(middle, weights) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let before = if low == 0 { 0.0 } else { self.below(low - 1, weights) };
        let inside = self.below(low, weights) - before;
        let share = if inside > 0.0 { ((wanted - before) / inside).clamp(0.0, 1.0) } else { 1.0 };
        let cell = usize::from(self.cells[low]);
        let width = width(self.precision, cell).unwrap_or(0.0);
        Some(share.mul_add(width, self.precision.lowest(cell) as f64))
    }

    fn below(&self, cell: usize, weights: &[f64]) -> f64 {
        let row = &self.below[cell * self.blocks..(cell + 1) * self.blocks];
        row.iter().zip(weights).map(|(number, weight)| number * weight).sum()
    }
}

/// Width of a cell in ns; `None` for the cell of what is above the range.
#[must_use]
pub fn width(precision: Precision, cell: usize) -> Option<f64> {
    (cell < precision.cells()).then(|| (precision.highest(cell) - precision.lowest(cell) + 1) as f64)
}
