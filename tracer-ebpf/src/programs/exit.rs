//! `sys_exit`: reads the clock, first; pairs, classifies and counts.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::bpf_ktime_get_ns,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::{
    Abi, CpuState, Exit, Loss, SeriesKey, SyscallId, TaskRecord, Untimed,
    exit::{Entry, classify, is_common, is_restart},
    layout::error_cell,
    pairing,
    record::{Call, Last, Return},
};

use super::{
    admission, amend, config, maps, series,
    task::{Source, Typed, Untyped, reg},
};

/// `sys_exit(struct pt_regs *regs, long ret)`, typed, for everything without filters, at 2 digits.
#[btf_tracepoint(function = "sys_exit")]
pub fn exit_plain(ctx: BtfTracePointContext) -> i32 {
    let now = clock();
    let source = Typed::new(ctx.arg(0));
    if common::<true>(&source, ctx.arg(1), now) { 0 } else { full_plain(ctx.as_ptr(), now) }
}

/// The same with filters, sampling and a choice of precision.
#[btf_tracepoint(function = "sys_exit")]
pub fn exit_btf(ctx: BtfTracePointContext) -> i32 {
    let source = Typed::new(ctx.arg(0));
    if !admission::selected_at_exit(&source) {
        return 0;
    }
    let now = if config::SAMPLE.load() > 1 && is_unsampled(&source) { 0 } else { clock() };
    if common::<false>(&source, ctx.arg(1), now) { 0 } else { full_btf(ctx.as_ptr(), now) }
}

/// `sys_exit` on kernels without BTF.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn exit_raw(ctx: RawTracePointContext) -> i32 {
    if let Some(source) = Untyped::new(ctx.arg(0))
        && admission::selected_at_exit(&source)
    {
        full::<false>(&source, ctx.arg(1), clock());
    }
    0
}

/// What is not common is a function of its own: its registers would spill the common return's.
#[inline(never)]
fn full_plain(ctx: *mut c_void, now: u64) -> i32 {
    let ctx = BtfTracePointContext::new(ctx);
    full::<true>(&Typed::new(ctx.arg(0)), ctx.arg(1), now)
}

#[inline(never)]
fn full_btf(ctx: *mut c_void, now: u64) -> i32 {
    let ctx = BtfTracePointContext::new(ctx);
    full::<false>(&Typed::new(ctx.arg(0)), ctx.arg(1), now)
}

#[inline(always)]
fn clock() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// Whether the call is one that `--sample` leaves untimed: then the clock need not be read.
#[inline(always)]
fn is_unsampled(source: &impl Source) -> bool {
    let tid = source.tid();
    // SAFETY: as in `common`.
    let record = unsafe { &*maps::record(tid) };
    record.tid == tid && record.call.is_in() && !record.call.is_sampled()
}

/// The common return, in as few steps as it takes: a 64-bit call whose entry was seen, that succeeded, of a task
/// without tracer, with registers that pass every test. `false`, and nothing done, for any other.
#[inline(always)]
fn common<const PLAIN: bool>(source: &impl Source, ret: i64, now: u64) -> bool {
    let tid = source.tid();
    // SAFETY: the record belongs to the running thread, whose events do not overlap.
    let record = unsafe { &mut *maps::record(tid) };
    let call = record.call;
    let service = now.wrapping_sub(record.t_enter);
    let sampled = PLAIN || call.is_sampled();
    if record.tid != tid
        || !call.is_common(!PLAIN)
        || source.reg(reg::ORIG_AX) as u32 != call.0 & 1023
        || ret < 0
        || (sampled && (service as i64) < 0)
        || source.ptraced()
        || !is_common(&source.exit_regs(), config::COMMON_LIMIT.load())
        || (!PLAIN && config::RETURN_FILTER.load() != 0)
    {
        return false;
    }
    let Some((cpu, state)) = amend::here() else { return false };
    // Again from the map: LLVM would use `orig_ax`, which it knows to be equal and the verifier does not, and leave
    // the mask out.
    let call = maps::reread(&record.call);
    if PLAIN || config::TURNAROUND.load() != 0 {
        turnaround(state, record);
    }
    record.call = Call::IDLE;
    record.t_exit = now;
    record.last = Last::common(call.0, sampled);
    record.reasons = 0;
    if !PLAIN && !sampled {
        maps::untimed(state, Untimed::NotSampled);
    }
    if !series::add_common::<PLAIN>(cpu, state, call.0 & 1023, sampled.then_some(service)) {
        record.last = record.last.uncounted();
    }
    true
}

/// From the return before to this call's entry.
#[inline(always)]
fn turnaround(state: *mut CpuState, record: &TaskRecord) {
    let turnaround = record.t_enter.wrapping_sub(record.t_exit);
    if record.t_exit != 0 && turnaround as i64 > 0 {
        series::add_turnaround(state, record.last.path(), turnaround);
    }
}

/// Any return.
#[inline(always)]
fn full<const PLAIN: bool>(source: &impl Source, ret: i64, now: u64) -> i32 {
    let Some((cpu, state)) = amend::here() else { return 0 };
    let tid = source.tid();
    // SAFETY: as in `common`.
    let record = unsafe { &mut *maps::record(tid) };
    let orig_ax = source.reg(reg::ORIG_AX) as i64;
    if !pairing::is_paired(record, tid, orig_ax)
        && !begin_unpaired::<PLAIN>(source, state, record, tid, orig_ax, ret)
    {
        return 0;
    }
    // Read back from the map: what the verifier knew of the value on each way here would keep the ways apart, and
    // it would walk everything below once for each.
    let call = maps::reread(&record.call);
    let latency = latency(state, record, call, now);
    if (PLAIN || config::TURNAROUND.load() != 0) && latency.is_some() {
        turnaround(state, record);
    }
    remember(source, record, call, ret, latency.is_some());
    record.call = Call::IDLE;
    record.t_exit = now;
    let last = maps::reread(&record.last);
    let admitted = PLAIN
        || config::return_filter().admits(last.error(), latency) && admission::error_selected(last.error());
    if !admitted || !series::add::<PLAIN>(cpu, state, last, maps::reread(&record.reasons), latency) {
        record.last = last.uncounted();
    }
    0
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
fn begin_unpaired<const PLAIN: bool>(
    source: &impl Source,
    state: *mut CpuState,
    record: &mut TaskRecord,
    tid: u32,
    orig_ax: i64,
    ret: i64,
) -> bool {
    let here = SyscallId::decode_exit(source.compat(), orig_ax, ret);
    if !PLAIN && !admission::call_selected(here) {
        return false;
    }
    let exit = pairing::exit(record, tid, orig_ax, here, ret);
    match pairing::blame(exit, source.refusable(), !PLAIN && config::task_filter_may_change()) {
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
        // Where its writes are followed, a tracer makes nothing uncertain.
        ptraced: ptraced && config::FOLLOWED.load() == 0,
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
