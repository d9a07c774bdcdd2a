//! What disturbed a batch, as far as a process can see it.

/// A kind of disturbance. A disturbed batch stays in the result: leaving it out would be a choice of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// The scheduler took the CPU away (`ru_nivcsw`); not looked for where the bench's own threads and children do.
    Preempted = 0,
    /// The batch ended on another CPU.
    Moved = 1,
    /// The clock went backwards; the batch has no time, and is counted only.
    ClockBack = 2,
    /// The core ran at another speed than in the first rounds, by more than 2 %.
    Frequency = 3,
}

impl Disturbance {
    /// How many kinds there are.
    pub const COUNT: usize = 4;
    /// All kinds.
    pub const ALL: [Self; Self::COUNT] = [Self::Preempted, Self::Moved, Self::ClockBack, Self::Frequency];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preempted => "preempted",
            Self::Moved => "moved",
            Self::ClockBack => "clock-back",
            Self::Frequency => "frequency",
        }
    }
}

/// How often the scheduler has taken the CPU from this thread.
pub fn preemptions() -> i64 {
    // SAFETY: zeroed is a valid rusage, and the answer's place.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the same.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    usage.ru_nivcsw
}
