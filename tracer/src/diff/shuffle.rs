//! `--aa`: how often labels that mean nothing give a finding.

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{
    Options,
    interval::{Spread, benjamini_hochberg, welch},
    model::{FalsePositives, Metric},
    row::TESTABLE,
    sample::{scaled, unscaled},
    seen::{Kind, Seen},
    verdict::{counts, weight},
};

/// One metric of one row, by run of both sides.
#[derive(Debug)]
pub struct Values {
    metric: Metric,
    /// By run; `None` where it was not seen.
    by_run: Vec<Option<f64>>,
}

/// Each metric of a row that every run has.
#[must_use]
pub fn values(kind: Kind, base: &[Seen], new: &[Seen], runs: [usize; 2]) -> Vec<Values> {
    let one = |&metric: &Metric| {
        let mut by_run = vec![None; runs[0] + runs[1]];
        let placed = base.iter().map(|seen| (seen.run, seen));
        for (at, seen) in placed.chain(new.iter().map(|seen| (runs[0] + seen.run, seen))) {
            by_run[at] = seen.whole(metric).map(|value| scaled(metric, value));
        }
        Values { metric, by_run }
    };
    kind.metrics().iter().map(one).collect()
}

/// Splits the runs in halves at random, again and again, and tests them as a comparison does.
#[must_use]
pub fn false_positives(values: &[Values], runs: usize, shuffles: usize, options: &Options) -> FalsePositives {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(options.seed);
    let mut order: Vec<usize> = (0..runs).collect();
    let mut result = FalsePositives { shuffles, any: 0, tests: 0, found: 0 };
    for _ in 0..shuffles {
        // Fisher and Yates.
        for last in (1..runs).rev() {
            order.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
        }
        let (base, new) = order.split_at(runs / 2);
        let tested: Vec<(f64, f64, bool)> =
            values.iter().filter_map(|one| test(one, base, new, options)).collect();
        let tests: Vec<(f64, f64)> = tested.iter().map(|&(p, weight, _)| (p, weight)).collect();
        let qs = benjamini_hochberg(&tests);
        let found =
            qs.iter().zip(&tested).filter(|&(&q, &(_, _, counts))| q <= options.fdr && counts).count();
        result.tests += tested.len();
        result.found += found;
        result.any += usize::from(found > 0);
    }
    result
}

fn test(values: &Values, base: &[usize], new: &[usize], options: &Options) -> Option<(f64, f64, bool)> {
    let side = |runs: &[usize]| -> Vec<f64> { runs.iter().filter_map(|&run| values.by_run[run]).collect() };
    let (one, other) = (side(base), side(new));
    if one.len().min(other.len()) < TESTABLE {
        return None;
    }
    let (one, other) = (Spread::of(&one)?, Spread::of(&other)?);
    if values.metric == Metric::Errors && one.mean == 0.0 && other.mean == 0.0 {
        return None;
    }
    let (base, new) = (unscaled(values.metric, one.mean), unscaled(values.metric, other.mean));
    Some((welch(&one, &other), weight(values.metric), counts(values.metric, new - base, new / base, options)))
}
