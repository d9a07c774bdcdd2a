//! The names of what is missing from a result: losses, and returns without a latency.

/// A call or a latency that is missing although it should be there.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Loss {
    /// A return whose entry was not seen, for no reason that is known: counted, but without latency.
    NoStart = 0,
    /// A return that found no free series: not counted.
    SlotFull = 1,
    /// An entry that overwrote another thread's call in flight: that call is counted, but without latency.
    TidCollision = 2,
    /// A program that the kernel did not run, because it was running on that CPU already.
    Recursion = 3,
    /// A return that the clock put before its entry: counted, but without latency.
    ClockBack = 4,
    /// A reading that came so late that a 32-bit cell may have wrapped since the one before.
    ReaderLate = 5,
    /// A probe at a function's return that found no room for one more call: counted, but without latency; in the
    /// entry code itself not counted.
    ProbeMissed = 6,
}

impl Loss {
    /// How many kinds there are.
    pub const COUNT: usize = 7;
    /// All kinds.
    pub const ALL: [Self; Self::COUNT] = [
        Self::NoStart,
        Self::SlotFull,
        Self::TidCollision,
        Self::Recursion,
        Self::ClockBack,
        Self::ReaderLate,
        Self::ProbeMissed,
    ];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStart => "no-start",
            Self::SlotFull => "slot-full",
            Self::TidCollision => "tid-collision",
            Self::Recursion => "recursion",
            Self::ClockBack => "clock-back",
            Self::ReaderLate => "reader-late",
            Self::ProbeMissed => "probe-missed",
        }
    }
}

/// Why a counted return has no latency although nothing was lost, and calls that never return.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Untimed {
    /// A new task's first return: it entered no call.
    ForkChild = 0,
    /// The call began before the tracer was attached, or before its task passed the filter.
    InFlight = 1,
    /// seccomp or a tracer answered before `sys_enter` (`EXIT_PATHS` section 6).
    Refused = 2,
    /// Left out by `--sample` or `--counts-only`.
    NotSampled = 3,
    /// The task died on its way out of the call: it never returned, and is not counted as a return.
    NeverReturned = 4,
    /// Counted and classified by the final hook alone: no entry was seen, because nothing of this plan sees it or
    /// because the kernel skipped the program.
    NoEntry = 5,
    /// Counted and classified by the final hook: its entry was seen and its exit was not.
    NoExit = 6,
}

impl Untimed {
    /// How many kinds there are.
    pub const COUNT: usize = 7;
    /// All kinds.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ForkChild,
        Self::InFlight,
        Self::Refused,
        Self::NotSampled,
        Self::NeverReturned,
        Self::NoEntry,
        Self::NoExit,
    ];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForkChild => "fork-child",
            Self::InFlight => "in-flight-at-start",
            Self::Refused => "refused-before-entry",
            Self::NotSampled => "not-sampled",
            Self::NeverReturned => "never-returned",
            Self::NoEntry => "entry-not-seen",
            Self::NoExit => "exit-not-seen",
        }
    }
}
