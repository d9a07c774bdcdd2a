//! How long it will still take, from the runs so far.

use std::time::Duration;

use super::Turn;

/// How long runs took, from the start of attaching to the end of detaching, and the pause behind each.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Time and number of runs: of the first side, or the only one, and of the second.
    sides: [(Duration, u32); 2],
    pause: Duration,
}

impl Pace {
    /// Nothing has run yet.
    #[must_use]
    pub fn new(pause: Duration) -> Self {
        Self { sides: Default::default(), pause }
    }

    /// A run took this long.
    pub fn add(&mut self, turn: Turn, took: Duration) {
        let (time, runs) = &mut self.sides[side(turn)];
        *time += took;
        *runs += 1;
    }

    /// How long a run like this one takes: the mean of those of its side, or where there was none yet, of the others.
    #[must_use]
    pub fn of(&self, turn: Turn) -> Option<Duration> {
        let mean = |(time, runs): (Duration, u32)| time.checked_div(runs);
        mean(self.sides[side(turn)]).or_else(|| mean(self.sides[1 - side(turn)]))
    }

    /// How long these runs take, each after a pause; `None` before the first run has ended.
    #[must_use]
    pub fn all(&self, turns: &[Turn]) -> Option<Duration> {
        turns.iter().map(|&turn| Some(self.of(turn)? + self.pause)).sum()
    }
}

fn side(turn: Turn) -> usize {
    turn.side.map_or(0, |side| side as usize)
}

/// Time left as people say it: `8 s`, `3 min 20 s`, `2 h 05 min`.
#[must_use]
pub fn left(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replicates::order;

    #[test]
    fn each_side_has_a_pace_of_its_own() {
        let turns = order(true, 2, 0, 0);
        let mut pace = Pace::new(Duration::from_secs(1));
        assert_eq!(pace.all(&turns), None);
        pace.add(turns[0], Duration::from_secs(2));
        assert_eq!(pace.all(&turns[1..]), Some(Duration::from_secs(9)), "b is taken to be like a");
        pace.add(turns[1], Duration::from_secs(6));
        assert_eq!(pace.all(&turns[2..]), Some(Duration::from_secs(10)));
        assert_eq!(pace.all(&[]), Some(Duration::ZERO));
    }

    #[test]
    fn time_left_has_two_units_at_most() {
        for (seconds, text) in [(0.0, "0 s"), (7.2, "8 s"), (200.0, "3 min 20 s"), (7_500.0, "2 h 05 min")] {
            assert_eq!(left(Duration::from_secs_f64(seconds)), text);
        }
    }
}
