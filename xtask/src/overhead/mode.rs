//! What is attached while the loop runs.

use super::{process::Attached, programs::Programs};
use anyhow::Result;
use std::process::Command;

/// What is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing: shows how far two equal measurements differ.
    Nothing,
    /// A pair of programs that do nothing: the unit.
    Empty,
    /// A pair of programs that read the clock and do nothing else: the floor of any latency tracer on these hooks.
    Clock,
    /// `exitpath record`.
    Full,
    /// `exitpath record -p` of another process.
    Rejecting,
    /// `exitpath record --counts-only`.
    Counts,
    /// `exitpath record --sample 16`.
    Sampled,
}

/// What `bench-loop` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loop {
    /// getppid, one thread.
    One,
    /// getppid, two threads with adjacent ids on two CPUs.
    Two,
    /// Twenty different calls.
    Mix,
}

/// Long enough for any measurement; then the tracer ends by itself, whatever became of this task.
const LONGEST: &str = "600";

impl Mode {
    /// All, in the order of the table.
    pub const ALL: [Self; 7] =
        [Self::Nothing, Self::Empty, Self::Clock, Self::Full, Self::Rejecting, Self::Counts, Self::Sampled];

    /// As tables name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing attached",
            Self::Empty => "empty pair",
            Self::Clock => "two clock reads",
            Self::Full => "record",
            Self::Rejecting => "record -p OTHER",
            Self::Counts => "record --counts-only",
            Self::Sampled => "record --sample 16",
        }
    }

    /// As JSON names it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Empty => "empty",
            Self::Clock => "clock",
            Self::Full => "full",
            Self::Rejecting => "rejecting",
            Self::Counts => "counts-only",
            Self::Sampled => "sample-16",
        }
    }

    /// The loops it is measured with: those whose limits differ need the unit in the same loop.
    pub fn loops(self) -> impl Iterator<Item = Loop> {
        let both = matches!(self, Self::Empty | Self::Full);
        Loop::ALL.into_iter().filter(move |&kind| both || kind == Loop::One)
    }

    /// Attaches it.
    pub fn attach(self, programs: &Programs) -> Result<Option<Attached>> {
        let mut tracer = Command::new(&programs.exitpath);
        tracer.args(["record", "-d", LONGEST]);
        match self {
            Self::Nothing => return Ok(None),
            Self::Empty | Self::Clock => {
                return Attached::baseline(&programs.baseline, self.key()).map(Some);
            }
            Self::Full => {}
            // This task sleeps while the loop runs, so nothing passes the filter.
            Self::Rejecting => drop(tracer.args(["-p", &std::process::id().to_string()])),
            Self::Counts => drop(tracer.arg("--counts-only")),
            Self::Sampled => drop(tracer.args(["--sample", "16"])),
        }
        Attached::tracer(&mut tracer).map(Some)
    }
}

impl Loop {
    /// All, in the order of the table.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Mix];

    /// `bench-loop`'s word.
    pub const fn key(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
            Self::Mix => "mix",
        }
    }

    /// As tables name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one thread, getppid",
            Self::Two => "two threads with adjacent ids on two CPUs, getppid",
            Self::Mix => "one thread, twenty different calls",
        }
    }
}
