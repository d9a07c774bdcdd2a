//! An interval as it is kept: its cells, most of what it is, as a string of bytes, a few for a cell, and in one piece instead
//! of in thousands.

use std::mem;

use prost::encoding::{decode_varint, encode_varint};
use tracer_common::{Path, SeriesKey};

use crate::{
    histogram::Histogram,
    snapshot::{Series, Snapshot},
};

/// An interval.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Without cells.
    bare: Snapshot,
    /// For each histogram how many cells it has, and for each of these the distance from the one before, and its count.
    cells: Box<[u8]>,
}

impl Packed {
    /// Takes the cells out.
    pub fn new(mut snapshot: Snapshot) -> Self {
        let mut bytes = Vec::new();
        for histogram in snapshot.histograms_mut() {
            let cells = mem::take(&mut histogram.cells);
            encode_varint(cells.len() as u64, &mut bytes);
            let mut before = 0;
            for (cell, count) in cells {
                encode_varint(u64::from(cell - before), &mut bytes);
                encode_varint(count, &mut bytes);
                before = cell;
            }
        }
        // Trees that grew from their low end have half of their places empty.
        for series in [&mut snapshot.series, &mut snapshot.moved] {
            *series = mem::take(series).into_iter().collect();
        }
        Self { bare: snapshot, cells: bytes.into() }
    }

    /// Puts them in again.
    pub fn unpack(&self) -> Snapshot {
        let mut snapshot = self.bare.clone();
        let mut bytes = &*self.cells;
        let mut next = move || decode_varint(&mut bytes).unwrap_or_default();
        for histogram in snapshot.histograms_mut() {
            let mut cell = 0;
            histogram.cells = (0..next())
                .map(|_| {
                    cell += next() as u16;
                    (cell, next())
                })
                .collect();
        }
        snapshot
    }

    /// How long the interval was, in ns.
    pub const fn duration_ns(&self) -> u64 {
        self.bare.duration_ns
    }

    /// What it takes, about.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.cells.len()
            + (self.bare.series.len() + self.bare.moved.len()) * size_of::<(SeriesKey, Series)>()
            + self.bare.turnaround.len() * size_of::<(Path, Histogram)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn what_was_packed_is_what_comes_out() {
        let mut snapshot = fixture::snapshot();
        let moved = snapshot.series.iter().next().map(|(&key, one)| (key, one.clone()));
        snapshot.moved.extend(moved);
        let (_, first) = snapshot.series.iter_mut().next().unwrap();
        first.work.cells = [(0, 1), (127, 128), (128, u64::MAX), (3968, 1 << 40)].into();
        assert!(snapshot.histograms_mut().any(|one| one.cells.len() == 4));
        let packed = Packed::new(snapshot.clone());
        assert!(packed.bare.clone().histograms_mut().all(|one| one.cells.is_empty()));
        assert_eq!(packed.unpack(), snapshot);
        assert_eq!(Packed::new(Snapshot::default()).unpack(), Snapshot::default());
    }
}
