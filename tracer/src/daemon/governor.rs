//! Keeps what tracing costs below a bound: measures less when it costs too much, and more again when it may.
//!
//! The ladder is: everything; no turnaround; one call in 16 timed, all counted (a finer step would save nothing: what
//! is left is the counting); counts only; nothing attached at all. Each step's share of CPU time relative to the first is
//! known roughly: less than its cost a call falls (DESIGN 4.1), because a load that tracing slows down does more
//! calls when it is slowed down less. So the step is taken that should suffice, and what it really costs decides about
//! the next one. The last one, which loses calls, is taken only when two intervals say so. Upwards it goes one step
//! at a time, after a patience that doubles whenever a step up was a mistake.
//!
//! Pure: no I/O, no clock; time passes in intervals.

use super::options::Tracing;

/// What is left of the bound before a step up is tried.
const ROOM: f64 = 0.7;
/// Intervals of calm before a step up, at first and at most.
const PATIENCE: (u32, u32) = (3, 96);

/// A step of the ladder.
#[derive(Clone, Debug)]
pub struct Step {
    /// For the log.
    pub name: &'static str,
    /// Its cost relative to the first step.
    ratio: f64,
    /// What is traced; `None` is nothing.
    pub tracing: Option<Tracing>,
}

/// The governor of a ladder.
#[derive(Clone, Debug)]
pub struct Governor {
    limit: f64,
    ladder: Vec<Step>,
    at: usize,
    calm: u32,
    /// Intervals in a row after which nothing but to detach would have sufficed.
    above: u32,
    patience: u32,
    /// Intervals since the last step up.
    since_up: u32,
    /// Steps taken downwards and upwards.
    pub down: u64,
    /// See [`Self::down`].
    pub up: u64,
}

impl Governor {
    /// Begins at the top. `limit` is a share of all CPU time, 0 to 1.
    #[must_use]
    pub fn new(limit: f64, base: &Tracing) -> Self {
        let timed = !base.counts_only;
        let step = |name, ratio, change: fn(&mut Tracing)| {
            let mut tracing = base.clone();
            change(&mut tracing);
            Step { name, ratio, tracing: Some(tracing) }
        };
        let mut ladder = vec![step("everything", 1.0, |_| {})];
        if timed && base.sample <= 1 && base.filters.syscalls.is_empty() {
            ladder.push(step("no turnaround", 0.95, |tracing| tracing.turnaround = false));
        }
        if timed && base.sample < 16 && base.filters.min_latency.is_none() {
            ladder.push(step("1 call in 16 timed", 0.85, |tracing| tracing.sample = 16));
        }
        if timed && base.filters.min_latency.is_none() {
            ladder
                .push(step("counts only", 0.5, |tracing| (tracing.counts_only, tracing.sample) = (true, 1)));
        }
        ladder.push(Step { name: "nothing attached", ratio: 0.0, tracing: None });
        Self {
            limit,
            ladder,
            at: 0,
            calm: 0,
            above: 0,
            patience: PATIENCE.0,
            since_up: u32::MAX,
            down: 0,
            up: 0,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn step(&self) -> &Step {
        &self.ladder[self.at]
    }

    /// The number of that step, from 0.
    #[must_use]
    pub const fn level(&self) -> usize {
        self.at
    }

    /// Another bound.
    pub const fn set_limit(&mut self, limit: f64) {
        self.limit = limit;
    }

    /// An interval cost this share of all CPU time. Whether another step is to be taken: [`Self::step`] then is it.
    pub fn observe(&mut self, share: f64) -> bool {
        self.since_up = self.since_up.saturating_add(1);
        let ratio = self.step().ratio;
        if share > self.limit && self.at + 1 < self.ladder.len() {
            let suffices = |step: &Step| share * step.ratio / ratio <= self.limit;
            let below = self.at + 1;
            let found = self.ladder[below..].iter().position(suffices).map_or(below, |more| below + more);
            if self.ladder[found].tracing.is_none() {
                self.above += 1;
                if self.above < 2 && self.since_up > 1 {
                    return self.cheapest();
                }
            }
            self.above = 0;
            // A step up that had to be taken back: wait longer before the next one.
            self.patience =
                if self.since_up <= PATIENCE.1 { (self.patience * 2).min(PATIENCE.1) } else { PATIENCE.0 };
            self.at = found.min(self.ladder.len() - 1);
            self.calm = 0;
            self.down += 1;
            return true;
        }
        self.above = 0;
        if self.at == 0 {
            return false;
        }
        // With nothing attached nothing is known of what it would cost: only time can tell.
        let above = self.ladder[self.at - 1].ratio;
        let fits = ratio == 0.0 || share * above / ratio <= self.limit * ROOM;
        self.calm = if fits { self.calm + 1 } else { 0 };
        if self.calm < self.patience {
            return false;
        }
        self.at -= 1;
        self.calm = 0;
        self.since_up = 0;
        self.up += 1;
        true
    }

    /// Goes to the last step that still counts, if it is not there; whether it was not.
    fn cheapest(&mut self) -> bool {
        let last = self.ladder.iter().rposition(|step| step.tracing.is_some()).unwrap_or(0);
        let steps = last > self.at;
        if steps {
            self.at = last;
            self.calm = 0;
            self.down += 1;
        }
        steps
    }

    /// The step could not be taken: it goes on where it was.
    pub const fn stay(&mut self, at: usize) {
        self.at = at;
        self.calm = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::filters::FilterArgs;
    use proptest::prelude::*;

    fn tracing() -> Tracing {
        Tracing {
            filters: FilterArgs::default(),
            counts_only: false,
            sample: 1,
            turnaround: true,
            precision: None,
            max_series: None,
            plan: None,
        }
    }

    proptest! {
        /// Whatever the load, and however wrong the ratios are: after four intervals the cost is below the bound, but
        /// for trials of a step up, which become ever rarer.
        #[test]
        fn a_steady_load_is_settled_soon(load in 0.0_f64..0.5, limit in 0.001_f64..0.1, wrong in 0.7_f64..1.4) {
            let mut governor = Governor::new(limit, &tracing());
            let cost = |governor: &Governor| load * governor.step().ratio.powf(wrong);
            let mut above = 0;
            for interval in 0..1000 {
                let share = cost(&governor);
                above += u32::from(share > limit);
                governor.observe(share);
                if interval == 3 {
                    prop_assert!(cost(&governor) <= limit);
                }
            }
            prop_assert!(above <= 20, "{above} of 1000 intervals above the bound");
        }

        #[test]
        fn without_load_everything_is_measured_again(load in 0.05_f64..0.5) {
            let mut governor = Governor::new(0.005, &tracing());
            for _ in 0..5 {
                governor.observe(load * governor.step().ratio);
            }
            prop_assert!(governor.level() > 0);
            for _ in 0..500 {
                governor.observe(0.0001 * governor.step().ratio);
            }
            prop_assert_eq!(governor.level(), 0);
            prop_assert!(governor.up >= 1 && governor.down >= 1);
        }
    }

    #[test]
    fn the_step_that_should_suffice_is_taken_at_once() {
        let mut governor = Governor::new(0.05, &tracing());
        assert!(!governor.observe(0.05));
        assert!(governor.observe(0.058));
        assert_eq!(governor.step().name, "1 call in 16 timed");
        assert!(governor.observe(0.2));
        assert_eq!(governor.step().name, "counts only", "one interval may be an accident");
        assert!(governor.observe(0.2));
        assert_eq!((governor.step().name, governor.step().tracing.is_none()), ("nothing attached", true));
        assert!(!governor.observe(0.2), "there is no further step");
    }

    #[test]
    fn the_ladder_has_only_steps_that_save_something() {
        let names = |tracing: &Tracing| {
            Governor::new(0.1, tracing).ladder.iter().map(|step| step.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&Tracing { counts_only: true, ..tracing() }), ["everything", "nothing attached"]);
        assert_eq!(
            names(&Tracing { sample: 64, ..tracing() }),
            ["everything", "counts only", "nothing attached"]
        );
    }
}
