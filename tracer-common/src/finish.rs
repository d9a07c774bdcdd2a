//! The final hook: it runs once for every return to user mode, after everything that can change the registers, and
//! decides which of them end a system call (`EXIT_PATHS` 3.0).
//!
//! What the entry and exit hooks left in the record labels and times the call. Where they saw nothing, or the kernel
//! skipped them, the registers alone tell that a call returns: interrupts and exceptions store -1 in `orig_ax`.

use crate::{
    abi::{Abi, NR_INVALID, SyscallId},
    exit::{Entry, ExitRegs, ExitRules, verdict},
    loss::Untimed,
    pairing::names,
    record::{Call, TaskRecord},
    verdict::{Cause, Reason, Verdict},
};

/// What a run of the final hook is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Final {
    /// No system call returns: an interrupt or exception does, or KVM enters a guest.
    Nothing,
    /// The same, and the call that the record holds has returned unseen, while hooks were being attached.
    Stale,
    /// The call whose `sys_exit` was seen.
    Exited(Call),
    /// The call whose entry was seen; its exit was not, or the plan has no hook there.
    Entered(Call),
    /// A new task's first return.
    Newborn(SyscallId),
    /// A call of which nothing else was seen.
    Unlabelled(SyscallId),
}

/// `-ENOSYS`: what RAX holds in `pt_regs` from the entry of a call until its handler has returned.
const IN_HANDLER: i64 = -38;

/// Judges a run. `orig_ax` and `ax` are the registers' values, `here` is the call as `orig_ax` and `TS_COMPAT` give
/// it.
#[inline(always)]
#[must_use]
pub const fn at_final(
    record: &TaskRecord,
    tid: u32,
    orig_ax: i64,
    ax: i64,
    here: SyscallId,
    ptraced: bool,
) -> Final {
    let own = record.tid == tid;
    if own && record.call.is_exiting() {
        if record.call.is_passing() {
            return Final::Nothing;
        }
        let call = record.call.id();
        let minus_one = call.is_sigreturn() || call.nr == NR_INVALID || ptraced;
        return if orig_ax as u32 == u32::MAX && !minus_one {
            Final::Stale
        } else {
            Final::Exited(record.call)
        };
    }
    // The parent gets the child's id: 0 is the child, and fork, clone leave `orig_ax` alone.
    if ax == 0 && here.is_fork() || own && record.call.is_newborn() {
        return Final::Newborn(here);
    }
    if own && record.call.is_in() {
        let call = record.call.id();
        // vcpu_enter_guest (arch/x86/kvm/x86.c) calls fpregs_assert_state_consistent inside ioctl(KVM_RUN).
        if is_ioctl(call) && ax == IN_HANDLER {
            return Final::Nothing;
        }
        if orig_ax as u32 == u32::MAX || names(orig_ax, call) {
            return Final::Entered(record.call);
        }
        return Final::Unlabelled(here);
    }
    if orig_ax as u32 == u32::MAX { Final::Nothing } else { Final::Unlabelled(here) }
}

pub(crate) const fn is_ioctl(call: SyscallId) -> bool {
    match call.abi {
        Abi::X86_64 => call.nr == 16,
        Abi::X32 => call.nr == 514,
        Abi::I386 => call.nr == 54,
    }
}

/// Why a call of which nothing was seen before has no latency.
#[inline(always)]
#[must_use]
pub const fn blame(known: bool, refused: bool, task_filter: bool) -> Untimed {
    if !known {
        // It was in flight when tracing began, or its task's first call that passes the filter.
        Untimed::InFlight
    } else if refused {
        Untimed::Refused
    } else if task_filter {
        Untimed::InFlight
    } else {
        Untimed::NoEntry
    }
}

/// The verdict on final registers, which needs no guess about what follows. `restarted` is a restart code at
/// `sys_exit`, `seen` what was seen to change the registers after it, `failed` an error.
#[inline(always)]
#[must_use]
pub const fn classify_final(
    entry: &Entry,
    regs: &ExitRegs,
    failed: bool,
    restarted: bool,
    seen: Cause,
    rules: &ExitRules,
) -> (Verdict, Cause) {
    let verdict = verdict(entry, regs, rules);
    if entry.newborn || verdict.path.is_fast() {
        return (verdict, Cause::None);
    }
    let cause = if !matches!(seen, Cause::None) {
        seen
    } else if entry.call.is_sigreturn() {
        Cause::Sigreturn
    } else if restarted || regs.cx == regs.ip.wrapping_add(2) && matches!(entry.call.abi, Abi::X86_64) {
        // arch_do_signal_or_restart has taken `ip` back by the length of `syscall`.
        Cause::Restart
    } else if entry.call.is_exec() && !failed {
        Cause::Exec
    } else if entry.ptraced && !only_int80(verdict) {
        Cause::Ptrace
    } else {
        Cause::None
    };
    (verdict, cause)
}

/// `int $0x80` leaves by IRET whoever looks on.
const fn only_int80(verdict: Verdict) -> bool {
    verdict.reasons.0 == 1 << Reason::Int80 as u16
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
