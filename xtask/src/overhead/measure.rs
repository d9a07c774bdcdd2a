//! Rounds of measurements: every mode loaded afresh, in random order, each loop beside a bare one.

use super::{
    interrupt,
    mode::{Loop, Mode},
    process::{Attached, bench},
    programs::Programs,
};
use anyhow::{Context as _, Result};
use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, stderr},
    thread,
    time::Duration,
};

/// One mode in one loop of one round, in ns a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// With nothing attached: the mean of just before and just after.
    pub bare: f64,
    /// With the mode attached.
    pub with: f64,
}

impl Pair {
    /// What the mode adds.
    pub fn added(self) -> f64 {
        self.with - self.bare
    }
}

/// One round.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What was measured.
    pub pairs: BTreeMap<(Loop, Mode), Pair>,
    /// How long the tracer took from its start until it was attached, by mode.
    pub attach: BTreeMap<Mode, Duration>,
    /// Measurements thrown away because something else disturbed them.
    pub repeated: u32,
    /// Measurements kept although something else disturbed them, each time they were tried.
    pub disturbed: u32,
}

/// Two bare loops that differ by more than this share were not run on the same machine: somebody else attached or
/// detached something between them, or took the CPU.
const STEADY: f64 = 0.05;
/// How often a measurement is tried before it is kept as it is.
const TRIES: u32 = 5;

/// Measures `count` rounds.
pub fn rounds(count: u32, calls: u64, seed: u64, programs: &Programs) -> Result<Vec<Round>> {
    let mut order = Order(seed | 1);
    let mut rounds = Vec::new();
    for number in 1..=count {
        if stderr().is_terminal() {
            eprint!("\rround {number} of {count} ");
        }
        let mut round = Round::default();
        for mode in order.shuffled(Mode::ALL) {
            measure(mode, calls, programs, &mut round)
                .with_context(|| format!("round {number}, {}", mode.name()))?;
        }
        rounds.push(round);
    }
    if stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    Ok(rounds)
}

/// Measures one mode, again if the machine changed meanwhile.
fn measure(mode: Mode, calls: u64, programs: &Programs, round: &mut Round) -> Result<()> {
    for attempt in 1..=TRIES {
        let (pairs, took, steady) = attempt_mode(mode, calls, programs)?;
        if !steady && attempt < TRIES {
            round.repeated += 1;
            continue;
        }
        round.disturbed += u32::from(!steady);
        round.pairs.extend(pairs.into_iter().map(|(kind, pair)| ((kind, mode), pair)));
        round.attach.extend(took.map(|took| (mode, took)));
        break;
    }
    Ok(())
}

/// The mode's loops, each between two bare ones; how long attaching took; whether the bare ones agree.
fn attempt_mode(mode: Mode, calls: u64, programs: &Programs) -> Result<(Pairs, Option<Duration>, bool)> {
    interrupt::check()?;
    let run = |kind| bench(&programs.bench_loop, kind, calls);
    let each = || mode.loops().map(run).collect::<Result<Vec<f64>>>();
    let before = each()?;
    let attached = mode.attach(programs)?;
    // The kernel patches its own code when the first program arrives; let that be over.
    thread::sleep(Duration::from_millis(10));
    let with = each()?;
    let took = attached.as_ref().map(|attached| attached.took);
    attached.map(Attached::end).transpose()?;
    let after = each()?;
    let mut pairs = Pairs::new();
    let mut steady = true;
    for (((kind, before), with), after) in mode.loops().zip(before).zip(with).zip(after) {
        let bare = f64::midpoint(before, after);
        steady &= (before - after).abs() <= STEADY * bare;
        pairs.push((kind, Pair { bare, with }));
    }
    Ok((pairs, took, steady))
}

type Pairs = Vec<(Loop, Pair)>;

/// Random orders from a seed (xorshift64).
struct Order(u64);

impl Order {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Fisher and Yates's shuffle.
    fn shuffled<T, const N: usize>(&mut self, mut items: [T; N]) -> [T; N] {
        for last in (1..N).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use std::collections::BTreeSet;

    #[test]
    fn orders_differ_keep_everything_and_repeat_with_their_seed() {
        let orders = |seed| {
            let mut order = Order(seed);
            (0..100).map(|_| order.shuffled([1, 2, 3, 4])).collect::<Vec<_>>()
        };
        let all = orders(7);
        assert!(all.iter().all(|order| order.iter().collect::<BTreeSet<_>>().len() == 4));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 24, "every order comes");
        assert_eq!(all, orders(7));
        assert_ne!(all, orders(9));
    }
}
