//! Plan `amend`: the functions that can change the registers after `sys_exit`, when they return. What was counted is
//! judged again by what they left.

use aya_ebpf::{macros::fexit, programs::FExitContext};
use tracer_common::{
    Abi, Cause, Reason, Reasons, SeriesKey, SyscallId, TaskRecord, Untimed,
    exit::Entry,
    finish::classify_final,
    layout::is_restart_cell,
    record::{Call, Return},
    verdict::Path,
};

use super::{
    admission, amend, config, maps, series,
    task::{Source, Typed, reg},
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

/// `bool syscall_user_dispatch(struct pt_regs *regs)`: a dispatched call fires no tracepoint; it ends in SIGSYS, whose
/// handler or death follows.
#[fexit(function = "syscall_user_dispatch")]
pub fn amend_dispatch(ctx: FExitContext) -> i32 {
    let dispatched: u64 = ctx.arg(1);
    if dispatched & 0xff == 0 {
        return 0;
    }
    let source = Typed::new(ctx.arg(0));
    let call = SyscallId::decode(source.compat(), source.reg(reg::ORIG_AX) as i64);
    if !admission::selected_at_exit(&source) || !admission::call_selected(call) {
        return 0;
    }
    let Some((cpu, state)) = amend::here() else { return 0 };
    let tid = source.tid();
    // SAFETY: the record belongs to the running thread, whose events do not overlap.
    let record = unsafe { &mut *maps::record(tid) };
    *record = TaskRecord::unseen(tid);
    let one = Return {
        key: SeriesKey::new(call, Path::Iret),
        reasons: Reasons::NONE.with(Reason::CxNeIp),
        cause: Cause::Signal,
        error: 0,
        timed: false,
        ptraced: false,
    };
    record.call = Call::IDLE;
    record.last = one.pack();
    record.reasons = u32::from(one.reasons.0);
    maps::untimed(state, Untimed::Refused);
    let (last, reasons) = (maps::reread(&record.last), maps::reread(&record.reasons));
    if !series::add::<false>(cpu, state, last, reasons, None) {
        record.last = last.uncounted();
    }
    0
}
