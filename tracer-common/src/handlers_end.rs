//! What a return was, from what the probes of the old plans saw of its thread ([`crate::handlers`]).

use core::hint::black_box;

use crate::{
    abi::{Abi, SyscallId},
    exit::{
        ExitRegs, ExitRules, RF, TF, USER_CS, USER_DS, classify_fast32, classify_int80, is_common,
        is_restart, structural,
    },
    handlers::{State, Thread},
    layout::{SeriesKey, error_cell},
    loss::Untimed,
    pairing::names,
    record::Return,
    verdict::{Cause, Path, Reason, Reasons, Verdict},
};

/// What is known where nothing can change any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    /// What the exit code looks at.
    pub regs: ExitRegs,
    /// The number.
    pub orig_ax: i64,
    /// The return value as user mode gets it, unless a signal frame was set up.
    pub ax: i64,
    /// One of [`State::ENTRIES`], for a new task with [`State::BORN`].
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
    // Without its handler a sigreturn has no number but -1.
    let here = black_box(SyscallId::decode_exit(compat, end.orig_ax, end.ax));
    let seen = thread.state.any(State::ENTRIES | State::HANDLER);
    // A new program may run under another thread's number; a new task has seen no entry at all.
    let known = black_box(thread.tid == tid && seen && names(end.orig_ax, thread.call.id()));
    let newborn = black_box(entry & State::BORN != 0 || !known && here.is_fork() && end.ax == 0);
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
    } else if here && thread.state.any(State::SIGNAL) {
        // Also of a call that was refused before its handler: seccomp's SIGSYS.
        Cause::Signal
    } else if here && thread.state.any(State::RSEQ) {
        Cause::Rseq
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
    let untimed = if newborn {
        Some(Untimed::ForkChild)
    } else if handled || (known && !end.by_handler) {
        None
    } else if known || end.by_handler && here {
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
