//! One run's share of a row, in floats and ready to be resampled.

use tracer_common::{Path, SeriesKey};

use super::{
    grid::{Dense, Grid},
    model::{Level, Metric},
    run::{Run, Times, Track},
};
use crate::histogram::total;

/// What a row is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Service time of a series.
    Service(SeriesKey),
    /// Service time of all that left by a path.
    Path(Path),
    /// Exit work of a series.
    Work(SeriesKey),
    /// Turnaround after a path.
    Turnaround(Path),
    /// Exit work of all that left by a path, where series are not told apart.
    PathWork(Path),
}

impl Kind {
    /// What is compared in such a row, in the order of [`Metric::ALL`].
    #[must_use]
    pub const fn metrics(self) -> &'static [Metric] {
        use Metric::{Errors, Mean, P5, P50, P90, P99, P999, Rate};
        match self {
            Self::Service(_) | Self::Path(_) => &[Rate, Errors, Mean, P50, P90, P99, P999],
            Self::Work(_) | Self::PathWork(_) => &[Mean, P50, P90, P99, P999],
            Self::Turnaround(_) => &[Mean, P5, P50, P90, P99, P999],
        }
    }
}

/// One run's share of a row; the vectors are by block.
#[derive(Debug)]
pub struct Seen {
    /// Which run of its side.
    pub run: usize,
    /// What it adds to the side's level; `runs` is 1.
    pub level: Level,
    durations: Vec<f64>,
    returns: Vec<f64>,
    errors: Vec<f64>,
    counts: Vec<f64>,
    sums: Vec<f64>,
    grid: Grid,
}

impl Seen {
    /// Of each run of a side in which it was seen.
    #[must_use]
    pub fn of(kind: Kind, runs: &[Run]) -> Vec<Self> {
        runs.iter().enumerate().filter_map(|(at, run)| Self::in_run(kind, at, run)).collect()
    }

    fn in_run(kind: Kind, at: usize, run: &Run) -> Option<Self> {
        match kind {
            Kind::Service(key) => {
                run.series.get(&key).map(|track| Self::new(at, run, &[track], &[&track.service]))
            }
            Kind::Work(key) => {
                let work = run.series.get(&key).map(|track| &track.work).filter(|work| !work.is_empty())?;
                Some(Self::new(at, run, &[], &[work]))
            }
            Kind::Turnaround(path) => {
                run.turnaround.get(&path).map(|times| Self::new(at, run, &[], &[times]))
            }
            Kind::PathWork(path) => run.work.get(&path).map(|times| Self::new(at, run, &[], &[times])),
            Kind::Path(path) => {
                let of_path = run.series.iter().filter(|(key, _)| key.path() == path);
                let tracks: Vec<&Track> = of_path.map(|(_, track)| track).collect();
                let times: Vec<&Times> = tracks.iter().map(|track| &track.service).collect();
                (!tracks.is_empty()).then(|| Self::new(at, run, &tracks, &times))
            }
        }
    }

    fn new(at: usize, run: &Run, tracks: &[&Track], times: &[&Times]) -> Self {
        let blocks = run.blocks();
        let sum =
            |of: fn(&Track) -> &Vec<u64>| added(blocks, tracks.iter().map(|track| of(track).as_slice()));
        let (returns, errors) = (sum(|track| &track.returns), sum(|track| &track.errors));
        let counts = added(blocks, times.iter().map(|one| one.counts.as_slice()));
        let sums = added(blocks, times.iter().map(|one| one.sums.as_slice()));
        let mut dense = Dense::new(run.precision(), blocks);
        for one in times {
            dense.add(one);
        }
        let timed = total(counts.iter().copied());
        let counted = if tracks.is_empty() { timed } else { total(returns.iter().copied()) };
        let level = Level { runs: 1, returns: counted, timed, errors: total(errors.iter().copied()) };
        let float = |numbers: &[u64]| numbers.iter().map(|&number| number as f64).collect();
        Self {
            run: at,
            level,
            durations: float(&run.durations),
            returns: float(&returns),
            errors: float(&errors),
            counts: float(&counts),
            sums: float(&sums),
            grid: dense.summed(),
        }
    }

    /// A metric's value when the blocks count so often; `None` where there is nothing to compute it from.
    #[must_use]
    pub fn value(&self, metric: Metric, weights: &[f64]) -> Option<f64> {
        match metric {
            Metric::Rate => over(&self.returns, &self.durations, weights).map(|rate| rate * 1e9),
            Metric::Errors => over(&self.errors, &self.returns, weights),
            Metric::Mean => over(&self.sums, &self.counts, weights),
            Metric::P5 | Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999 => {
                self.grid.quantile(weights, quantile(metric))
            }
        }
    }

    /// A metric's value of the whole run.
    #[must_use]
    pub fn whole(&self, metric: Metric) -> Option<f64> {
        self.value(metric, &vec![1.0; self.durations.len()])
    }

    /// A quantile of the whole run, in ns.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        self.grid.quantile(&vec![1.0; self.durations.len()], quantile)
    }

    /// Blocks that have anything of it.
    #[must_use]
    pub fn blocks(&self, metric: Metric) -> usize {
        match metric {
            Metric::Rate => self.durations.len(),
            Metric::Errors => self.returns.iter().filter(|&&count| count > 0.0).count(),
            _ => self.counts.iter().filter(|&&count| count > 0.0).count(),
        }
    }
}

/// The share of the values that a quantile's name stands for.
#[must_use]
pub const fn quantile(metric: Metric) -> f64 {
    match metric {
        Metric::P5 => 0.05,
        Metric::P90 => 0.9,
        Metric::P99 => 0.99,
        Metric::P999 => 0.999,
        _ => 0.5,
    }
}

fn added<'a>(blocks: usize, all: impl Iterator<Item = &'a [u64]>) -> Vec<u64> {
    let mut sum = vec![0_u64; blocks];
    for one in all {
        for (sum, number) in sum.iter_mut().zip(one) {
            *sum = sum.saturating_add(*number);
        }
    }
    sum
}

fn over(part: &[f64], whole: &[f64], weights: &[f64]) -> Option<f64> {
    let dot =
        |numbers: &[f64]| numbers.iter().zip(weights).map(|(number, weight)| number * weight).sum::<f64>();
    let whole = dot(whole);
    (whole > 0.0).then(|| dot(part) / whole)
}
