//! A side's runs, seen through one metric: what they say, and what resampling them gives.
//!
//! The run is the unit: a side's value is the mean over its runs of each run's own value, of the logarithm for times and
//! rates (their spread is a share, and a single bad run weighs less), of the share itself for errors (there may be none).
//!
//! The bootstrap is hierarchical: it draws runs, and blocks inside each run drawn. Drawn naively, both levels would
//! count the noise inside a run twice, because the runs' own values already differ by it (Davison and Hinkley 1997,
//! section 3.8). Here the spread of the runs is split in two: the part that noise inside runs explains comes from the
//! blocks, the rest from the runs, and the sum is the variance that the runs show, no more and no less.

use super::{
    draws::Draws,
    interval::{Spread, mean, variance},
    model::Metric,
    seen::Seen,
};

/// Below this many ns (or returns a second) there is no logarithm worth having.
const LEAST: f64 = 1e-3;

/// What a side says of a metric.
#[derive(Debug)]
pub struct Sample {
    /// Each run's value, as it is averaged.
    pub values: Vec<f64>,
    /// Their mean and how well it is known; `None` where nothing is known of that.
    pub spread: Option<Spread>,
    /// The variance of the resamples' means, as a share of the variance of the mean.
    pub shrunk: f64,
    /// By run, by one of its pool: the value that stands for it in a resample.
    table: Vec<f64>,
    pool: usize,
}

/// A value as it is averaged.
#[must_use]
pub fn scaled(metric: Metric, value: f64) -> f64 {
    if metric == Metric::Errors { value } else { value.max(LEAST).ln() }
}

/// The other way.
#[must_use]
pub fn unscaled(metric: Metric, value: f64) -> f64 {
    if metric == Metric::Errors { value } else { value.exp() }
}

impl Sample {
    /// Of the runs in which it was seen; `None` if none of them has a value.
    #[must_use]
    pub fn of(seen: &[Seen], metric: Metric, draws: &Draws) -> Option<Self> {
        let pool = draws.pool;
        let (mut values, mut table) = (Vec::new(), Vec::new());
        let (mut within, mut noise, mut blocks) = (0.0, 0.0, 0);
        for one in seen {
            let weights = |at| draws.weights(one.run, at);
            let Some(value) = one.whole(metric).map(|value| scaled(metric, value)) else { continue };
            let drawn =
                (0..pool).map(|at| one.value(metric, weights(at)).map_or(value, |v| scaled(metric, v)));
            let first = table.len();
            table.extend(drawn);
            let drawn = &mut table[first..];
            let (middle, spread) = (mean(drawn), variance(drawn));
            for value in drawn {
                *value -= middle;
            }
            blocks = one.blocks(metric);
            within += spread;
            noise += spread * corrected(blocks);
            values.push(value);
        }
        if values.is_empty() {
            return None;
        }
        let count = values.len() as f64;
        let mut sample = Self { values, spread: None, shrunk: 1.0, table, pool };
        if draws.single() {
            sample.of_blocks(within, blocks);
        } else {
            sample.of_runs(within / count, noise / count);
        }
        Some(sample)
    }

    /// One run a side: only its blocks can be resampled.
    fn of_blocks(&mut self, within: f64, blocks: usize) {
        for value in &mut self.table {
            *value += self.values[0];
        }
        if blocks > 1 {
            let freedom = blocks as f64 - 1.0;
            self.spread =
                Some(Spread { mean: self.values[0], variance: within * corrected(blocks), freedom });
            self.shrunk = freedom / blocks as f64;
        }
    }

    /// The runs' variance, of which noise inside them explains a part. `drawn` is the variance of the resampled blocks,
    /// `noise` what it says of a run's value.
    fn of_runs(&mut self, drawn: f64, noise: f64) {
        let all = variance(&self.values);
        let mean = mean(&self.values);
        let count = self.values.len() as f64;
        let share = if noise > 0.0 { (noise / all.max(f64::MIN_POSITIVE)).min(1.0) } else { 0.0 };
        let shrunk = (count - 1.0) / count;
        let (between, inside) =
            ((1.0 - share).sqrt(), if drawn > 0.0 { (share * all * shrunk / drawn).sqrt() } else { 0.0 });
        for (values, &value) in self.table.chunks_mut(self.pool).zip(&self.values) {
            for one in values {
                *one = between.mul_add(value - mean, inside.mul_add(*one, mean));
            }
        }
        self.spread = Spread::of(&self.values);
        self.shrunk = shrunk;
    }

    /// The mean of a resample.
    #[must_use]
    pub fn resampled(&self, draws: &Draws, resample: usize) -> f64 {
        let places = draws.places(resample, self.values.len());
        places.map(|(run, one)| self.table[run * self.pool + one]).sum::<f64>() / self.values.len() as f64
    }
}

/// What the variance of resampled blocks is short of, when there are so few.
fn corrected(blocks: usize) -> f64 {
    if blocks > 1 { blocks as f64 / (blocks as f64 - 1.0) } else { 1.0 }
}
