//! The rules of the plans for kernels whose entry code can still be probed: `handlers` (the partial frame of 4.4 to
//! 4.15) and `do-syscall-ret` (4.16 to 5.7). What the kprobes see of a thread, in order, and what follows from it.
//!
//! On the partial frame a call is fast unless a marker says otherwise: `do_syscall_64` is hit before the handler
//! by every call that does not take the fast path, and the out-of-line `syscall_return_slowpath` after it by every
//! call that falls out of the fast path late (`EXIT_PATHS` 4.2 and 4.4).

use core::hint::black_box;

pub use crate::diversion::Diversion;
use crate::{
    abi::{Abi, SyscallId},
    exit::{
        ExitRegs, ExitRules, RF, TF, USER_CS, USER_DS, classify_fast32, classify_int80, is_common,
        is_restart, structural,
    },
    layout::{SeriesKey, error_cell},
    loss::Untimed,
    pairing::names,
    record::{Call, Last, Return},
    verdict::{Cause, Path, Reason, Reasons, Verdict},
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
    /// The number in the i386 table that leads to the same function, plus one; 0 is none.
    pub i386: u32,
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

/// Where no entry could be probed, `orig_ax` tells which of a function's two numbers was called.
#[inline(always)]
pub const fn relabel(thread: &mut Thread, orig_ax: i64) {
    let number = orig_ax as u32;
    if !names(orig_ax, thread.call.id()) && thread.i386 != 0 && thread.i386 - 1 == number {
        let call = SyscallId { abi: Abi::I386, nr: number as u16 };
        thread.call = Call::entered(call, false, true);
    }
}

/// What is known where nothing can change any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    /// What the exit code looks at.
    pub regs: ExitRegs,
    /// The number.
    pub orig_ax: i64,
    /// The return value as user mode gets it, unless a signal frame was set up.
    pub ax: i64,
    /// One of [`State::ENTRIES`]; 0 where only a handler's name could tell.
    pub entry: u32,
    /// `do_fast_syscall_32` said yes.
    pub sysretl: bool,
    /// The handler's time is the call's; otherwise that of the whole of `do_syscall_64` is.
    pub by_handler: bool,
}

/// A return at its final registers: what to count, and why it has no latency.
#[inline(always)]
#[must_use]
pub fn finish(thread: &Thread, tid: u32, end: &Final, rules: &ExitRules) -> (Return, Option<Untimed>) {
    let entry = if end.entry == 0 { thread.state.0 & State::ENTRIES } else { end.entry };
    let compat = entry & (State::INT80 | State::FAST32) != 0;
    let here = SyscallId::decode(compat, end.orig_ax);
    let seen = thread.state.any(State::ENTRIES | State::HANDLER);
    // A new program may run under another thread's number; a new task has seen no entry at all.
    let known = black_box(thread.tid == tid && seen && names(end.orig_ax, thread.call.id()));
    let newborn = black_box(!known && here.is_fork() && end.ax == 0);
    let call = black_box(if known { thread.call.id() } else { here });
    let ret = black_box(if known && thread.state.any(State::RETURNED) { thread.ret } else { end.ax });
    let verdict = if newborn {
        structural(Reason::ForkChild, rules)
    } else if entry & State::FAST32 != 0 && end.sysretl {
        Verdict { path: Path::Sysretl, reasons: Reasons::NONE }
    } else if entry & State::FAST32 != 0 {
        not_sysretl(&end.regs, rules)
    } else if compat || matches!(call.abi, Abi::I386) {
        classify_int80(rules)
    } else {
        let reasons = Reasons(failed_tests(&end.regs, rules) as u16);
        Verdict { path: if reasons.is_empty() { Path::Sysret } else { Path::Iret }, reasons }
    };
    let verdict = black_box(verdict);
    conclude(thread, call, verdict, &Conclusion { ret, known, newborn, here: thread.tid == tid, end })
}

/// What [`finish`] and [`deduce`] know of a return beside its path.
struct Conclusion<'a> {
    ret: i64,
    known: bool,
    newborn: bool,
    here: bool,
    end: &'a Final,
}

#[inline(always)]
fn conclude(
    thread: &Thread,
    call: SyscallId,
    verdict: Verdict,
    of: &Conclusion<'_>,
) -> (Return, Option<Untimed>) {
    let &Conclusion { ret, known, newborn, here, end } = of;
    let cause = if verdict.path.is_fast() || newborn {
        Cause::None
    } else if known && thread.state.any(State::SIGNAL) {
        Cause::Signal
    } else if call.is_exec() && ret == 0 {
        Cause::Exec
    } else if call.is_sigreturn() {
        Cause::Sigreturn
    } else if is_restart(ret) {
        Cause::Restart
    } else {
        Cause::None
    };
    let cause = black_box(cause);
    let handled = known && thread.state.any(State::RETURNED);
    let seen = thread.state.any(State::ENTRIES | State::HANDLER);
    let untimed = if newborn {
        Some(Untimed::ForkChild)
    } else if handled || (known && !end.by_handler) {
        None
    } else if known || end.by_handler && here && seen {
        Some(Untimed::Refused)
    } else {
        Some(Untimed::InFlight)
    };
    let untimed = black_box(untimed);
    let error = black_box(error_of(thread, ret, call));
    let key = black_box(SeriesKey::new(call, verdict.path));
    let timed = untimed.is_none();
    (Return { key, reasons: verdict.reasons, cause, error, timed, ptraced: false }, untimed)
}

/// A return of a known thread whose registers must not be read at the end: as they were before the exit work, and
/// what that work is known to do to them. A signal frame moves `ip`, and so does a restart.
#[inline(always)]
#[must_use]
pub fn deduce(thread: &Thread, end: &Final, rules: &ExitRules) -> (Return, Option<Untimed>) {
    let call = thread.call.id();
    let restarted = thread.state.any(State::RETURNED) && is_restart(thread.ret) && !call.is_sigreturn();
    let verdict = if thread.state.any(State::INT80) {
        classify_int80(rules)
    } else if thread.state.any(State::FAST32) {
        if end.sysretl {
            Verdict { path: Path::Sysretl, reasons: Reasons::NONE }
        } else {
            Verdict { path: Path::Iret, reasons: Reasons::NONE.with(Reason::LandingPad) }
        }
    } else {
        let moved = thread.state.any(State::SIGNAL) || restarted;
        let reasons = Reasons(thread.provisional as u16).with_if(Reason::CxNeIp, moved);
        Verdict { path: if reasons.is_empty() { Path::Sysret } else { Path::Iret }, reasons }
    };
    let ret = black_box(if thread.state.any(State::RETURNED) { thread.ret } else { end.ax });
    let verdict = black_box(verdict);
    conclude(thread, call, verdict, &Conclusion { ret, known: true, newborn: false, here: true, end })
}

/// The tests of a 64-bit exit that fail at these registers, as [`crate::exit::classify_syscall64`] finds them.
///
/// Old verifiers walk every way through a program, 256 for eight tests, unless the ways look the same where they
/// meet. `black_box` lets them forget which way a value came: here, and wherever else it stands in this module.
#[inline(always)]
#[must_use]
pub fn failed_tests(regs: &ExitRegs, rules: &ExitRules) -> u32 {
    if is_common(regs, rules.common_limit()) {
        return 0;
    }
    let mut failed = 0;
    let all = Reason::ALL;
    let mut index = 0;
    while index < 7 {
        let on = match all[index] {
            Reason::CxNeIp => regs.cx != regs.ip,
            Reason::R11NeFlags => regs.r11 != regs.flags,
            Reason::Cs => regs.cs != USER_CS,
            Reason::Ss => regs.ss != USER_DS,
            Reason::IpLimit => !rules.ip_passes(regs.ip),
            Reason::Rf => regs.flags & RF != 0,
            _ => regs.flags & TF != 0,
        };
        failed = black_box(failed | u32::from(on) << index);
        index += 1;
    }
    failed
}

/// The error that user mode sees: a restart code becomes `EINTR` where a handler runs that does not restart.
#[inline(always)]
const fn error_of(thread: &Thread, ret: i64, call: SyscallId) -> u8 {
    const EINTR: i64 = -4;
    if call.is_sigreturn() {
        // Its "return value" is the restored RAX.
        return 0;
    }
    if !is_restart(ret) || !thread.state.any(State::SIGNAL) {
        return error_cell(ret);
    }
    match ret {
        -513 => error_cell(ret),
        -512 if thread.state.any(State::SA_RESTART) => error_cell(ret),
        _ => error_cell(EINTR),
    }
}

/// `do_fast_syscall_32` said no: which of its tests failed. The landing pad's address is not known here; what is
/// left when the others pass is that one.
#[inline(always)]
const fn not_sysretl(regs: &ExitRegs, rules: &ExitRules) -> Verdict {
    let verdict = classify_fast32(regs, regs.ip, rules);
    if matches!(verdict.path, Path::Sysretl) {
        return Verdict { path: Path::Iret, reasons: verdict.reasons.with(Reason::LandingPad) };
    }
    verdict
}

#[cfg(test)]
#[path = "handlers_tests.rs"]
mod tests;
