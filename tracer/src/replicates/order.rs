//! In what order replicates run.

use crate::metadata::Side;

/// One run, recorded or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The command of `--ab`; `None` where there is one only.
    pub side: Option<Side>,
    /// Not recorded.
    pub warmup: bool,
    /// Which run of its side and kind, from 0.
    pub number: u32,
}

/// All runs: the warm-ups, then the recorded ones, `runs` of each side.
///
/// Two sides run A B B A A B B A: each is first as often as the other, so that neither a drift of the machine nor
/// what a run leaves behind for the next one falls on one side (the ABBA order of crossover designs). `done` pairs
/// have run before, and the order goes on from there.
#[must_use]
pub fn order(two: bool, runs: u32, warmup: u32, done: u32) -> Vec<Turn> {
    let mut turns = Vec::new();
    for (warmup, count, done) in [(true, warmup, 0), (false, runs, done)] {
        for number in 0..count {
            let sides: &[Option<Side>] = match (two, (done + number) % 2) {
                (false, _) => &[None],
                (true, 0) => &[Some(Side::A), Some(Side::B)],
                (true, _) => &[Some(Side::B), Some(Side::A)],
            };
            turns.extend(sides.iter().map(|&side| Turn { side, warmup, number }));
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(turns: &[Turn]) -> String {
        let letter = |turn: &Turn| {
            let name = turn.side.map_or("-", Side::name);
            if turn.warmup { name.to_uppercase() } else { name.to_owned() }
        };
        turns.iter().map(letter).collect()
    }

    #[test]
    fn two_sides_interleave_and_each_is_first_as_often() {
        assert_eq!(letters(&order(true, 4, 0, 0)), "abbaabba");
        assert_eq!(letters(&order(true, 2, 1, 0)), "ABabba");
        assert_eq!(letters(&order(true, 2, 0, 3)), "baab", "it goes on from the fourth pair");
    }

    #[test]
    fn one_side_runs_as_often_as_asked() {
        assert_eq!(letters(&order(false, 3, 2, 5)), "-----");
        let numbers: Vec<_> = order(false, 3, 2, 5).iter().map(|turn| (turn.warmup, turn.number)).collect();
        assert_eq!(numbers, [(true, 0), (true, 1), (false, 0), (false, 1), (false, 2)]);
        for side in [Side::A, Side::B] {
            let turns = order(true, 5, 0, 2);
            let numbers: Vec<_> =
                turns.iter().filter(|turn| turn.side == Some(side)).map(|turn| turn.number).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4]);
        }
    }
}
