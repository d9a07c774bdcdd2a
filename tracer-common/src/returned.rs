//! A counted return: as series hold it, and packed into a word of its thread's record.

use crate::{
    layout::SeriesKey,
    verdict::{Cause, Path, Reasons},
};

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
