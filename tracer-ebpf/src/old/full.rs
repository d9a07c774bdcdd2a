//! Kernels whose entry code cannot be probed any more (5.8 and later): the handlers, and the hook that every return to
//! user mode passes. Which entry a call came by stands on its stack; on a full frame a look there diverts nothing.

use core::hint::black_box;

use aya_ebpf::{
    EbpfContext as _,
    helpers::bpf_ktime_get_ns,
    macros::{kprobe, kretprobe, tracepoint},
    programs::{ProbeContext, RetProbeContext, TracePointContext},
};
use tracer_common::{
    Path, SyscallId,
    exit::{USER32_CS, classify_fast32},
    handlers::{State, begin_full, end, in_kvm},
    old_maps::OldConfig,
};

use super::{
    context::{Context, Saved, numbers, peek},
    count, filter, maps,
};

/// Where the user registers are, on the stack of a task.
#[inline(always)]
fn saved_at(config: &OldConfig, sp: u64) -> u64 {
    let size = 1_u64 << (config.stack_bits & 63);
    (sp & !(size - 1)) + size - u64::from(config.regs_below_top)
}

/// Which entry called, by the return address below `pt_regs`.
#[inline(always)]
fn entered_by(config: &OldConfig, regs: u64) -> u32 {
    config.entered_by(peek(regs - 8))
}

/// A handler begins.
#[kprobe]
pub fn handler_full(ctx: ProbeContext) -> u32 {
    let _ = on_begin(Context::new(ctx.as_ptr()));
    0
}

#[inline(always)]
fn on_begin(context: Context) -> Option<()> {
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    let regs = saved_at(config, context.sp());
    let entry = entered_by(config, regs) & State::ENTRIES;
    if entry == 0 {
        // A kernel thread's.
        return None;
    }
    let saved = Saved::read(regs)?;
    let call = SyscallId::decode(entry != State::SLOW64, saved.orig_ax());
    let (seen, t_exit, last) = (thread.tid, thread.t_exit, thread.last);
    begin_full(thread, tid, entry, call, context.sp());
    if entry == State::FAST32 {
        // do_fast_syscall_32 has set it to the landing pad.
        thread.landing = saved.exit_regs().ip as u32;
        maps::learn_landing(thread.landing);
    }
    let selected = filter::selected(config, tgid);
    if !selected {
        thread.state.0 |= State::REJECTED;
    }
    // The clock is read last.
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    thread.t_enter = now;
    if selected && seen == tid && t_exit != 0 {
        count::turnaround(config, thread, tid, last, now);
    }
    Some(())
}

/// It ends.
#[kretprobe]
pub fn handler_full_ret(ctx: RetProbeContext) -> u32 {
    let _ = on_end(Context::new(ctx.as_ptr()));
    0
}

#[inline(always)]
fn on_end(context: Context) -> Option<()> {
    // The clock is read first.
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let (tid, _) = numbers();
    let thread = maps::thread(tid)?;
    end(thread, tid, context.sp(), context.ax() as i64, now);
    None
}

/// `rseq:rseq_ip_fixup`: the exit work moves the thread out of a restartable sequence.
#[tracepoint]
pub fn aborted(_ctx: TracePointContext) -> u32 {
    let (tid, _) = numbers();
    if let Some(thread) = maps::thread(tid)
        && thread.tid == tid
    {
        thread.state.0 |= State::RSEQ;
    }
    // 0 would hide the event from perf.
    1
}

/// `fpregs_assert_state_consistent`: nothing changes the registers any more.
#[kprobe]
pub fn final_hook(ctx: ProbeContext) -> u32 {
    let _ = on_final(Context::new(ctx.as_ptr()));
    0
}

#[inline(always)]
fn on_final(context: Context) -> Option<()> {
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    if in_kvm(thread, tid) {
        return None;
    }
    let regs = saved_at(config, context.sp());
    let mut entry = black_box(entered_by(config, regs));
    if entry == 0 {
        if thread.tid == tid {
            // What an interrupt's return has done is no call's.
            thread.state = State(0);
        }
        return None;
    }
    let saved = Saved::read(regs)?;
    let now_regs = saved.exit_regs();
    if entry & State::BORN != 0 {
        if saved.orig_ax() == -1 {
            // A program that the kernel started itself.
            return None;
        }
        entry |= if now_regs.cs == USER32_CS { State::INT80 } else { State::SLOW64 };
    }
    let known = thread.tid == tid && thread.state.any(State::HANDLER);
    let pad = if known { thread.landing } else { maps::landing(now_regs.ip as u32) };
    let sysretl = entry == State::FAST32
        && classify_fast32(&now_regs, pad.into(), &config.rules()).path == Path::Sysretl;
    count::count_final(
        config,
        (tid, tgid),
        thread,
        Some(&saved),
        (black_box(entry), black_box(sysretl)),
        now,
    );
    Some(())
}
