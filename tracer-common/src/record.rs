//! The pairing record: what is remembered of each thread between its events, 32 bytes.

pub use crate::returned::{Last, Return};
use crate::{
    abi::{Abi, NR_INVALID, SyscallId},
    verdict::Cause,
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
    /// Why not by SYSRET, as [`crate::Reasons`].
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

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
