//! The entry code's C functions: what is not on the fast path passes them, and their ends see final registers.

use aya_ebpf::{
    EbpfContext as _,
    helpers::bpf_ktime_get_ns,
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use tracer_common::{
    SyscallId,
    amend::SA_RESTART,
    handlers::{Diversion, State, begin_slow, failed_tests, is_birth, is_late, unseen},
};

use super::{
    context::{Context, Saved, numbers, peek, thread_flags},
    count, filter, maps,
};

/// `do_syscall_64` begins, called with the stack pointer at `pt_regs`.
#[kprobe]
pub fn slow64(ctx: ProbeContext) -> u32 {
    let _ = on_entry(Context::new(ctx.as_ptr()), State::SLOW64);
    0
}

/// `do_int80_syscall_32` begins.
#[kprobe]
pub fn int80(ctx: ProbeContext) -> u32 {
    let _ = on_entry(Context::new(ctx.as_ptr()), State::INT80);
    0
}

/// `do_fast_syscall_32` begins.
#[kprobe]
pub fn fast32(ctx: ProbeContext) -> u32 {
    let _ = on_entry(Context::new(ctx.as_ptr()), State::FAST32);
    0
}

#[inline(always)]
fn on_entry(context: Context, entry: u32) -> Option<()> {
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    if config.partial != 0 && unseen(thread, tid) && !thread.state.any(State::REJECTED) {
        count::count_fast(config, thread, false);
    }
    // The return address lies below `pt_regs`.
    let regs = context.sp() + 8;
    let saved = Saved::read(regs)?;
    let call = SyscallId::decode(entry != State::SLOW64, saved.orig_ax());
    let provisional = failed_tests(&saved.exit_regs(), &config.rules());
    let selected = filter::selected(config, tgid);
    let mut state = if config.partial != 0 { 0 } else { State::READABLE };
    if config.partial != 0 && entry == State::SLOW64 {
        let causes = Diversion::at_entry(thread_flags(), call);
        if causes & Diversion::LASTING != 0 {
            state = State::READABLE;
        }
        if selected {
            divert(causes)?;
        }
    }
    let (seen, t_exit, last) = (thread.tid, thread.t_exit, thread.last);
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    begin_slow(thread, tid, entry, call, now);
    thread.state.0 |= state;
    thread.regs = regs;
    thread.provisional = provisional;
    if call.never_returns() {
        thread.state = State(0);
        return None;
    }
    if !selected {
        thread.state.0 |= State::REJECTED;
    } else if seen == tid && t_exit != 0 {
        count::turnaround(config, thread, tid, last, now);
    }
    Some(())
}

/// Counts what kept a call off the fast path.
#[inline(always)]
fn divert(causes: u32) -> Option<()> {
    let (_, counters) = maps::here()?;
    macro_rules! add {
        ($($at:literal)*) => {$(
            // SAFETY: this CPU's counters.
            unsafe { (*counters).diversions[$at] += u64::from(causes >> $at & 1) };
        )*};
    }
    add!(0 1 2 3 4 5 6 7);
    Some(())
}

/// `do_syscall_64` ends: nothing changes the registers any more.
#[kretprobe]
pub fn slow64_ret(ctx: RetProbeContext) -> u32 {
    let _ = on_final(Context::new(ctx.as_ptr()), State::SLOW64);
    0
}

/// `do_int80_syscall_32` ends.
#[kretprobe]
pub fn int80_ret(ctx: RetProbeContext) -> u32 {
    let _ = on_final(Context::new(ctx.as_ptr()), State::INT80);
    0
}

/// `do_fast_syscall_32` ends, and says whether the exit is `sysretl`.
#[kretprobe]
pub fn fast32_ret(ctx: RetProbeContext) -> u32 {
    let _ = on_final(Context::new(ctx.as_ptr()), State::FAST32);
    0
}

/// The out-of-line `syscall_return_slowpath` begins: a fast call has work to do, or a new task is born.
#[kprobe]
pub fn late(ctx: ProbeContext) -> u32 {
    let _ = on_late(Context::new(ctx.as_ptr()));
    0
}

#[inline(always)]
fn on_late(context: Context) -> Option<()> {
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    if thread.tid == tid && thread.state.any(State::ENTRIES) {
        // A kernel that does not inline it into do_syscall_64.
        return None;
    }
    let regs = context.sp() + 8;
    let saved = Saved::read(regs)?;
    if is_late(thread, tid, saved.orig_ax()) {
        thread.state.0 |= State::LATE;
        thread.provisional = failed_tests(&saved.exit_regs(), &config.rules());
        if !thread.state.any(State::REJECTED) {
            divert(1 << Diversion::Late as u32)?;
        }
        return None;
    }
    if !is_birth(saved.orig_ax(), saved.exit_regs().cs) {
        return None;
    }
    // A new task: its path is fixed, whatever its exit work does.
    count::count_final(config, (tid, tgid), thread, Some(&saved), (State::SLOW64, false), now);
    Some(())
}

/// It ends. Nothing is read: whatever calls next would be slow.
#[kretprobe]
pub fn late_ret(_ctx: RetProbeContext) -> u32 {
    let _ = on_late_end();
    0
}

#[inline(always)]
fn on_late_end() -> Option<()> {
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    if thread.tid != tid || !thread.state.any(State::LATE) {
        return None;
    }
    count::count_final(config, (tid, tgid), thread, None, (State::SLOW64, false), now);
    Some(())
}

#[inline(always)]
fn on_final(context: Context, entry: u32) -> Option<()> {
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    let sysretl = context.ax() & 0xff != 0;
    let known = thread.tid == tid && thread.state.any(State::ENTRIES);
    if known && !thread.state.any(State::READABLE) {
        count::count_final(config, (tid, tgid), thread, None, (entry, sysretl), now);
        return None;
    }
    let saved = Saved::read(context.sp())?;
    count::count_final(config, (tid, tgid), thread, Some(&saved), (entry, sysretl), now);
    Some(())
}

/// `signal_setup_done(failed, ksig, stepping)`: a signal frame was set up. In the exit of a call only: an interrupt's
/// signal finds the thread in none.
#[kprobe]
pub fn signal(ctx: ProbeContext) -> u32 {
    let _ = on_signal(Context::new(ctx.as_ptr()));
    0
}

#[inline(always)]
fn on_signal(context: Context) -> Option<()> {
    let config = maps::config()?;
    let (tid, _) = numbers();
    let thread = maps::thread(tid)?;
    if thread.tid != tid || config.final_hook == 0 && !thread.state.any(State::ENTRIES | State::LATE) {
        return None;
    }
    thread.state.0 |= State::SIGNAL;
    if config.partial != 0 && !thread.state.any(State::READABLE) {
        return None;
    }
    // `struct ksignal` begins with the action: handler, flags.
    let flags = peek(context.second() + 8);
    if flags & SA_RESTART != 0 {
        thread.state.0 |= State::SA_RESTART;
    }
    Some(())
}
