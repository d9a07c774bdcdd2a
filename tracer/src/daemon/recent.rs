//! The last minutes in memory: what the live page shows.

mod packed;

use std::collections::VecDeque;

use serde_json::{Value, json};
use tracer_common::Path;

use crate::{histogram::total, snapshot::Snapshot};
use packed::Packed;

/// Whole intervals are kept for this long, in ns ...
const WHOLE_NS: u64 = 300_000_000_000;
/// ... or until they take about so many bytes: few or many series and cells, memory has one bound.
const BYTES: usize = 4 << 20;
/// How many points the path mix over time has: an hour, at 10 s.
const POINTS: usize = 360;

/// The recent past.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    whole: VecDeque<Packed>,
    points: VecDeque<Point>,
}

/// An interval in few numbers.
#[derive(Clone, Debug)]
struct Point {
    /// When it ended, in seconds since the epoch.
    at: f64,
    duration_ns: u64,
    returns: [u64; Path::COUNT],
    lost: u64,
    /// Share of all CPU time that the programs took, 0 to 1, and that the reader took.
    programs: Option<f64>,
    reader: f64,
    sample: u32,
}

impl Recent {
    /// Adds an interval that ended at `at`, in seconds since the epoch.
    pub fn push(&mut self, snapshot: Snapshot, at: f64, sample: u32) {
        let mut returns = [0_u64; Path::COUNT];
        for (key, one) in &snapshot.series {
            let sum = &mut returns[key.path() as usize];
            *sum = sum.saturating_add(one.returns);
        }
        let cost = &snapshot.own_cost;
        let cpus = f64::from(snapshot.cpus.max(1));
        let share = |ns: u64, of: u64| ns as f64 / (of as f64 * cpus).max(1.0);
        self.points.push_back(Point {
            at,
            duration_ns: snapshot.duration_ns,
            returns,
            lost: total(snapshot.losses.iter().copied()),
            programs: (cost.window_ns > 0).then(|| share(cost.run_ns, cost.window_ns)),
            reader: share(cost.reader_ns, snapshot.duration_ns),
            sample,
        });
        while self.points.len() > POINTS {
            self.points.pop_front();
        }
        self.whole.push_back(Packed::new(snapshot));
        while self.whole.len() > 1 && (self.duration(1) >= WHOLE_NS || self.bytes() > BYTES) {
            self.whole.pop_front();
        }
    }

    /// Forgets whole intervals: what follows is measured in another way.
    pub fn restart(&mut self) {
        self.whole.clear();
    }

    /// The last intervals that reach back `seconds`, as far as they are kept, added up.
    #[must_use]
    pub fn last(&self, seconds: f64) -> Snapshot {
        let mut sum = Snapshot::default();
        for one in self.within(seconds) {
            sum.merge(&one);
        }
        sum
    }

    /// The last intervals that reach back `seconds`, as far as they are kept, the oldest first.
    pub fn within(&self, seconds: f64) -> impl Iterator<Item = Snapshot> {
        let mut first = self.whole.len();
        let mut covered = 0.0;
        while first > 0 && covered < seconds * 1e9 {
            first -= 1;
            covered += self.whole[first].duration_ns() as f64;
        }
        self.whole.range(first..).map(Packed::unpack)
    }

    /// The mix of paths over time, for the page.
    #[must_use]
    pub fn history(&self) -> Value {
        let point = |one: &Point| {
            let per_second = |count: u64| count as f64 * 1e9 / (one.duration_ns as f64).max(1.0);
            let paths: serde_json::Map<_, _> = Path::ALL
                .into_iter()
                .zip(one.returns)
                .filter(|&(_, count)| count > 0)
                .map(|(path, count)| (path.name().to_owned(), per_second(count).into()))
                .collect();
            json!({
                "at": one.at,
                "seconds": one.duration_ns as f64 / 1e9,
                "returns_per_second": paths,
                "lost": one.lost,
                "programs_cpu_share": one.programs,
                "reader_cpu_share": one.reader,
                "sample": one.sample,
            })
        };
        self.points.iter().map(point).collect()
    }

    /// Of all whole intervals but the first `skip`, in ns.
    fn duration(&self, skip: usize) -> u64 {
        total(self.whole.iter().skip(skip).map(Packed::duration_ns))
    }

    /// What whole intervals take.
    fn bytes(&self) -> usize {
        self.whole.iter().map(Packed::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn minutes_whole_and_an_hour_in_few_numbers() {
        let mut recent = Recent::default();
        for number in 0..500_u32 {
            recent.push(fixture::snapshot(), 1_790_000_000.0 + 10.0 * f64::from(number), 1);
        }
        assert_eq!(recent.whole.len(), 30);
        assert_eq!(recent.history().as_array().unwrap().len(), POINTS);
        let returns = fixture::snapshot().returns();
        for (seconds, intervals) in [(0.0, 0), (1.0, 1), (10.0, 1), (10.1, 2), (60.0, 6), (1e9, 30)] {
            assert_eq!(recent.last(seconds).returns(), intervals * returns, "{seconds}");
        }
    }

    #[test]
    fn wide_intervals_are_kept_for_less_long() {
        let mut wide = fixture::snapshot();
        let (&key, _) = wide.series.iter().next().unwrap();
        wide.series.get_mut(&key).unwrap().latency.cells = (0..3_000).map(|cell| (cell, 1)).collect();
        for nr in 0..40 {
            wide.series.insert(
                fixture::key(tracer_common::Abi::X86_64, 300 + nr, Path::Sysret),
                wide.series[&key].clone(),
            );
        }
        let mut recent = Recent::default();
        for _ in 0..30 {
            recent.push(wide.clone(), 0.0, 1);
        }
        assert!(recent.bytes() <= BYTES && (2..30).contains(&recent.whole.len()), "{}", recent.whole.len());
    }
}
