//! One bench's turn in a round: batches, one after the other.

use super::{
    Bench, Disturbance, Operation,
    clock::Clock,
    counters::{Count, Counters},
    disturbance::preemptions,
    entry::spin,
    interrupt,
};

/// How much a bench does in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// At least so many ticks, in whole batches.
    Ticks(u64),
    /// Exactly so many operations.
    Operations(u64),
}

/// What a turn gave.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// Operations and ticks of each batch that has a time.
    pub batches: Vec<(u64, u64)>,
    /// Operations that are in no batch: what leads in, and what the bench itself needs.
    pub untimed: u64,
    /// Disturbed batches, by the number of the [`Disturbance`].
    pub disturbed: [u64; Disturbance::COUNT],
    /// Counted over all batches, the readings between them included; with the operations they belong to.
    pub counted: Option<(Count, u64)>,
}

/// What turns share.
pub struct Turns {
    /// The batches' clock.
    pub clock: Clock,
    /// The CPU that the thread is bound to.
    pub cpu: u32,
    /// The hardware's counters, where there are some.
    pub counters: Option<Counters>,
    /// What the spin took in the first turn, in ticks.
    pub speed: Option<u64>,
}

/// A spin that differs by more than this share from the first one ran at another speed.
const STEADY: f64 = 0.02;
const SPIN_TURNS: u64 = 200;

impl Turns {
    /// Runs a bench's turn. With `lead_in` a batch comes first whose time does not count.
    pub fn run(&mut self, bench: &Bench, amount: Amount, batch: u64, lead_in: bool) -> Result<Slot, String> {
        let mut operation = (bench.start)()?;
        let mut slot = Slot { untimed: bench.extra_calls, ..Slot::default() };
        if lead_in {
            operation.run(batch)?;
            slot.untimed += batch;
        }
        let before = self.spin();
        let counted = self.count(bench);
        self.batches(&mut *operation, amount, batch, &mut slot)?;
        if !bench.alone {
            // Its own threads and children take the CPU, in every batch.
            slot.disturbed[Disturbance::Preempted as usize] = 0;
        }
        let all: u64 = slot.batches.iter().map(|(calls, _)| calls).sum();
        if let (Some(before), Some(after)) = (counted, self.count(bench)) {
            let count = Count {
                cycles: after.cycles.saturating_sub(before.cycles),
                instructions: after.instructions.saturating_sub(before.instructions),
            };
            slot.counted = Some((count, all));
        }
        let speed = *self.speed.get_or_insert(before);
        if [before, self.spin()].into_iter().any(|ticks| differ(ticks, speed)) {
            slot.disturbed[Disturbance::Frequency as usize] = slot.batches.len() as u64;
        }
        Ok(slot)
    }

    fn batches(
        &self,
        operation: &mut dyn Operation,
        amount: Amount,
        batch: u64,
        slot: &mut Slot,
    ) -> Result<(), String> {
        let mut preempted = preemptions();
        let (mut spent, mut done) = (0, 0);
        loop {
            let size = match amount {
                Amount::Ticks(ticks) if spent >= ticks => break,
                Amount::Ticks(_) => batch,
                Amount::Operations(all) if done >= all => break,
                Amount::Operations(all) => batch.min(all - done),
            };
            if interrupt::asked() {
                break;
            }
            let start = self.clock.start();
            operation.run(size)?;
            let stop = self.clock.stop();
            let now = preemptions();
            let mut disturbed = |kind: Disturbance, is: bool| slot.disturbed[kind as usize] += u64::from(is);
            disturbed(Disturbance::Preempted, now != preempted);
            disturbed(Disturbance::Moved, stop.cpu.is_some_and(|cpu| cpu != self.cpu & 0xfff));
            disturbed(Disturbance::ClockBack, stop.ticks < start);
            preempted = now;
            done += size;
            // A clock that stands still must not keep the turn from ending.
            spent += stop.ticks.saturating_sub(start).max(1);
            if let Some(ticks) = stop.ticks.checked_sub(start) {
                slot.batches.push((size, ticks));
            } else {
                slot.untimed += size;
            }
        }
        Ok(())
    }

    fn count(&mut self, bench: &Bench) -> Option<Count> {
        self.counters.as_mut().filter(|_| bench.alone)?.read()
    }

    /// How long a fixed number of the core's cycles takes now, in ticks: the shortest of some.
    fn spin(&self) -> u64 {
        let one = |_| {
            let start = self.clock.start();
            spin(SPIN_TURNS);
            self.clock.stop().ticks.saturating_sub(start)
        };
        (0..8).map(one).min().unwrap_or(0)
    }
}

fn differ(ticks: u64, from: u64) -> bool {
    (ticks as f64 - from as f64).abs() > STEADY * from as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::list;

    fn turns() -> Turns {
        Turns { clock: Clock::choose(), cpu: 0, counters: None, speed: None }
    }

    fn null() -> &'static Bench {
        list::ALL.iter().find(|bench| bench.name == "null").unwrap()
    }

    #[test]
    fn so_many_operations_are_done_exactly() {
        let slot = turns().run(null(), Amount::Operations(1_050), 100, true).unwrap();
        let calls: Vec<u64> = slot.batches.iter().map(|(calls, _)| *calls).collect();
        assert_eq!((calls.len(), calls.iter().sum::<u64>(), calls[10]), (11, 1_050, 50));
        assert_eq!(slot.untimed, 100);
        assert!(slot.counted.is_none());
    }

    #[test]
    fn a_turn_ends_when_its_time_is_over() {
        let slot = turns().run(null(), Amount::Ticks(1_000_000), 100, false).unwrap();
        let spent: u64 = slot.batches.iter().map(|(_, ticks)| ticks).sum();
        let last = slot.batches.last().unwrap().1;
        assert!(spent >= 1_000_000 && spent - last < 1_000_000);
    }

    #[test]
    fn another_speed_is_noticed() {
        let slow =
            Turns { speed: Some(1), ..turns() }.run(null(), Amount::Operations(300), 100, false).unwrap();
        assert_eq!(slow.disturbed[Disturbance::Frequency as usize], 3);
        assert!(differ(103, 100) && !differ(101, 100));
    }
}
