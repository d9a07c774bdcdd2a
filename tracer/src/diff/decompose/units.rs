//! What the decomposition resamples: the timed calls of each run, or of each block of the only run.

use std::collections::BTreeSet;

use tracer_common::{Path, SeriesKey};

use crate::diff::{draws::Draws, run::Run};

/// The series of both sides, in the order that all vectors here have.
#[must_use]
pub fn order(base: &[Run], new: &[Run]) -> Vec<SeriesKey> {
    let keys = base.iter().chain(new).flat_map(|run| run.series.keys().copied());
    keys.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A side's units.
#[derive(Debug)]
pub struct Units {
    each: Vec<Unit>,
    single: bool,
    timed: Vec<u64>,
}

#[derive(Debug, Default)]
struct Unit {
    /// By series: timed calls, and their time in ns; both over the run's timed calls.
    counts: Vec<(u32, f64, f64)>,
    /// By path: returns over the run's returns.
    paths: [f64; Path::COUNT],
}

/// Units added up.
#[derive(Debug)]
pub struct Sums {
    /// Timed calls by series, scaled.
    pub counts: Vec<f64>,
    /// Their time in ns, scaled.
    pub times: Vec<f64>,
    /// Returns by path, scaled.
    pub paths: [f64; Path::COUNT],
    /// Timed calls by series, as they were counted in all runs.
    pub timed: Vec<u64>,
}

impl Sums {
    /// A path's share of the returns.
    #[must_use]
    pub fn share(&self, path: usize) -> f64 {
        let all: f64 = self.paths.iter().sum();
        if all > 0.0 { self.paths[path] / all } else { 0.0 }
    }
}

impl Units {
    /// The units of a side.
    #[must_use]
    pub fn of(runs: &[Run], order: &[SeriesKey]) -> Self {
        let single = runs.len() == 1;
        let mut timed = vec![0_u64; order.len()];
        let mut units = Vec::new();
        for run in runs {
            let all = |of: fn(&crate::diff::run::Track) -> &Vec<u64>| -> f64 {
                run.series.values().flat_map(of).map(|&number| number as f64).sum()
            };
            let scale = |all: f64| if all > 0.0 { 1.0 / all } else { 0.0 };
            let (calls, returns) =
                (scale(all(|track| &track.service.counts)), scale(all(|track| &track.returns)));
            let step = if single { 1 } else { run.blocks().max(1) };
            for first in (0..run.blocks()).step_by(step) {
                let blocks = first..first + step;
                let mut unit = Unit::default();
                for (at, key) in order.iter().enumerate() {
                    let Some(track) = run.series.get(key) else { continue };
                    let sum = |numbers: &[u64]| -> f64 {
                        numbers
                            .get(blocks.clone())
                            .unwrap_or_default()
                            .iter()
                            .map(|&number| number as f64)
                            .sum()
                    };
                    let count = sum(&track.service.counts);
                    if count > 0.0 {
                        unit.counts.push((at as u32, count * calls, sum(&track.service.sums) * calls));
                        timed[at] = timed[at].saturating_add(count as u64);
                    }
                    unit.paths[key.path() as usize] += sum(&track.returns) * returns;
                }
                units.push(unit);
            }
        }
        Self { each: units, single, timed }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.each.len()
    }

    /// Every unit once.
    #[must_use]
    pub fn ones(&self) -> Vec<f64> {
        vec![1.0; self.each.len()]
    }

    /// How often each unit counts in a resample.
    #[must_use]
    pub fn drawn(&self, draws: &Draws, resample: usize) -> Vec<f64> {
        if self.single {
            return draws.weights(0, resample).to_vec();
        }
        let mut weights = vec![0.0; self.each.len()];
        for (run, _) in draws.places(resample, self.each.len()) {
            weights[run] += 1.0;
        }
        weights
    }

    /// The units added up, each so often.
    #[must_use]
    pub fn sums(&self, weights: &[f64]) -> Sums {
        let none = vec![0.0; self.timed.len()];
        let mut sums =
            Sums { counts: none.clone(), times: none, paths: [0.0; Path::COUNT], timed: self.timed.clone() };
        for (unit, &weight) in self.each.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            for &(at, count, time) in &unit.counts {
                sums.counts[at as usize] += weight * count;
                sums.times[at as usize] += weight * time;
            }
            for (sum, path) in sums.paths.iter_mut().zip(unit.paths) {
                *sum += weight * path;
            }
        }
        sums
    }
}
