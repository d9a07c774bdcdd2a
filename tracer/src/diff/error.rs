//! Why two sides cannot be compared.

use crate::environment::Difference;

/// What keeps two sides from being compared: what, why, and the remedy in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// A side has no recording.
    #[error("the {side} side has no recording: a comparison needs one or more on each side of `--`")]
    EmptySide {
        /// `base` or `new`.
        side: &'static str,
    },
    /// `--aa` needs runs enough for two testable halves.
    #[error(
        "--aa splits the runs of one side in halves, and {runs} are too few: give 8 or more, and none after `--`"
    )]
    TooFewToShuffle {
        /// How many there are.
        runs: usize,
    },
    /// `--aa` compares one side with itself.
    #[error("--aa shuffles the runs of one side: give recordings before `--` only")]
    TwoSidesToShuffle,
    /// A recording in which no call returned.
    #[error("{file} holds no return of a system call: leave it out, or record again")]
    EmptyRun {
        /// Which.
        file: String,
    },
    /// One recording twice.
    #[error(
        "{first} and {second} are the same run: a run counts once; give each recording once, on one side"
    )]
    SameRun {
        /// The first.
        first: String,
        /// Its copy.
        second: String,
    },
    /// No series on both sides.
    #[error(
        "the sides have no system call by the same path in common: compare recordings of the same workload \
         (`exitpath report FILE` shows what each holds)"
    )]
    NothingInCommon,
    /// They answer different questions.
    #[error("{first} and {second} cannot be compared: {}; record both alike, or use --force", listed(.differences))]
    Incomparable {
        /// A recording.
        first: String,
        /// One that differs.
        second: String,
        /// In what.
        differences: Vec<Difference>,
    },
}

fn listed(differences: &[Difference]) -> String {
    let texts: Vec<String> =
        differences.iter().map(|one| format!("{} {} | {}", one.what, one.base, one.new)).collect();
    texts.join(", ")
}
