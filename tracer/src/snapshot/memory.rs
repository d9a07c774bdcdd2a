//! What a snapshot takes while it is kept.

use tracer_common::{Path, SeriesKey};

use super::{Series, Snapshot};
use crate::histogram::Histogram;

/// A cell's share of a full node of a B-tree: 144 bytes for 11.
const CELL_BYTES: usize = 13;

impl Snapshot {
    /// Gives memory back, as [`Histogram::pack`] does.
    pub fn pack(&mut self) {
        for series in [&mut self.series, &mut self.moved] {
            *series = std::mem::take(series).into_iter().collect();
        }
        let series = self.series.values_mut().chain(self.moved.values_mut());
        series.flat_map(|one| [&mut one.latency, &mut one.work]).for_each(Histogram::pack);
        self.turnaround.values_mut().for_each(Histogram::pack);
    }

    /// What it takes, once packed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let series = || self.series.values().chain(self.moved.values());
        let histograms = series().flat_map(|one| [&one.latency, &one.work]).chain(self.turnaround.values());
        let cells: usize = histograms.map(|one| one.cells.len()).sum();
        let errors: usize = series().map(|one| one.errors.len()).sum();
        size_of::<Self>()
            + series().count() * size_of::<(SeriesKey, Series)>()
            + self.turnaround.len() * size_of::<(Path, Histogram)>()
            + (cells + errors) * CELL_BYTES
    }
}
