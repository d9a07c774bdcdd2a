//! The pairing record: what is remembered of each thread between its events, 32 bytes.

use crate::{
    abi::{Abi, NR_INVALID, SyscallId},
    layout::SeriesKey,
    verdict::{Cause, Path, Reasons},
};

/// One thread's record, direct-mapped by [`TaskRecord::slot`]. Zeroed memory is "never seen".
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskRecord {
    /// The thread the record belongs to; 0 is nobody.
    pub tid: u32,
    /// Where the thread is.
    pub call: Call,
    /// When it entered its call, in ns of `CLOCK_MONOTONIC`; 0 is unknown.
    pub t_enter: u64,
    /// When it last returned from one; 0 is unknown.
    pub t_exit: u64,
    /// How it last returned.
    pub last: Last,
    /// Why not by SYSRET, as [`Reasons`].
    pub reasons: u32,
}

impl TaskRecord {
    /// The place of a thread's record in a table of `mask + 1` entries (a power of two). The odd factor keeps
    /// the map one-to-one, and puts neighbouring threads, which often run on different CPUs, on different
    /// cache lines: with plain `tid & mask` two threads cost twice as much.
    #[inline(always)]
    #[must_use]
    pub const fn slot(tid: u32, mask: u32) -> u32 {
        tid.wrapping_mul(5) & mask
    }

    /// The record of a thread that has not been seen.
    #[inline(always)]
    #[must_use]
    pub const fn unseen(tid: u32) -> Self {
        Self { tid, call: Call(0), t_enter: 0, t_exit: 0, last: Last(0), reasons: 0 }
    }
}

/// Number, ABI and phase of a thread's call, in one word so that it is written in one store.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call(pub u32);

impl Call {
    const IN: u32 = 1 << 12;
    const NEWBORN: u32 = 1 << 13;
    const FAST32: u32 = 1 << 14;
    const UNSAMPLED: u32 = 1 << 15;
    const EXITING: u32 = 1 << 16;
    const PASSING: u32 = 1 << 17;
    const SEEN: u32 = 18;

    /// In no call.
    pub const IDLE: Self = Self(0);
    /// A new task that has not run yet.
    pub const CHILD: Self = Self(Self::NEWBORN);

    /// In this call.
    #[inline(always)]
    #[must_use]
    pub const fn entered(call: SyscallId, fast32: bool, sampled: bool) -> Self {
        let mut bits = call.nr as u32 | (call.abi as u32) << 10 | Self::IN;
        if fast32 {
            bits |= Self::FAST32;
        }
        if !sampled {
            bits |= Self::UNSAMPLED;
        }
        Self(bits)
    }

    /// In the timed 64-bit call with this number, if it is one that a table has and that returns.
    #[inline(always)]
    #[must_use]
    pub const fn common(id: u64) -> Option<Self> {
        if id >= NR_INVALID as u64 || id == 60 || id == 231 { None } else { Some(Self(id as u32 | Self::IN)) }
    }

    /// At the exit of this call, whose entry was not seen.
    #[inline(always)]
    #[must_use]
    pub const fn unpaired(call: SyscallId, newborn: bool) -> Self {
        let bits = call.nr as u32 | (call.abi as u32) << 10;
        Self(if newborn { bits | Self::NEWBORN } else { bits })
    }

    /// The same call, past its `sys_exit` and not yet in user mode: plans with a final hook commit it there.
    #[inline(always)]
    #[must_use]
    pub const fn exiting(self) -> Self {
        Self(self.0 & !Self::IN | Self::EXITING)
    }

    /// Whether `sys_exit` was seen, and no return to user mode since.
    #[inline(always)]
    #[must_use]
    pub const fn is_exiting(self) -> bool {
        self.0 & Self::EXITING != 0
    }

    /// The same call, of which the final hook's next run says nothing.
    #[inline(always)]
    #[must_use]
    pub const fn passing(self, on: bool) -> Self {
        Self(if on { self.0 | Self::PASSING } else { self.0 & !Self::PASSING })
    }

    /// Whether the final hook's next run comes from within the exit work.
    #[inline(always)]
    #[must_use]
    pub const fn is_passing(self) -> bool {
        self.0 & Self::PASSING != 0
    }

    /// The same call, with what was seen to change its registers on the way out.
    #[inline(always)]
    #[must_use]
    pub const fn with_seen(self, cause: Cause) -> Self {
        Self(self.0 & !(7 << Self::SEEN) | (cause as u32) << Self::SEEN)
    }

    /// What was seen to change the call's registers on the way out.
    #[inline(always)]
    #[must_use]
    pub const fn seen(self) -> Cause {
        Cause::from_bits(self.0 >> Self::SEEN)
    }

    /// The same i386 call, entered by `sysenter` or `syscall`, where `on`.
    #[inline(always)]
    #[must_use]
    pub const fn with_fast32(self, on: bool) -> Self {
        Self(if on { self.0 | Self::FAST32 } else { self.0 })
    }

    /// The call.
    #[inline(always)]
    #[must_use]
    pub const fn id(self) -> SyscallId {
        SyscallId { abi: Abi::from_bits(self.0 >> 10), nr: (self.0 & 1023) as u16 }
    }

    /// Whether the thread is inside a call.
    #[inline(always)]
    #[must_use]
    pub const fn is_in(self) -> bool {
        self.0 & Self::IN != 0
    }

    /// Whether the task is new.
    #[inline(always)]
    #[must_use]
    pub const fn is_newborn(self) -> bool {
        self.0 & Self::NEWBORN != 0
    }

    /// Whether this is a call of a 64-bit program whose entry was seen, and nothing else; a timed one, unless
    /// `sampling`.
    #[inline(always)]
    #[must_use]
    pub const fn is_common(self, sampling: bool) -> bool {
        let ignored = if sampling { 1023 | Self::UNSAMPLED } else { 1023 };
        self.0 & !ignored == Self::IN
    }

    /// Whether an i386 call was entered by `sysenter` or `syscall`.
    #[inline(always)]
    #[must_use]
    pub const fn is_fast32(self) -> bool {
        self.0 & Self::FAST32 != 0
    }

    /// Whether the call is timed.
    #[inline(always)]
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::UNSAMPLED == 0
    }
}

/// The return that was counted last, in one word: enough to take it back.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last(pub u32);

impl Last {
    const COUNTED: u32 = 1 << 15;
    const TIMED: u32 = 1 << 27;
    const PTRACED: u32 = 1 << 28;
    const RESTART32: u32 = 1 << 29;

    /// Nothing was counted.
    pub const NONE: Self = Self(0);

    /// The common return: a SYSRET of a 64-bit call, without error, cause or tracer.
    #[inline(always)]
    #[must_use]
    pub const fn common(nr: u32, timed: bool) -> Self {
        Self(nr & 1023 | Self::COUNTED | if timed { Self::TIMED } else { 0 })
    }

    /// A return that is not committed yet: what of it is known at `sys_exit`.
    #[inline(always)]
    #[must_use]
    pub const fn pending(error: u8, timed: bool) -> Self {
        Self((error as u32) << 16 | if timed { Self::TIMED } else { 0 })
    }

    /// Whether the call has a latency.
    #[inline(always)]
    #[must_use]
    pub const fn is_timed(self) -> bool {
        self.0 & Self::TIMED != 0
    }

    /// The same with another error.
    #[inline(always)]
    #[must_use]
    pub const fn with_error(self, error: u8) -> Self {
        Self(self.0 & !(0xff << 16) | (error as u32) << 16)
    }

    /// Whether there is a return to take back.
    #[inline(always)]
    #[must_use]
    pub const fn is_counted(self) -> bool {
        self.0 & Self::COUNTED != 0
    }

    /// The same return, when a filter left it out: its path is remembered, and there is nothing to take back.
    #[inline(always)]
    #[must_use]
    pub const fn uncounted(self) -> Self {
        Self(self.0 & !Self::COUNTED)
    }

    /// The path of the return, counted or not.
    #[inline(always)]
    #[must_use]
    pub const fn path(self) -> Path {
        SeriesKey((self.0 & 0x7fff) as u16).path()
    }

    /// The error cell of the return.
    #[inline(always)]
    #[must_use]
    pub const fn error(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Whether it has an error, a cause or a tracer: what a common return has not.
    #[inline(always)]
    #[must_use]
    pub const fn has_extras(self) -> bool {
        self.0 & (0xff << 16 | 7 << 24 | Self::PTRACED) != 0
    }

    /// Whether the thread's next `int $0x80` is a restart of a fast 32-bit call.
    #[inline(always)]
    #[must_use]
    pub const fn restarts_by_int80(self) -> bool {
        self.0 & Self::RESTART32 != 0
    }

    /// The same, with the note that a fast 32-bit call will be issued again by `int $0x80`.
    #[inline(always)]
    #[must_use]
    pub const fn with_restart32(self, on: bool) -> Self {
        Self(if on { self.0 | Self::RESTART32 } else { self.0 & !Self::RESTART32 })
    }
}

/// A counted return, as series hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// Its series.
    pub key: SeriesKey,
    /// Its failed tests.
    pub reasons: Reasons,
    /// Its cause.
    pub cause: Cause,
    /// Its error cell ([`crate::layout::error_cell`]).
    pub error: u8,
    /// Whether it has a latency.
    pub timed: bool,
    /// Whether the task had a tracer.
    pub ptraced: bool,
}

impl Return {
    /// Packs all but the reasons.
    #[inline(always)]
    #[must_use]
    pub const fn pack(&self) -> Last {
        let mut bits =
            self.key.0 as u32 | Last::COUNTED | (self.error as u32) << 16 | (self.cause as u32) << 24;
        if self.timed {
            bits |= Last::TIMED;
        }
        if self.ptraced {
            bits |= Last::PTRACED;
        }
        Last(bits)
    }

    /// The return that was packed.
    #[inline(always)]
    #[must_use]
    pub const fn unpack(last: Last, reasons: u32) -> Self {
        Self {
            key: SeriesKey((last.0 & 0x7fff) as u16),
            reasons: Reasons(reasons as u16),
            cause: Cause::from_bits(last.0 >> 24),
            error: (last.0 >> 16) as u8,
            timed: last.0 & Last::TIMED != 0,
            ptraced: last.0 & Last::PTRACED != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_table_as_large_as_pid_max_has_no_collisions() {
        let mask = (1 << 15) - 1;
        let mut seen = vec![false; 1 << 15];
        for tid in 0..1 << 15 {
            assert!(!std::mem::replace(&mut seen[TaskRecord::slot(tid, mask) as usize], true));
        }
    }

    #[test]
    fn neighbouring_threads_lie_on_different_lines() {
        for tid in 1..5000 {
            let line = |tid| TaskRecord::slot(tid, (1 << 17) - 1) / 2;
            assert_ne!(line(tid), line(tid + 1));
            assert_ne!(line(tid), line(tid + 2));
        }
    }

    #[test]
    fn the_common_call_and_return() {
        for nr in 0..1024 {
            let id = SyscallId { abi: Abi::X86_64, nr };
            let returns = nr != NR_INVALID && !id.never_returns();
            let entered = returns.then_some(Call::entered(id, false, true));
            assert_eq!(Call::common(u64::from(nr)), entered);
            assert_eq!(Call::common(u64::from(nr) | 0x4000_0000), None);
            assert!(Call::entered(id, false, true).is_common(false));
            assert!(!Call::entered(id, false, false).is_common(false));
            assert!(Call::entered(id, false, false).is_common(true));
            assert!(!Call::entered(SyscallId { abi: Abi::X32, ..id }, false, true).is_common(true));
            assert!(!Call::unpaired(id, true).is_common(true));
            let plain = Return {
                key: SeriesKey::new(id, Path::Sysret),
                reasons: Reasons::NONE,
                cause: Cause::None,
                error: 0,
                timed: true,
                ptraced: false,
            };
            assert_eq!(Last::common(u32::from(nr), true), plain.pack());
            assert_eq!(Last::common(u32::from(nr), false), Return { timed: false, ..plain }.pack());
        }
    }

    proptest! {
        #[test]
        fn returns_round_trip(
            nr in 0_u16..1024, abi in 0_usize..3, path in 0_usize..6, reasons in 0_u16..2048,
            cause in 0_u32..8, error in 0_u8..140, timed: bool, ptraced: bool, restart: bool
        ) {
            let call = SyscallId { abi: Abi::ALL[abi], nr };
            let key = SeriesKey::new(call, Path::ALL[path]);
            let one =
                Return { key, reasons: Reasons(reasons), cause: Cause::from_bits(cause), error, timed, ptraced };
            let last = one.pack().with_restart32(restart);
            prop_assert!(last.is_counted());
            prop_assert_eq!(last.restarts_by_int80(), restart);
            prop_assert_eq!(Return::unpack(last, u32::from(reasons)), one);
        }

        #[test]
        fn calls_round_trip(nr in 0_u16..1024, abi in 0_usize..3, fast: bool, sampled: bool) {
            let id = SyscallId { abi: Abi::ALL[abi], nr };
            let call = Call::entered(id, fast, sampled);
            prop_assert!(call.is_in() && !call.is_newborn());
            prop_assert_eq!((call.id(), call.is_fast32(), call.is_sampled()), (id, fast, sampled));
        }
    }
}
