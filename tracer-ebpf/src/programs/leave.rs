//! `sys_exit` of plans whose final hook counts: the time, the error, and which call it is.

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::bpf_ktime_get_ns,
    macros::{btf_tracepoint, raw_tracepoint, tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext, TracePointContext},
};
use tracer_common::{
    Exit, Loss, SyscallId, TaskRecord, Untimed,
    layout::error_cell,
    pairing,
    record::{Call, Last},
};

use super::{
    admission, amend, config, finish, maps,
    task::{Source, Typed, Untyped, reg},
};

/// `sys_exit(struct pt_regs *regs, long ret)`, typed.
#[btf_tracepoint(function = "sys_exit")]
pub fn leave_btf(ctx: BtfTracePointContext) -> i32 {
    on_leave(&Typed::new(ctx.arg(0)), ctx.arg(1));
    0
}

/// The same, untyped.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn leave_raw(ctx: RawTracePointContext) -> i32 {
    if let Some(source) = Untyped::new(ctx.arg(0)) {
        on_leave(&source, ctx.arg(1));
    }
    0
}

/// The classic tracepoint: `long id` at 8, `long ret` at 16. 1 lets perf have the event too.
#[tracepoint]
pub fn leave_tp(ctx: TracePointContext) -> u32 {
    // SAFETY: inside the tracepoint's record, whose layout is the kernel's ABI.
    let ret = unsafe { core::ptr::read_volatile(ctx.as_ptr().cast::<i64>().add(2)) };
    on_leave(&Typed::current(), ret);
    1
}

#[inline(always)]
fn on_leave(source: &impl Source, ret: i64) {
    if !admission::selected_at_exit(source) {
        return;
    }
    let tid = source.tid();
    // SAFETY: the record belongs to the running thread, whose events do not overlap.
    let record = unsafe { &mut *maps::record(tid) };
    let unsampled = record.tid == tid && record.call.is_in() && !record.call.is_sampled();
    // SAFETY: a helper without arguments.
    let now = if unsampled { 0 } else { unsafe { bpf_ktime_get_ns() } };
    let Some((_, state)) = amend::here() else { return };
    let orig_ax = source.reg(reg::ORIG_AX) as i64;
    let mut timed = false;
    if pairing::is_paired(record, tid, orig_ax) {
        if unsampled {
            maps::untimed(state, Untimed::NotSampled);
        } else if now < record.t_enter {
            maps::lose(state, Loss::ClockBack);
        } else {
            timed = true;
            finish::turnaround(state, record);
        }
    } else {
        let here = SyscallId::decode_exit(source.compat(), orig_ax, ret);
        if !admission::call_selected(here) {
            return;
        }
        let exit = pairing::exit(record, tid, orig_ax, here, ret);
        // The final hook counts the call: what is missing is a latency, and no count.
        let why = pairing::blame(exit, source.refusable(), config::task_filter_may_change());
        maps::untimed(state, why.unwrap_or(Untimed::NoEntry));
        let fast32 = finish::unseen_fast32(source, record, here, record.tid == tid);
        *record = TaskRecord::unseen(tid);
        record.call = Call::unpaired(here, matches!(exit, Exit::Newborn)).with_fast32(fast32);
    }
    let call = maps::reread(&record.call);
    let error = if call.id().is_sigreturn() { 0 } else { error_cell(ret) };
    record.last = Last::pending(error, timed).with_restart32(record.last.restarts_by_int80());
    record.call = call.exiting();
    record.t_exit = now;
}
