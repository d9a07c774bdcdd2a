//! `sys_enter`: labels the call and reads the clock, last.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_get_prandom_u32, bpf_get_smp_processor_id, bpf_ktime_get_ns},
    macros::{btf_tracepoint, raw_tracepoint, tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext, TracePointContext},
};
use tracer_common::{Abi, SyscallId, pairing, record::Call};

use super::{
    admission, config, maps,
    task::{Source, Typed, Untyped, reg},
};

/// `sys_enter(struct pt_regs *regs, long id)`, typed, for everything without filters.
#[btf_tracepoint(function = "sys_enter")]
pub fn enter_plain(ctx: BtfTracePointContext) -> i32 {
    let source = Typed::current_task();
    let (tid, id): (u32, u64) = (source.tid(), ctx.arg(1));
    // SAFETY: the record belongs to the running thread.
    let record = unsafe { &mut *maps::record(tid) };
    // The common entry: a 64-bit call of a thread that has been seen. All of this delays the clock, which waits for
    // what is before it.
    let Some(call) = Call::common(id).filter(|_| record.tid == tid && !source.compat()) else {
        return full_plain(ctx.as_ptr());
    };
    record.call = call;
    // SAFETY: a helper without arguments.
    record.t_enter = unsafe { bpf_ktime_get_ns() };
    0
}

/// What is not common is a function of its own: its registers would spill the common entry's.
#[inline(never)]
fn full_plain(ctx: *mut c_void) -> i32 {
    let ctx = BtfTracePointContext::new(ctx);
    on_enter::<true>(&Typed::new(ctx.arg(0)), ctx.arg(1));
    0
}

/// The same with filters and sampling.
#[btf_tracepoint(function = "sys_enter")]
pub fn enter_btf(ctx: BtfTracePointContext) -> i32 {
    on_enter::<false>(&Typed::new(ctx.arg(0)), ctx.arg(1));
    0
}

/// `sys_enter` on kernels without BTF.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn enter_raw(ctx: RawTracePointContext) -> i32 {
    if let Some(source) = Untyped::new(ctx.arg(0)) {
        on_enter::<false>(&source, ctx.arg(1));
    }
    0
}

/// The classic tracepoint: `long id` at 8. On 7.x raw tracepoint programs are skipped while another task that was
/// preempted in one holds the CPU's guard; these run with preemption off. 1 lets perf have the event too.
#[tracepoint]
pub fn enter_tp(ctx: TracePointContext) -> u32 {
    // SAFETY: inside the tracepoint's record, whose layout is the kernel's ABI.
    let id = unsafe { core::ptr::read_volatile(ctx.as_ptr().cast::<i64>().add(1)) };
    on_enter::<false>(&Typed::current(), id);
    1
}

#[inline(always)]
pub fn on_enter<const PLAIN: bool>(source: &impl Source, id: i64) {
    if !PLAIN && !admission::selected_at_entry(source) {
        return;
    }
    let call = SyscallId::decode(source.compat(), id);
    if !PLAIN && !admission::call_selected(call) {
        return;
    }
    let sampled = PLAIN || is_sampled();
    let tid = source.tid();
    // SAFETY: the record belongs to the running thread; a collision is detected by the rule and counted.
    let record = unsafe { &mut *maps::record(tid) };
    let fast32 = matches!(call.abi, Abi::I386)
        && !(record.tid == tid && record.last.restarts_by_int80())
        && source.landing_pad() == source.reg(reg::IP);
    if let Some(loss) = pairing::enter(record, tid, call, fast32, sampled) {
        // SAFETY: a helper without arguments.
        if let Some(state) = maps::cpu(unsafe { bpf_get_smp_processor_id() }) {
            maps::lose(state, loss);
        }
    }
    if sampled {
        // SAFETY: a helper without arguments.
        record.t_enter = unsafe { bpf_ktime_get_ns() };
    }
}

/// A random countdown with mean `SAMPLE`: a fixed stride would fall in step with loops.
#[inline(always)]
fn is_sampled() -> bool {
    let every = config::SAMPLE.load();
    if every <= 1 {
        return true;
    }
    // SAFETY: helpers without pointers; the state is this CPU's.
    unsafe {
        let Some(state) = maps::cpu(bpf_get_smp_processor_id()) else { return false };
        let left = (*state).countdown;
        if left != 0 {
            (*state).countdown = left - 1;
            return false;
        }
        // Uniform over 0..=2(N-1): on average N - 1 calls are passed over between two sampled ones.
        (*state).countdown = bpf_get_prandom_u32() % (2 * every - 1);
        true
    }
}
