//! Plan `amend`: the functions that can change the registers after `sys_exit`, when they return. What was counted is
//! judged again by what they left.

use aya_ebpf::{macros::fexit, programs::FExitContext};
use tracer_common::{
    Abi, Cause, Reason, exit::Entry, finish::classify_final, layout::is_restart_cell, record::Return,
};

use super::{
    amend, config,
    task::{Source, Typed},
};

/// `PTRACE_EVENTMSG_SYSCALL_EXIT` (include/uapi/linux/ptrace.h).
const SYSCALL_EXIT: u64 = 2;

/// `arch_do_signal_or_restart(struct pt_regs *regs)`: handlers, restarts, and what a tracer wrote at a signal stop.
#[fexit(function = "arch_do_signal_or_restart")]
pub fn amend_signal(ctx: FExitContext) -> i32 {
    judge_again(&ctx, Cause::None)
}

/// `ptrace_notify(int exit_code, unsigned long message)`: the stop at a call's exit, not the one at its entry.
#[fexit(function = "ptrace_notify")]
pub fn amend_ptrace(ctx: FExitContext) -> i32 {
    let (exit_code, message): (u32, u64) = (ctx.arg(0), ctx.arg(1));
    if exit_code >> 8 == 0 && message == SYSCALL_EXIT { judge_again(&ctx, Cause::Ptrace) } else { 0 }
}

/// `uprobe_notify_resume(struct pt_regs *regs)`.
#[fexit(function = "uprobe_notify_resume")]
pub fn amend_uprobe(ctx: FExitContext) -> i32 {
    judge_again(&ctx, Cause::Uprobe)
}

/// `__rseq_handle_notify_resume(struct ksignal *sig, struct pt_regs *regs)` (4.18 to 6.18).
#[fexit(function = "__rseq_handle_notify_resume")]
pub fn amend_rseq(ctx: FExitContext) -> i32 {
    let signal: u64 = ctx.arg(0);
    // Inside handle_signal the frame is not set up yet: what arch_do_signal_or_restart leaves decides.
    if signal == 0 { judge_again(&ctx, Cause::None) } else { 0 }
}

#[inline(always)]
fn judge_again(ctx: &FExitContext, hook: Cause) -> i32 {
    let source = Typed::current();
    let Some((record, counted)) = amend::counted(&source) else { return 0 };
    if counted.reasons.has(Reason::ForkChild) || !amend::is_own(ctx, &source, &counted) {
        return 0;
    }
    let call = counted.key.call();
    let fast32 = match call.abi {
        Abi::I386 if !counted.reasons.has(Reason::Int80) => source.landing_pad(),
        _ => 0,
    };
    let seen = match counted.cause {
        Cause::Signal | Cause::Rseq | Cause::Uprobe => counted.cause,
        _ => hook,
    };
    let entry = Entry { call, newborn: false, fast32, ptraced: source.ptraced() };
    let (failed, restarted) = (counted.error != 0, is_restart_cell(counted.error));
    let rules = config::exit_rules();
    let (verdict, cause) = classify_final(&entry, &source.exit_regs(), failed, restarted, seen, &rules);
    if verdict.path == counted.key.path() && verdict.reasons == counted.reasons {
        return 0;
    }
    let moved =
        Return { key: counted.key.with_path(verdict.path), reasons: verdict.reasons, cause, ..counted };
    amend::apply(record, &counted, &moved);
    0
}
