//! Rounds: each bench has its turn in each, so that a machine that changes slowly changes them all alike.

use std::time::Duration;

use super::{
    Bench,
    clock::{Anchor, Clock, Rate},
    entry, interrupt,
    slot::{Amount, Slot, Turns},
};

/// What holds while a turn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing of ours is attached.
    Bare,
    /// exitpath's own recorder is.
    Traced,
    /// A syscall tracepoint is on, which takes the fast path of a partial-frame kernel away.
    Diverted,
}

impl Condition {
    /// The word that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Traced => "traced",
            Self::Diverted => "diverted",
        }
    }
}

/// How much is done of each bench.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// In how many rounds.
    pub rounds: u32,
    /// So long in all, where no number of calls is given.
    pub duration: Duration,
    /// So many operations in all.
    pub calls: Option<u64>,
    /// So long before, without counting; nothing at all at zero.
    pub warmup: Duration,
}

/// One bench's turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The bench.
    pub bench: &'static Bench,
    /// What held.
    pub condition: Condition,
    /// What it gave.
    pub slot: Slot,
}

/// One round.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// When it began, in ns since the first one.
    pub start_ns: u64,
    /// How long it was, in ns.
    pub duration_ns: u64,
    /// Its turns.
    pub turns: Vec<Turn>,
}

/// What brings a condition about and takes it away.
pub trait Attach {
    /// From now on `condition` holds.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn begin(&mut self, condition: Condition) -> Result<(), String>;
    /// Nothing of ours is attached any more.
    fn end(&mut self);
}

/// Benches that are being run.
pub struct Session {
    turns: Turns,
    effort: Effort,
    first: Anchor,
    /// Known better with every round.
    pub rate: Rate,
    /// Benches with their batch size and the operations made while finding it.
    pub benches: Vec<(&'static Bench, u64, u64)>,
    /// An empty turn of the loop around the plain calls, in ns.
    pub loop_ns: f64,
    /// A pair of clock readings, in ns.
    pub clock_ns: f64,
}

/// A batch takes at least this long, so that some hundred of the shortest calls are in it,
const BATCH: f64 = 100_000.0;
/// and this many times a pair of clock readings,
const CLOCK_SHARE: f64 = 1000.0;
/// and there are at most so many of a bench, or one a turn: they are kept until the end.
const BATCHES: f64 = 20_000.0;
/// Batches of a turn where only the number of calls is known, and nothing may be tried.
const BATCHES_OF_CALLS: u64 = 50;

impl Session {
    /// Looks at the clock, and warms up; gives back the benches that cannot be run after all, and why.
    #[must_use]
    pub fn start(
        turns: Turns,
        effort: Effort,
        benches: &[&'static Bench],
    ) -> (Self, Vec<(&'static Bench, String)>) {
        let clock = turns.clock;
        let first = clock.anchor();
        while clock.anchor().raw_ns < first.raw_ns + 2_000_000 {}
        let rate = Rate::between(&first, &clock.anchor());
        let clock_ns = rate.ns(clock.cost());
        let loop_ns = empty_loop(clock, &rate);
        let mut this = Self { turns, effort, first, rate, benches: Vec::new(), loop_ns, clock_ns };
        let mut unfit = Vec::new();
        for &bench in benches {
            match this.warm_up(bench) {
                Ok((batch, made)) => this.benches.push((bench, batch, made)),
                Err(why) => unfit.push((bench, why)),
            }
        }
        (this, unfit)
    }

    /// The clock that is read.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.turns.clock
    }

    /// Finds out how many operations make a batch, and goes on until the warm-up is over; the batch, and the operations
    /// made.
    fn warm_up(&self, bench: &Bench) -> Result<(u64, u64), String> {
        let Effort { calls, warmup, rounds, duration } = self.effort;
        let a_turn = calls.map(|calls| calls / u64::from(rounds));
        if let (Some(calls), true) = (a_turn, warmup.is_zero()) {
            return Ok((grained(calls / BATCHES_OF_CALLS, bench.grain), 0));
        }
        let all_ns = if calls.is_some() { 0.0 } else { duration.as_nanos() as f64 };
        let target = BATCH.max(CLOCK_SHARE * self.clock_ns).max(all_ns / BATCHES);
        let clock = self.turns.clock;
        let mut operation = (bench.start)()?;
        let (mut size, mut made, began) = (bench.grain, bench.extra_calls, clock.start());
        // The fastest is the undisturbed one: on a busy machine a short batch may take as long as a long one should.
        let mut fastest = f64::INFINITY;
        loop {
            let start = clock.start();
            operation.run(size)?;
            let now = clock.stop().ticks;
            made += size;
            fastest = fastest.min(self.rate.ns(now.saturating_sub(start)).max(1.0) / size as f64);
            let enough = fastest * size as f64 >= target / 2.0;
            size =
                if enough { grained((target / fastest) as u64, bench.grain) } else { size.saturating_mul(2) };
            let over = self.rate.ns(now.saturating_sub(began)) >= warmup.as_nanos() as f64;
            if enough && over || interrupt::asked() {
                break;
            }
        }
        Ok((a_turn.map_or(size, |calls| size.min(grained(calls, bench.grain))), made))
    }

    /// Runs round `number` (from 0) under each condition, in turn forwards and backwards; `before` is told what comes.
    pub fn round(
        &mut self,
        number: u32,
        conditions: &[Condition],
        attach: &mut dyn Attach,
        mut before: impl FnMut(&Bench),
    ) -> Result<Round, String> {
        let began = self.since();
        let mut round = Round { start_ns: began, ..Round::default() };
        let mut order = conditions.to_vec();
        if number % 2 == 1 {
            order.reverse();
        }
        for condition in order {
            attach.begin(condition)?;
            for at in 0..self.benches.len() {
                let (bench, batch, _) = self.benches[at];
                if interrupt::asked() {
                    break;
                }
                before(bench);
                let amount = self.amount(bench, number);
                let lead_in = !self.effort.warmup.is_zero();
                let slot = self.turns.run(bench, amount, batch, lead_in);
                let slot = slot.map_err(|why| format!("{}: {why}", bench.name));
                if slot.is_err() {
                    attach.end();
                }
                round.turns.push(Turn { bench, condition, slot: slot? });
            }
            attach.end();
        }
        self.rate = Rate::between(&self.first, &self.turns.clock.anchor());
        round.duration_ns = self.since().saturating_sub(began);
        Ok(round)
    }

    /// What is done in a turn; over all rounds it is the whole effort.
    fn amount(&self, bench: &Bench, number: u32) -> Amount {
        let rounds = u64::from(self.effort.rounds);
        let Some(calls) = self.effort.calls else {
            let ns = self.effort.duration.as_nanos() as f64 / rounds as f64;
            return Amount::Ticks((ns * self.rate.ticks_per_ns) as u64);
        };
        let grains = calls.div_ceil(bench.grain);
        let share = grains / rounds + u64::from(u64::from(number) < grains % rounds);
        Amount::Operations(share * bench.grain)
    }

    /// ns since the first anchor.
    fn since(&self) -> u64 {
        self.turns.clock.anchor().raw_ns.saturating_sub(self.first.raw_ns)
    }
}

/// At least one grain, in whole ones.
fn grained(operations: u64, grain: u64) -> u64 {
    operations.div_ceil(grain).max(1) * grain
}

/// An empty turn of the loop, in ns: the shortest of some.
fn empty_loop(clock: Clock, rate: &Rate) -> f64 {
    const TURNS: u64 = 20_000;
    let one = |_| {
        let start = clock.start();
        entry::repeat_nothing(TURNS);
        clock.stop().ticks.saturating_sub(start)
    };
    rate.ns((0..16).map(one).min().unwrap_or(0)) / TURNS as f64
}
