//! `sys_exit`: reads the clock, first; pairs, classifies and counts.

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_ns},
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::{
    Abi, CpuState, Exit, Loss, SeriesKey, SyscallId, TaskRecord, Untimed,
    exit::{Entry, classify, is_restart},
    layout::error_cell,
    pairing,
    record::{Call, Return},
};

use super::{
    admission, config, maps, series,
    task::{Source, Typed, Untyped, reg},
};

/// `sys_exit(struct pt_regs *regs, long ret)`, typed.
#[btf_tracepoint(function = "sys_exit")]
pub fn exit_btf(ctx: BtfTracePointContext) -> i32 {
    on_exit(&Typed::new(ctx.arg(0)), ctx.arg(1));
    0
}

/// `sys_exit` on kernels without BTF.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn exit_raw(ctx: RawTracePointContext) -> i32 {
    if let Some(source) = Untyped::new(ctx.arg(0)) {
        on_exit(&source, ctx.arg(1));
    }
    0
}

#[inline(always)]
fn on_exit(source: &impl Source, ret: i64) {
    if !admission::selected_at_exit(source) {
        return;
    }
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let orig_ax = source.reg(reg::ORIG_AX) as i64;
    let tid = source.tid();
    let Some(record) = maps::record(tid) else { return };
    // SAFETY: the record belongs to the running thread, whose events do not overlap.
    let record = unsafe { &mut *record };
    // SAFETY: a helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let Some(state) = maps::cpu(cpu) else { return };
    if !pairing::is_paired(record, tid, orig_ax) && !begin_unpaired(source, state, record, tid, orig_ax, ret)
    {
        return;
    }
    // Read back from the map: what the verifier knew of the value on each way here would keep the ways apart, and
    // it would walk everything below once for each.
    let call = maps::reread(&record.call);
    let latency = latency(state, record, call, now);
    if config::TURNAROUND.load() != 0 && latency.is_some() && record.t_exit != 0 {
        let turnaround = record.t_enter.wrapping_sub(record.t_exit);
        if turnaround as i64 > 0 {
            series::add_turnaround(cpu, record.last.path(), turnaround);
        }
    }
    remember(source, record, call, ret, latency.is_some());
    record.call = Call::IDLE;
    record.t_exit = now;
    let last = maps::reread(&record.last);
    let admitted =
        config::return_filter().admits(last.error(), latency) && admission::error_selected(last.error());
    if !admitted || !series::add(cpu, state, last, maps::reread(&record.reasons), latency) {
        record.last = last.uncounted();
    }
}

/// Service time of a call whose entry was seen and timed. A clock that goes back is a loss.
#[inline(always)]
fn latency(state: *mut CpuState, record: &TaskRecord, call: Call, now: u64) -> Option<u64> {
    if !call.is_in() {
        return None;
    }
    if !call.is_sampled() {
        maps::untimed(state, Untimed::NotSampled);
        return None;
    }
    let service = now.wrapping_sub(record.t_enter);
    if (service as i64) < 0 {
        maps::lose(state, Loss::ClockBack);
        return None;
    }
    Some(service)
}

/// An exit without entry: a child, a call in flight when tracing began, one refused before `sys_enter`, or a loss.
/// `false` when a filter leaves it out.
#[inline(always)]
fn begin_unpaired(
    source: &impl Source,
    state: *mut CpuState,
    record: &mut TaskRecord,
    tid: u32,
    orig_ax: i64,
    ret: i64,
) -> bool {
    let here = SyscallId::decode(source.compat(), orig_ax);
    if !admission::call_selected(here) {
        return false;
    }
    let exit = pairing::exit(record, tid, orig_ax, here, ret);
    match pairing::blame(exit, source.refusable(), config::task_filter_may_change()) {
        Ok(why) => maps::untimed(state, why),
        Err(loss) => maps::lose(state, loss),
    }
    *record = TaskRecord::unseen(tid);
    record.call = Call::unpaired(here, matches!(exit, Exit::Newborn));
    true
}

/// Classifies the return and keeps the result in the record.
#[inline(always)]
fn remember(source: &impl Source, record: &mut TaskRecord, call: Call, ret: i64, timed: bool) {
    let ptraced = source.ptraced();
    let fast32 = if call.is_fast32() { source.landing_pad() } else { 0 };
    let entry = Entry { call: call.id(), newborn: call.is_newborn(), fast32, ptraced };
    let (verdict, cause) = classify(&entry, &source.exit_regs(), ret, &config::exit_rules());
    let one = Return {
        key: SeriesKey::new(entry.call, verdict.path),
        reasons: verdict.reasons,
        cause,
        error: if entry.call.is_sigreturn() { 0 } else { error_cell(ret) },
        timed,
        ptraced,
    };
    let mut last = one.pack();
    if matches!(entry.call.abi, Abi::I386) && restarts_by_int80(source, ret) {
        last = last.with_restart32(true);
    }
    record.last = last;
    record.reasons = u32::from(one.reasons.0);
}

/// A 32-bit call that is restarted comes back through the `int $0x80` just before the landing pad.
#[inline(always)]
fn restarts_by_int80(source: &impl Source, ret: i64) -> bool {
    is_restart(ret) || source.reg(reg::IP).wrapping_add(2) == source.landing_pad()
}
