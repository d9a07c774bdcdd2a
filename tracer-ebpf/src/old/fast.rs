//! The handlers' own probes. On a partial frame these run on the fast path: they read no memory but maps.

use aya_ebpf::{
    EbpfContext as _,
    helpers::bpf_ktime_get_ns,
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use tracer_common::{
    Abi, NR_INVALID, SyscallId,
    handlers::{State, Thread, begin, end, failed_tests, missed},
    old_maps::Handles,
};

use super::{
    context::{Context, Saved, numbers},
    count, filter, maps,
};

/// A handler begins.
#[kprobe]
pub fn handler(ctx: ProbeContext) -> u32 {
    let context = Context::new(ctx.as_ptr());
    let _ = on_begin(context);
    0
}

#[inline(always)]
fn on_begin(context: Context) -> Option<()> {
    let config = maps::config()?;
    let handles = maps::handles(context.ip())?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    let partial = config.partial != 0;
    let sp = context.sp();
    if missed(thread, tid, sp, partial) && !thread.state.any(State::REJECTED) {
        count::count_fast(config, thread, false);
    }
    let last = thread.last;
    let (seen, t_exit) = (thread.tid, thread.t_exit);
    let slow = thread.tid == tid && thread.state.any(State::ENTRIES);
    let call = label(context, handles, thread, slow);
    if !begin(thread, tid, call, sp, partial, 0) {
        return None;
    }
    if slow {
        // The call's number came from `orig_ax`; a tracer may have changed it since.
        if thread.call.id().nr == NR_INVALID {
            thread.call = tracer_common::record::Call::entered(call, false, true);
        }
    } else if !filter::selected(config, tgid) {
        thread.state.0 |= State::REJECTED;
    }
    // The clock is read last.
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    thread.t_enter = now;
    if !slow && seen == tid && t_exit != 0 {
        count::turnaround(config, thread, tid, last, now);
    }
    Some(())
}

/// Which call a handler's address stands for.
#[inline(always)]
fn label(context: Context, handles: Handles, thread: &Thread, slow: bool) -> SyscallId {
    if slow && thread.state.any(State::INT80 | State::FAST32) {
        return SyscallId { abi: Abi::I386, nr: handles.i386().unwrap_or(NR_INVALID) };
    }
    let Some(nr) = handles.x86_64() else {
        return SyscallId { abi: Abi::I386, nr: handles.i386().unwrap_or(NR_INVALID) };
    };
    let mut nr = nr;
    if handles.is_shared() {
        // The fast path calls through RAX, which then still holds the number: believed if the table agrees.
        let ax = context.ax() as u32;
        if maps::TABLE.get(ax).is_some_and(|&address| address == context.ip()) {
            nr = ax as u16 & 1023;
        }
    }
    SyscallId { abi: Abi::X86_64, nr }
}

/// A handler ends on a kernel with the fast path: a fast call is counted here, and moves if it falls out late.
#[kretprobe]
pub fn handler_ret(ctx: RetProbeContext) -> u32 {
    let _ = on_end(Context::new(ctx.as_ptr()));
    0
}

#[inline(always)]
fn on_end(context: Context) -> Option<()> {
    // The clock is read first.
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let config = maps::config()?;
    let (tid, _) = numbers();
    let thread = maps::thread(tid)?;
    if !end(thread, tid, context.sp(), context.ax() as i64, now) {
        return None;
    }
    if thread.state.any(State::SLOW64) && !thread.state.any(State::READABLE) {
        // sigreturn, execve, iopl have changed the registers; the exit work that takes the read's mark back is to come.
        let saved = Saved::read(thread.regs)?;
        thread.provisional = failed_tests(&saved.exit_regs(), &config.rules());
    }
    let fast = config.partial != 0 && !thread.state.any(State::ENTRIES);
    if fast && !thread.state.any(State::REJECTED) {
        count::count_fast(config, thread, true);
    }
    Some(())
}
