//! From rounds to results. Pure.

use std::collections::BTreeMap;

use super::{
    Bench, Disturbance, Summary,
    clock::Rate,
    median,
    results::{Against, Row},
    rounds::{Condition, Round},
};
use crate::regime::Regime;

/// Collects rounds.
#[derive(Debug, Default)]
pub struct Tally {
    entries: BTreeMap<(usize, Condition), Entry>,
    rounds: u32,
}

#[derive(Debug, Default)]
struct Entry {
    means: Vec<f64>,
    calls: u64,
    untimed: u64,
    ns: f64,
    batch: u64,
    disturbed: [u64; Disturbance::COUNT],
    counted: (u64, u64, u64),
    /// The median of each round, by its number.
    medians: BTreeMap<u32, f64>,
}

impl Tally {
    /// Adds a round; `benches` gives the order of the rows.
    pub fn add(&mut self, round: &Round, rate: &Rate, benches: &[&'static Bench]) {
        for turn in &round.turns {
            let Some(at) = benches.iter().position(|bench| bench.name == turn.bench.name) else { continue };
            let entry = self.entries.entry((at, turn.condition)).or_default();
            let ns = |ticks| rate.ns(ticks);
            let means: Vec<f64> =
                turn.slot.batches.iter().map(|&(calls, ticks)| ns(ticks) / calls.max(1) as f64).collect();
            for &(calls, ticks) in &turn.slot.batches {
                entry.calls += calls;
                entry.ns += ns(ticks);
                entry.batch = entry.batch.max(calls);
            }
            entry.untimed += turn.slot.untimed;
            for (sum, one) in entry.disturbed.iter_mut().zip(turn.slot.disturbed) {
                *sum += one;
            }
            if let Some((count, calls)) = turn.slot.counted {
                entry.counted.0 += count.cycles;
                entry.counted.1 += count.instructions;
                entry.counted.2 += calls;
            }
            entry.medians.extend(median(&means).map(|one| (self.rounds, one)));
            entry.means.extend(means);
        }
        self.rounds += 1;
    }

    /// Rounds added so far.
    #[must_use]
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// The rows; `made` is what trying and warming up made of a bench's calls.
    #[must_use]
    pub fn rows(&self, benches: &[&'static Bench], regime: Regime, made: impl Fn(&Bench) -> u64) -> Vec<Row> {
        let row = |(&(at, condition), entry): (&(usize, Condition), &Entry)| {
            let bench = benches[at];
            let (cycles, instructions, counted) = entry.counted;
            let each = |count: u64| count as f64 / counted as f64;
            Row {
                bench,
                condition,
                route: bench.route(regime, condition == Condition::Diverted),
                calls: entry.calls,
                untimed_calls: entry.untimed + if condition == Condition::Bare { made(bench) } else { 0 },
                ns: entry.ns,
                batch: entry.batch,
                summary: Summary::of(&entry.means),
                disturbed: entry.disturbed,
                cycles: (counted > 0).then(|| (each(cycles), each(instructions))),
            }
        };
        self.entries.iter().filter(|(_, entry)| entry.calls > 0).map(row).collect()
    }

    /// Each condition against the bare bench.
    #[must_use]
    pub fn against(&self, benches: &[&'static Bench]) -> Vec<Against> {
        let one = |(&(at, condition), entry): (&(usize, Condition), &Entry)| {
            let bare = self.entries.get(&(at, Condition::Bare)).filter(|_| condition != Condition::Bare)?;
            let pairs: Vec<(f64, f64)> = entry
                .medians
                .iter()
                .filter_map(|(round, &with)| Some((*bare.medians.get(round)?, with)))
                .collect();
            let of = |value: fn(&(f64, f64)) -> f64| median(&pairs.iter().map(value).collect::<Vec<_>>());
            Some(Against {
                name: benches[at].name,
                condition,
                rounds: pairs.len(),
                bare: of(|pair| pair.0)?,
                with: of(|pair| pair.1)?,
                added: of(|pair| pair.1 - pair.0)?,
            })
        };
        self.entries.iter().filter_map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bench::{list, rounds::Turn, slot::Slot},
        regime::{Decision, Frame},
    };

    fn turn(condition: Condition, ticks: &[u64]) -> Turn {
        let batches = ticks.iter().map(|&ticks| (10, ticks)).collect();
        Turn { bench: &list::ALL[0], condition, slot: Slot { batches, untimed: 3, ..Slot::default() } }
    }

    #[test]
    fn a_condition_is_held_against_the_bare_bench_of_its_own_round() {
        let rate = Rate { ticks_per_ns: 1.0, error: 0.0, over_ns: 1 };
        let benches = [&list::ALL[0]];
        let mut tally = Tally::default();
        // The machine slows down: what the tracer adds stays the same.
        for slow in [0, 100, 1_000] {
            let turns = vec![
                turn(Condition::Traced, &[2_000 + slow, 2_000 + slow, 9_000]),
                turn(Condition::Bare, &[1_000 + slow, 1_000 + slow, 9_000]),
            ];
            tally.add(&Round { turns, ..Round::default() }, &rate, &benches);
        }
        let against = tally.against(&benches);
        let want = Against {
            name: "null",
            condition: Condition::Traced,
            rounds: 3,
            bare: 110.0,
            with: 210.0,
            added: 100.0,
        };
        assert_eq!(against, [want]);
    }

    #[test]
    fn means_are_over_calls_and_nothing_is_left_out() {
        let rate = Rate { ticks_per_ns: 2.0, error: 0.0, over_ns: 1 };
        let benches = [&list::ALL[0]];
        let mut tally = Tally::default();
        let mut round = Round { turns: vec![turn(Condition::Bare, &[2_000, 4_000])], ..Round::default() };
        round.turns[0].slot.disturbed[0] = 1;
        tally.add(&round, &rate, &benches);
        let regime = Regime {
            frame: Frame::Full,
            decision: Decision::C,
            fred: false,
            xenpv: false,
            pti: false,
            la57: false,
        };
        let rows = tally.rows(&benches, regime, |_| 40);
        let row = &rows[0];
        assert_eq!((row.calls, row.untimed_calls, row.summary.batches), (20, 43, 2));
        assert!((row.mean() - 150.0).abs() < 1e-9 && (row.rate() - 1e9 / 150.0).abs() < 1e-3);
        assert!((row.clock_share(10.0) - 0.01).abs() < 1e-9);
        assert_eq!((row.disturbed[0], row.cycles), (1, None));
    }
}
