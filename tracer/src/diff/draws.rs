//! What the bootstrap draws, once for a side: every series is resampled with the same draws, so that what their runs
//! have in common stays in common.

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::run::Run;

/// Resamples of a run's blocks that are made; the resamples of a side draw among these. A run's part in a resample is
/// one of `n`, so that a few hundred are as good as fresh ones each time.
const POOL: usize = 200;

/// The draws of a side.
#[derive(Debug)]
pub struct Draws {
    /// Resamples of each run's blocks.
    pub pool: usize,
    /// For each resample and each of its places: which run, as a fraction of 2^32, and which of its pool.
    places: Vec<(u32, u16)>,
    /// By run: for each of the pool, how often each block counts.
    weights: Vec<Vec<f64>>,
    runs: usize,
}

impl Draws {
    /// Draws for these runs. The stream depends on what the runs hold, not on which side they are: swapped sides give
    /// the same resamples.
    #[must_use]
    pub fn new(runs: &[Run], seed: u64, resamples: usize, twin: bool) -> Self {
        let stream = runs.iter().fold(u64::from(twin), |all, run| all.rotate_left(7) ^ run.digest());
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ stream);
        let count = runs.len();
        let (pool, places) = if count == 1 {
            (resamples, (0..resamples).map(|at| (0, at as u16)).collect())
        } else {
            let place = |_| (random.next_u32(), below(POOL, random.next_u32()) as u16);
            (POOL, (0..resamples * count).map(place).collect())
        };
        let weights = runs.iter().map(|run| blocks(&mut random, run.blocks(), pool)).collect();
        Self { pool, places, weights, runs: count }
    }

    /// Whether there is one run only: its blocks are what is resampled.
    #[must_use]
    pub const fn single(&self) -> bool {
        self.runs == 1
    }

    /// How often each of a run's blocks counts, in one of its pool.
    #[must_use]
    pub fn weights(&self, run: usize, one: usize) -> &[f64] {
        let all = &self.weights[run];
        let blocks = all.len() / self.pool;
        &all[one * blocks..(one + 1) * blocks]
    }

    /// The places of a resample, for a row that was seen in `seen` of the runs: (which of these, which of its pool).
    pub fn places(&self, resample: usize, seen: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let first = resample * self.runs;
        self.places[first..first + seen].iter().map(move |&(run, one)| (below(seen, run), usize::from(one)))
    }
}

/// A number below `count` from 32 random bits (multiply and shift; the bias is below `count / 2^32`).
const fn below(count: usize, random: u32) -> usize {
    ((random as u64 * count as u64) >> 32) as usize
}

/// Blocks drawn with replacement, as many as there are.
fn blocks(random: &mut Xoshiro256PlusPlus, blocks: usize, pool: usize) -> Vec<f64> {
    let mut weights = vec![0.0; blocks * pool];
    for one in weights.chunks_mut(blocks.max(1)) {
        for _ in 0..blocks {
            one[below(blocks, random.next_u32())] += 1.0;
        }
    }
    weights
}
