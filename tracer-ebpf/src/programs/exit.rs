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
    if pairing::is_paired(record, tid, orig_ax) {
        let call = record.call;
        let id = call.id();
        let latency = if call.is_sampled() { latency(record, state, now) } else { None };
        if !call.is_sampled() {
            maps::untimed(state, Untimed::NotSampled);
        }
        let fast32 = if call.is_fast32() { source.landing_pad() } else { None };
        let entry = Entry { call: id, newborn: false, fast32, ptraced: source.ptraced() };
        finish(source, cpu, state, record, &entry, ret, latency);
    } else {
        unpaired(source, cpu, state, record, tid, orig_ax, ret);
    }
    record.call = Call::IDLE;
    record.t_exit = now;
}

/// Service time of the call; `None` and a loss when the clock went back.
#[inline(always)]
fn latency(record: &TaskRecord, state: *mut CpuState, now: u64) -> Option<u64> {
    if now >= record.t_enter {
        return Some(now - record.t_enter);
    }
    maps::lose(state, Loss::ClockBack);
    None
}

/// An exit without entry: a child, a call in flight when tracing began, one refused before `sys_enter`, or a loss.
#[inline(always)]
fn unpaired(
    source: &impl Source,
    cpu: u32,
    state: *mut CpuState,
    record: &mut TaskRecord,
    tid: u32,
    orig_ax: i64,
    ret: i64,
) {
    let here = SyscallId::decode(source.compat(), orig_ax);
    if !admission::call_selected(here) {
        return;
    }
    let exit = pairing::exit(record, tid, orig_ax, here, ret);
    match pairing::blame(exit, source.refusable(), config::task_filter_may_change()) {
        Ok(why) => maps::untimed(state, why),
        Err(loss) => maps::lose(state, loss),
    }
    *record = TaskRecord::unseen(tid);
    let entry = Entry { call: here, newborn: exit == Exit::Newborn, fast32: None, ptraced: source.ptraced() };
    finish(source, cpu, state, record, &entry, ret, None);
}

/// Classifies, counts, and remembers what was counted.
#[inline(always)]
fn finish(
    source: &impl Source,
    cpu: u32,
    state: *mut CpuState,
    record: &mut TaskRecord,
    entry: &Entry,
    ret: i64,
    latency: Option<u64>,
) {
    let (verdict, cause) = classify(entry, &source.exit_regs(), ret, &config::exit_rules());
    if config::TURNAROUND.load() != 0
        && latency.is_some()
        && record.t_exit != 0
        && record.t_enter > record.t_exit
    {
        series::add_turnaround(cpu, record.last.path(), record.t_enter - record.t_exit);
    }
    let one = Return {
        key: SeriesKey::new(entry.call, verdict.path),
        reasons: verdict.reasons,
        cause,
        error: if entry.call.is_sigreturn() { 0 } else { error_cell(ret) },
        timed: latency.is_some(),
        ptraced: entry.ptraced,
    };
    let admitted = config::return_filter().admits(one.error, latency) && admission::error_selected(one.error);
    let mut last = one.pack();
    if !admitted || !series::add(cpu, state, &one, latency) {
        last = last.uncounted();
    }
    if matches!(entry.call.abi, Abi::I386) {
        last = last.with_restart32(restarts_by_int80(source, ret));
    }
    record.last = last;
    record.reasons = u32::from(one.reasons.0);
}

/// A 32-bit call that is restarted comes back through the `int $0x80` just before the landing pad.
#[inline(always)]
fn restarts_by_int80(source: &impl Source, ret: i64) -> bool {
    is_restart(ret) || matches!(source.landing_pad(), Some(pad) if source.reg(reg::IP).wrapping_add(2) == pad)
}
