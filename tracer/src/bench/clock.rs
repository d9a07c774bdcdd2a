//! The clock of batches: the time-stamp counter, its rate held against `CLOCK_MONOTONIC_RAW` over the run.

use std::arch::x86_64::{__cpuid, __rdtscp, _mm_lfence, _rdtsc};

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// `rdtsc` and `rdtscp`, fenced.
    Tsc,
    /// `clock_gettime(CLOCK_MONOTONIC_RAW)`, where the counter does not run at one rate.
    MonotonicRaw,
}

/// A reading at the end of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// In the clock's own units.
    pub ticks: u64,
    /// The CPU, where the clock says it.
    pub cpu: Option<u32>,
}

impl Clock {
    /// The counter if it runs at one rate, whatever the core does (CPUID leaf `8000_0007h`, EDX bit 8), and can be read in
    /// order (`rdtscp`, leaf `8000_0001h`, EDX bit 27).
    #[must_use]
    pub fn choose() -> Self {
        let extended = |leaf: u32| {
            let last = __cpuid(0x8000_0000).eax;
            if last >= leaf { __cpuid(leaf).edx } else { 0 }
        };
        let invariant = extended(0x8000_0007) >> 8 & 1 != 0;
        let ordered = extended(0x8000_0001) >> 27 & 1 != 0;
        if invariant && ordered { Self::Tsc } else { Self::MonotonicRaw }
    }

    /// As outputs show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tsc => "TSC",
            Self::MonotonicRaw => "CLOCK_MONOTONIC_RAW",
        }
    }

    /// Reads it before a batch: nothing of the batch has begun.
    #[inline(always)]
    #[must_use]
    pub fn start(self) -> u64 {
        match self {
            Self::Tsc => {
                // SAFETY: `choose` saw a processor that has these.
                unsafe {
                    _mm_lfence();
                    let ticks = _rdtsc();
                    _mm_lfence();
                    ticks
                }
            }
            Self::MonotonicRaw => raw_ns(),
        }
    }

    /// Reads it after a batch: all of the batch is done.
    #[inline(always)]
    #[must_use]
    pub fn stop(self) -> Stamp {
        match self {
            Self::Tsc => {
                let mut aux = 0;
                // SAFETY: `choose` saw a processor that has these.
                let ticks = unsafe {
                    let ticks = __rdtscp(&raw mut aux);
                    _mm_lfence();
                    ticks
                };
                // Linux keeps the CPU's number in the lower 12 bits (arch/x86/include/asm/segment.h).
                Stamp { ticks, cpu: Some(aux & 0xfff) }
            }
            Self::MonotonicRaw => Stamp { ticks: raw_ns(), cpu: None },
        }
    }

    /// What a pair of readings with nothing between takes, in ticks: the lower quartile of many.
    #[must_use]
    pub fn cost(self) -> u64 {
        let mut pairs: Vec<u64> = (0..1000)
            .map(|_| {
                let start = self.start();
                self.stop().ticks.saturating_sub(start)
            })
            .collect();
        pairs.sort_unstable();
        pairs[pairs.len() / 4]
    }

    /// Reads both clocks at once, as near as can be.
    #[must_use]
    pub fn anchor(self) -> Anchor {
        let read = |_| {
            let before = self.start();
            let raw_ns = raw_ns();
            let slack = self.stop().ticks.saturating_sub(before);
            Anchor { ticks: before + slack / 2, raw_ns, slack }
        };
        // The first of the shortest: an interruption between the readings makes a pair long.
        (0..64).map(read).min_by_key(|anchor| anchor.slack).unwrap_or(Anchor {
            ticks: 0,
            raw_ns: 0,
            slack: 0,
        })
    }
}

fn raw_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a place for the answer; the clock exists since 2.6.28.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The batches' clock.
    pub ticks: u64,
    /// `CLOCK_MONOTONIC_RAW`, in ns.
    pub raw_ns: u64,
    /// Between the two readings of the first around the second, in ticks.
    pub slack: u64,
}

/// How fast a clock runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Ticks a ns.
    pub ticks_per_ns: f64,
    /// The most that it may be wrong by, as a share.
    pub error: f64,
    /// The time it was measured over, in ns.
    pub over_ns: u64,
}

impl Rate {
    /// The rate between two anchors. Which moment of its slack each raw reading belongs to is not known: that is the
    /// error.
    #[must_use]
    pub fn between(first: &Anchor, last: &Anchor) -> Self {
        let ticks = last.ticks.saturating_sub(first.ticks).max(1) as f64;
        let over_ns = last.raw_ns.saturating_sub(first.raw_ns).max(1);
        Self {
            ticks_per_ns: ticks / over_ns as f64,
            error: (first.slack + last.slack) as f64 / 2.0 / ticks,
            over_ns,
        }
    }

    /// Ticks as ns.
    #[must_use]
    pub fn ns(&self, ticks: u64) -> f64 {
        ticks as f64 / self.ticks_per_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_ticks_by_time_and_the_slack_is_its_error() {
        let first = Anchor { ticks: 1_000, raw_ns: 500, slack: 40 };
        let last = Anchor { ticks: 2_601_000, raw_ns: 1_000_500, slack: 12 };
        let rate = Rate::between(&first, &last);
        assert_eq!((rate.ticks_per_ns, rate.over_ns), (2.6, 1_000_000));
        assert!((rate.error - 26.0 / 2_600_000.0).abs() < 1e-12);
        assert!((rate.ns(260) - 100.0).abs() < 1e-9);
        assert!(Rate::between(&last, &first).ticks_per_ns > 0.0, "a clock that jumps gives a number too");
    }

    #[test]
    fn every_clock_moves_on() {
        for clock in [Clock::choose(), Clock::MonotonicRaw] {
            let (first, start) = (clock.anchor(), clock.start());
            while clock.stop().ticks <= start + 1000 {}
            assert!(clock.anchor().raw_ns > first.raw_ns);
            assert!(clock.cost() < 1 << 20);
        }
    }
}
