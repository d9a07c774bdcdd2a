//! What is seen only after `sys_exit`: a counted return moves to its true path.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_smp_processor_id, bpf_get_stack},
    macros::{btf_tracepoint, raw_tracepoint, tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext, TracePointContext},
};
use aya_log_ebpf::debug;
use tracer_common::{
    Cause, CpuState, Path, Reason, Reasons, SeriesKey, SyscallId, TaskRecord, Untimed,
    amend::{Own, after_handler, error_after_handler, own_exit, rewritten},
    layout::{error_cell, is_restart_cell},
    record::Return,
};

use super::{
    admission, config,
    lifecycle::field,
    maps, series,
    task::{Source, Typed, Untyped, probe, reg},
};

/// `signal_deliver(int sig, struct kernel_siginfo *info, struct k_sigaction *ka)`, in `get_signal`, before the
/// frame is set up.
#[btf_tracepoint(function = "signal_deliver")]
pub fn signal_btf(ctx: BtfTracePointContext) -> i32 {
    let action: *const u64 = ctx.arg(2);
    // SAFETY: a typed pointer; x86_64 `struct sigaction` begins with handler and flags.
    let (handler, flags) =
        unsafe { (core::ptr::read_volatile(action), core::ptr::read_volatile(action.add(1))) };
    // SIG_DFL and SIG_IGN build no frame.
    if handler < 2 {
        return 0;
    }
    if config::DEFERRED.load() != 0 {
        let source = Typed::current();
        if config::QUIET.load() != 0 {
            interrupted(&source, flags);
        }
        note(source.tid(), source.reg(reg::ORIG_AX), Cause::Signal, flags);
        return 0;
    }
    let source = Typed::current();
    let info: *const u32 = ctx.arg(1);
    if ctx.arg::<u32>(0) == SIGSYS && probe(info as u64 + SI_CODE) as u32 == SYS_USER_DISPATCH {
        dispatched(&source);
        return 0;
    }
    let Some((record, counted)) = counted(&source) else { return 0 };
    if !is_own(&ctx, &source, &counted) {
        return 0;
    }
    let moved = after_handler(&counted, &source.exit_regs(), flags);
    if config::VERBOSE.load() != 0 {
        let signal: i32 = ctx.arg(0);
        debug!(&ctx, "signal {} is delivered in thread {} on its way out of a call", signal, source.tid());
    }
    apply(record, &counted, &moved);
    0
}

/// `SIGSYS`, its cause `SYS_USER_DISPATCH` and where that stands (include/uapi/asm-generic/siginfo.h).
const SIGSYS: u32 = 31;
const SYS_USER_DISPATCH: u32 = 2;
const SI_CODE: u64 = 8;

/// Syscall user dispatch rolls a call back before any tracepoint (`on_dispatch`) and sends this signal, whose handler the
/// call leaves to: counted here, or nowhere.
#[inline(always)]
fn dispatched(source: &Typed) {
    let call = SyscallId::decode(source.compat(), source.reg(reg::ORIG_AX) as i64);
    if !admission::selected_at_exit(source) || !admission::call_selected(call) {
        return;
    }
    let Some((cpu, state)) = here() else { return };
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
    record.last = one.pack();
    record.reasons = u32::from(one.reasons.0);
    maps::untimed(state, Untimed::Refused);
    let (last, reasons) = (maps::reread(&record.last), maps::reread(&record.reasons));
    if !series::add::<false>(cpu, state, last, reasons, None) {
        record.last = last.uncounted();
    }
}

/// The same, untyped; only for plans whose final hook counts.
#[raw_tracepoint(tracepoint = "signal_deliver")]
pub fn signal_raw(ctx: RawTracePointContext) -> i32 {
    let action: u64 = ctx.arg(2);
    if probe(action) >= 2
        && let Some(source) = Untyped::current()
    {
        note(source.tid(), source.reg(reg::ORIG_AX), Cause::Signal, probe(action + 8));
    }
    0
}

/// The classic tracepoint, likewise. 1 lets perf have the event too.
#[tracepoint]
pub fn signal_tp(ctx: TracePointContext) -> u32 {
    if field(&ctx, config::TP_SA_HANDLER.load()) >= 2 {
        let flags = field(&ctx, config::TP_SA_FLAGS.load());
        let source = Typed::current();
        note(source.tid(), source.reg(reg::ORIG_AX), Cause::Signal, flags);
    }
    1
}

/// `rseq_ip_fixup(...)`, untyped.
#[raw_tracepoint(tracepoint = "rseq_ip_fixup")]
pub fn rseq_raw(_ctx: RawTracePointContext) -> i32 {
    if let Some(source) = Untyped::current() {
        note(source.tid(), source.reg(reg::ORIG_AX), Cause::Rseq, 0);
    }
    0
}

/// `rseq_ip_fixup(...)`: a restartable sequence is aborted; up to 6.18 also on the way out of a call.
#[btf_tracepoint(function = "rseq_ip_fixup")]
pub fn rseq_btf(ctx: BtfTracePointContext) -> i32 {
    if config::DEFERRED.load() != 0 {
        let source = Typed::current();
        note(source.tid(), source.reg(reg::ORIG_AX), Cause::Rseq, 0);
        return 0;
    }
    let source = Typed::current();
    let Some((record, counted)) = counted(&source) else { return 0 };
    if is_own(&ctx, &source, &counted) {
        if config::VERBOSE.load() != 0 {
            debug!(&ctx, "rseq abort in thread {}", source.tid());
        }
        apply(record, &counted, &rewritten(&counted, Cause::Rseq));
    }
    0
}

/// What changes the registers of a call that is not committed yet: the final hook will see the registers, but not why.
#[inline(always)]
pub fn note(tid: u32, orig_ax: u64, cause: Cause, sa_flags: u64) {
    // SAFETY: the running thread's record.
    let record = unsafe { &mut *maps::record(tid) };
    let seen = record.call.is_exiting() || config::QUIET.load() != 0 && record.call.is_in();
    // Without either event of its own a call still has its number, and an interrupt has -1.
    if record.tid != tid || !seen && orig_ax as u32 == u32::MAX {
        return;
    }
    record.call = record.call.with_seen(cause);
    if cause == Cause::Signal && record.call.is_exiting() && is_restart_cell(record.last.error()) {
        record.last = record.last.with_error(error_after_handler(record.last.error(), sa_flags));
    }
}

/// Without an exit hook the call's error is still in RAX, until the handler's frame replaces it.
#[inline(always)]
fn interrupted(source: &Typed, sa_flags: u64) {
    let tid = source.tid();
    // SAFETY: the running thread's record.
    let record = unsafe { &mut *maps::record(tid) };
    if record.tid == tid && record.call.is_in() && record.call.seen() == Cause::None {
        let error = error_after_handler(error_cell(source.reg(reg::AX) as i64), sa_flags);
        record.last = record.last.with_error(error);
    }
}

/// The return that the thread counted last, if it has entered no call since.
#[inline(always)]
pub fn counted(source: &impl Source) -> Option<(*mut TaskRecord, Return)> {
    let tid = source.tid();
    let pointer = maps::record(tid);
    // SAFETY: the running thread's record.
    let record = unsafe { &*pointer };
    if record.tid != tid || record.call.is_in() || !record.last.is_counted() {
        return None;
    }
    Some((pointer, Return::unpack(record.last, record.reasons)))
}

/// Whether the event lies in that call's own exit, not in a later interrupt's.
#[inline(always)]
pub fn is_own(ctx: &impl EbpfContext, source: &impl Source, counted: &Return) -> bool {
    match own_exit(source.reg(reg::ORIG_AX) as i64, counted) {
        Own::Yes => true,
        Own::No => false,
        Own::AskStack => stack_is_syscall(ctx),
    }
}

/// Whether the kernel stack leads through a system call's exit. Only `rt_sigreturn` needs to ask.
#[inline(always)]
fn stack_is_syscall(ctx: &impl EbpfContext) -> bool {
    let [low, high, low32, high32] = config::SYSCALL_TEXT.load();
    let mut frames = [0_u64; 12];
    // SAFETY: the buffer's own size is passed.
    let size =
        unsafe { bpf_get_stack(ctx.as_ptr(), frames.as_mut_ptr().cast(), size_of_val(&frames) as u32, 0) };
    if size <= 0 {
        return false;
    }
    // Unrolled by the compiler: twelve frames reach from get_signal to the entry.
    frames.iter().any(|&frame| (low..high).contains(&frame) || (low32..high32).contains(&frame))
}

/// One here, one less there, so that sums stay right.
#[inline(always)]
pub fn apply(record: *mut TaskRecord, counted: &Return, moved: &Return) {
    if counted == moved {
        return;
    }
    let Some((cpu, state)) = here() else { return };
    // SAFETY: the running thread's record.
    let record = unsafe { &mut *record };
    let latency = latency_of(record, counted);
    series::take(cpu, state, record.last, record.reasons, latency);
    record.last = moved.pack().with_restart32(record.last.restarts_by_int80());
    record.reasons = u32::from(moved.reasons.0);
    let (last, reasons) = (maps::reread(&record.last), maps::reread(&record.reasons));
    if !series::add::<false>(cpu, state, last, reasons, latency) {
        record.last = last.uncounted();
    }
}

/// The latency that the return was counted with.
#[inline(always)]
pub fn latency_of(record: &TaskRecord, counted: &Return) -> Option<u64> {
    if counted.timed { Some(record.t_exit.wrapping_sub(record.t_enter)) } else { None }
}

/// This CPU and what it keeps.
#[inline(always)]
pub fn here() -> Option<(u32, *mut CpuState)> {
    // SAFETY: a helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    Some((cpu, maps::cpu(cpu)?))
}
