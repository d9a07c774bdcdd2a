//! The rules of the plans for kernels whose entry code can still be probed: `handlers` (the partial frame of 4.4 to
//! 4.15) and `do-syscall-ret` (4.16 to 5.7). What the kprobes see of a thread, in order, and what follows from it.
//!
//! On the partial frame a call is fast unless a marker says otherwise: `do_syscall_64` is hit before the handler
//! by every call that does not take the fast path, and the out-of-line `syscall_return_slowpath` after it by every
//! call that falls out of the fast path late (`EXIT_PATHS` 4.2 and 4.4).

use crate::{
    abi::{NR_INVALID, SyscallId},
    exit::USER_CS,
    finish::is_ioctl,
    layout::{SeriesKey, error_cell},
    record::{Call, Last, Return},
    verdict::{Cause, Path, Reasons},
};
pub use crate::{
    diversion::Diversion,
    handlers_end::{Final, deduce, failed_tests, finish},
};

/// One thread's record, direct-mapped as [`crate::TaskRecord`] is. Zeroed memory is "never seen".
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// The thread the record belongs to; 0 is nobody.
    pub tid: u32,
    /// Its call.
    pub call: Call,
    /// Where it is in its call.
    pub state: State,
    /// How it last returned.
    pub last: Last,
    /// When its handler began, in ns of `CLOCK_MONOTONIC`; 0 is unknown.
    pub t_enter: u64,
    /// When its handler ended.
    pub t_exit: u64,
    /// Why it did not return by SYSRET, as [`Reasons`].
    pub reasons: u32,
    /// The stack pointer at the handler's first instruction, the low half: handlers call each other, and only the
    /// outermost one is the call.
    pub sp: u32,
    /// What the handler returned.
    pub ret: i64,
    /// Where its user registers are saved, on the slow path.
    pub regs: u64,
    /// The failed tests as the registers were when the exit work had not begun, as [`Reasons`].
    pub provisional: u32,
    /// Where a fast 32-bit call returns to, if nothing changes that: the vDSO's landing pad.
    pub landing: u32,
}

/// Where a thread is in its call: bits, all 0 outside of one.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State(pub u32);

impl State {
    /// In `do_syscall_64`.
    pub const SLOW64: u32 = 1;
    /// In `do_int80_syscall_32`.
    pub const INT80: u32 = 2;
    /// In `do_fast_syscall_32`.
    pub const FAST32: u32 = 4;
    /// In the handler, or past it.
    pub const HANDLER: u32 = 8;
    /// Past the handler.
    pub const RETURNED: u32 = 16;
    /// Fell out of the fast path after the handler.
    pub const LATE: u32 = 32;
    /// A signal frame was set up.
    pub const SIGNAL: u32 = 64;
    /// Its action has `SA_RESTART`.
    pub const SA_RESTART: u32 = 128;
    /// Left out by a filter.
    pub const REJECTED: u32 = 256;
    /// Its next call will be slow too, so that the registers may be read at the very end: on a partial frame a
    /// probe read raises `TIF_FSCHECK`, and behind the exit work nobody takes that back before the next call.
    pub const READABLE: u32 = 512;
    /// Not an entry: a new task's first return.
    pub const BORN: u32 = 1024;
    /// A restartable sequence was aborted.
    pub const RSEQ: u32 = 2048;
    /// Any of the entries that are not the fast path.
    pub const ENTRIES: u32 = Self::SLOW64 | Self::INT80 | Self::FAST32;

    /// Whether any of these bits is set.
    #[inline(always)]
    #[must_use]
    pub const fn any(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// Whether the thread is between an entry and its return, as far as was seen.
    #[inline(always)]
    #[must_use]
    pub const fn is_in(self) -> bool {
        self.any(Self::ENTRIES) || self.any(Self::HANDLER) && !self.any(Self::RETURNED)
    }
}

/// `struct pt_regs` and the return address behind it.
const FRAME: u64 = 21 * 8 + 8;
/// Stacks are whole pages.
const PAGE: u64 = 4096;

/// Whether a handler with this stack pointer was called by the entry code itself: `pt_regs` lies at the top of the
/// stack, whose size is a multiple of a page, and the fast path calls right below it. A handler that another one
/// or a kernel thread calls lies deeper. This reads no memory, which would end the fast path.
#[inline(always)]
#[must_use]
pub const fn called_by_fast_path(sp: u64) -> bool {
    sp.wrapping_add(FRAME).is_multiple_of(PAGE)
}

/// A handler begins: whether it is the thread's call, and not a function that another handler or a kernel thread
/// calls. `partial` says that the kernel has the fast path, `call` what the handler's address stands for.
#[inline(always)]
pub const fn begin(thread: &mut Thread, tid: u32, call: SyscallId, sp: u64, partial: bool, now: u64) -> bool {
    if thread.tid == tid && thread.state.any(State::ENTRIES) {
        if thread.state.any(State::HANDLER) {
            return false;
        }
        thread.state.0 |= State::HANDLER;
    } else {
        if is_inner(thread, tid, sp, partial) {
            return false;
        }
        start(thread, tid, call);
        thread.state = State(State::HANDLER);
    }
    thread.sp = sp as u32;
    thread.t_enter = now;
    true
}

/// Whether a handler outside of the slow path is not the thread's own call.
#[inline(always)]
const fn is_inner(thread: &Thread, tid: u32, sp: u64, partial: bool) -> bool {
    // Deeper on the same stack than a handler that has not returned: called by that one.
    partial && !called_by_fast_path(sp) || unseen(thread, tid) && (sp as u32) < thread.sp
}

/// Whether the thread's call before this handler was on the fast path and its end was not seen: it did return.
#[inline(always)]
#[must_use]
pub const fn missed(thread: &Thread, tid: u32, sp: u64, partial: bool) -> bool {
    unseen(thread, tid) && !is_inner(thread, tid, sp, partial)
}

/// A handler begins on a kernel where none but the entry code calls one (4.17 and later), and whose stack tells the
/// entry, one of [`State::ENTRIES`]. A call before it whose end was not seen is forgotten.
#[inline(always)]
pub const fn begin_full(thread: &mut Thread, tid: u32, entry: u32, call: SyscallId, sp: u64) {
    start(thread, tid, call);
    thread.state = State(entry | State::HANDLER | State::READABLE);
    thread.sp = sp as u32;
}

/// Whether the final hook runs inside this thread's call, and says nothing: KVM calls it when it enters a guest.
#[inline(always)]
#[must_use]
pub const fn in_kvm(thread: &Thread, tid: u32) -> bool {
    let inside = thread.tid == tid && thread.state.any(State::HANDLER) && !thread.state.any(State::RETURNED);
    inside && is_ioctl(thread.call.id())
}

/// An entry that is not the fast path, before its handler: `entry` is one of [`State::ENTRIES`], `call` the number
/// in `orig_ax`.
#[inline(always)]
pub const fn begin_slow(thread: &mut Thread, tid: u32, entry: u32, call: SyscallId, now: u64) {
    start(thread, tid, call);
    thread.state = State(entry);
    thread.t_enter = now;
}

#[inline(always)]
const fn start(thread: &mut Thread, tid: u32, call: SyscallId) {
    if thread.tid != tid {
        thread.tid = tid;
        thread.t_exit = 0;
    }
    thread.last = Last::NONE;
    thread.call = Call::entered(call, false, true);
    thread.reasons = 0;
    thread.provisional = 0;
    thread.ret = 0;
}

/// Whether the thread is in a handler that no marker preceded.
#[inline(always)]
#[must_use]
pub const fn unseen(thread: &Thread, tid: u32) -> bool {
    thread.tid == tid
        && !thread.state.any(State::ENTRIES)
        && thread.state.any(State::HANDLER)
        && !thread.state.any(State::RETURNED)
}

/// Whether the out-of-line `syscall_return_slowpath` that begins with this number saved ends the call whose handler was
/// seen. Where only some handlers have probes, others fall out of the fast path late too.
#[inline(always)]
#[must_use]
pub const fn is_late(thread: &Thread, tid: u32, orig_ax: i64) -> bool {
    let handled = thread.tid == tid && thread.state.any(State::HANDLER);
    handled && thread.call.id().nr == SyscallId::decode(false, orig_ax).nr
}

/// Whether it is a new task's first return, and not the end of a fast call without a probe: `fork` and its kind always
/// take the slow path, 32-bit code has no fast one, and a task that the kernel made of its own has number -1.
#[inline(always)]
#[must_use]
pub const fn is_birth(orig_ax: i64, cs: u16) -> bool {
    let call = SyscallId::decode(false, orig_ax);
    call.is_fork() || call.nr == NR_INVALID || cs != USER_CS
}

/// A handler has ended: whether it was the outermost one. `sp` is the stack pointer after its return.
#[inline(always)]
pub const fn end(thread: &mut Thread, tid: u32, sp: u64, ret: i64, now: u64) -> bool {
    let inside = thread.tid == tid && thread.state.any(State::HANDLER) && !thread.state.any(State::RETURNED);
    if !inside || thread.sp != (sp as u32).wrapping_sub(8) {
        return false;
    }
    thread.state.0 |= State::RETURNED;
    thread.t_exit = now;
    thread.ret = ret;
    true
}

/// The return of a call that left by the fast path, as it is counted when its handler ends.
#[inline(always)]
#[must_use]
pub const fn fast(thread: &Thread, timed: bool) -> Return {
    Return {
        key: SeriesKey::new(thread.call.id(), Path::SysretFast),
        reasons: Reasons::NONE,
        cause: Cause::None,
        error: error_cell(thread.ret),
        timed,
        ptraced: false,
    }
}

#[cfg(test)]
#[path = "handlers_tests.rs"]
mod tests;
