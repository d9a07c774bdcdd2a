//! A run as a comparison reads it: the intervals of one recording, added up to a few blocks.

use std::collections::BTreeMap;

use tracer_common::{Loss, Path, SeriesKey};

use crate::{
    histogram::{Histogram, Precision},
    metadata::Metadata,
};

/// One recording, reduced to blocks of intervals. All vectors "by block" have [`Run::blocks`] entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Where it was read from.
    pub file: String,
    /// Its head.
    pub metadata: Metadata,
    /// Intervals in it.
    pub intervals: usize,
    /// Intervals to a block; the last block may have fewer.
    pub block: usize,
    /// Time recorded, by block, in ns.
    pub durations: Vec<u64>,
    /// What is missing, by the number of the [`Loss`].
    pub losses: [u64; Loss::COUNT],
    /// What a reader must know of it, one sentence each: it was cut, it has unknown names.
    pub notes: Vec<String>,
    /// What was counted, by ABI, number and path.
    pub series: BTreeMap<SeriesKey, Track>,
    /// From a return by this path to the thread's next entry.
    pub turnaround: BTreeMap<Path, Times>,
    /// Exit work where only its path is known; recordings have it by series ([`Track::work`]).
    pub work: BTreeMap<Path, Times>,
    /// Width of the buckets that the values came in, as a share of the value, where they were coarser than the cells; 0
    /// for recordings.
    pub bucket: f64,
}

/// A series in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// Returns to user mode, by block.
    pub returns: Vec<u64>,
    /// Calls that failed, by block.
    pub errors: Vec<u64>,
    /// Service time.
    pub service: Times,
    /// Exit work; empty in plans without a final hook.
    pub work: Times,
}

/// A distribution of times in ns, by block. Empty vectors are "nothing timed in any block".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many values, by block.
    pub counts: Vec<u64>,
    /// Their exact sum in ns, by block.
    pub sums: Vec<u64>,
    /// Where each block's cells begin in `cells` and `numbers`, and behind the last where they end.
    pub starts: Vec<u32>,
    /// The histogram's cells that are not empty, upwards in each block.
    pub cells: Vec<u16>,
    /// How many values in each of these.
    pub numbers: Vec<u64>,
}

impl Run {
    /// How many blocks it has.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.durations.len()
    }

    /// The bucket layout of its histograms.
    #[must_use]
    pub fn precision(&self) -> Precision {
        Precision::from_digits(self.metadata.precision).unwrap_or_default()
    }

    /// Returns to user mode in all series.
    #[must_use]
    pub fn returns(&self) -> u64 {
        crate::histogram::total(self.series.values().flat_map(|track| track.returns.iter().copied()))
    }

    /// How many histogram cells it holds.
    #[must_use]
    pub fn cells(&self) -> usize {
        let series = self.series.values().map(|track| track.service.cells.len() + track.work.cells.len());
        series.sum::<usize>() + self.turnaround.values().map(|times| times.cells.len()).sum::<usize>()
    }

    /// A digest of what was counted: equal for copies of one recording (FNV-1a, 64 bits).
    #[must_use]
    pub fn digest(&self) -> u64 {
        let numbers = self.durations.iter().chain(self.series.values().flat_map(|track| {
            track.returns.iter().chain(&track.errors).chain(&track.service.counts).chain(&track.service.sums)
        }));
        let keys = self.series.keys().map(|key| u64::from(key.0));
        numbers.copied().chain(keys).fold(0xcbf2_9ce4_8422_2325, |hash, number| {
            (hash ^ number).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
        })
    }
}

impl Times {
    /// Of a distribution a block.
    #[must_use]
    pub fn of(blocks: &[Histogram]) -> Self {
        let mut times = Self { starts: vec![0], ..Self::default() };
        for one in blocks {
            times.counts.push(one.count);
            times.sums.push(one.sum);
            times.cells.extend(one.cells.keys());
            times.numbers.extend(one.cells.values());
            times.starts.push(times.cells.len() as u32);
        }
        times
    }

    /// Whether nothing was timed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|&count| count == 0)
    }

    /// The cells of a block, and how many values are in each.
    pub fn block(&self, block: usize) -> impl Iterator<Item = (u16, u64)> + '_ {
        let at = |index: usize| self.starts.get(index).map_or(0, |&start| start as usize);
        let range = at(block)..at(block + 1);
        let cells = self.cells.get(range.clone()).unwrap_or_default();
        let numbers = self.numbers.get(range).unwrap_or_default();
        cells.iter().copied().zip(numbers.iter().copied())
    }
}
