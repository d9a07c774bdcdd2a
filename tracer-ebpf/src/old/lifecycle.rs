//! Births and deaths, and the one look into kernel memory that the loader asks for.

use aya_ebpf::{
    EbpfContext as _,
    macros::{kprobe, tracepoint},
    programs::{ProbeContext, TracePointContext},
};
use tracer_common::{Untimed, admission::Admission, handlers::State};

use super::{
    context::{numbers, peek},
    count, maps,
};

/// `do_exit`: the thread is no more. What was counted of a fast call that it fell out of did not return.
#[kprobe]
pub fn gone(_ctx: ProbeContext) -> u32 {
    let _ = on_gone();
    0
}

#[inline(always)]
fn on_gone() -> Option<()> {
    let config = maps::config()?;
    let (tid, tgid) = numbers();
    let thread = maps::thread(tid)?;
    if thread.tid == tid {
        if thread.state.any(State::LATE) && thread.last.is_counted() {
            let (cpu, counters) = maps::here()?;
            count::take_back(config, cpu, counters, thread);
        }
        let died = thread.state.any(State::ENTRIES | State::LATE) && !thread.state.any(State::REJECTED);
        if died && thread.state.any(State::RETURNED) {
            count::untimed(Untimed::NeverReturned);
        }
        maps::forget(thread, 0);
    }
    // A leader also dies where another of its threads executes a program and takes its number. Where births are seen, a
    // number that is given again is judged by them.
    if config.filter_tasks == 2
        && config.follow == 0
        && tid == tgid
        && let Some(state) = maps::admission(tgid)
    {
        // The number may be given to another process. Threads that live on lose the end of the trace.
        // SAFETY: a byte of a map value.
        unsafe { *state = Admission::NO.0 };
    }
    Some(())
}

/// In `sched:sched_process_fork`, in words of four bytes: after two common ones a name of four, the parent's number,
/// a name, the child's. The loader holds it against the event's format.
const CHILD: usize = 11;

/// `sched:sched_process_fork`: children of selected processes are selected. A thread's number is marked too, which
/// means nothing: processes are looked up.
#[tracepoint]
pub fn born(ctx: TracePointContext) -> u32 {
    let _ = on_born(ctx.as_ptr().cast());
    // 0 would hide the event from perf.
    1
}

#[inline(always)]
fn on_born(event: *const u32) -> Option<()> {
    let config = maps::config()?;
    if config.filter_tasks != 2 {
        return None;
    }
    // SAFETY: a constant offset into the event, which is 48 bytes long.
    let child = unsafe { core::ptr::read_volatile(event.add(CHILD)) };
    let (_, tgid) = numbers();
    // SAFETY: bytes of map values.
    unsafe {
        let state = Admission(*maps::admission(tgid)?).of_child(config.follow != 0);
        *maps::admission(child)? = state.0;
    }
    Some(())
}

/// At `getppid`'s handler, asked by the loader's own call: eight words of kernel memory, once, before tracing.
#[kprobe]
pub fn look(_ctx: ProbeContext) -> u32 {
    let _ = on_look();
    0
}

#[inline(always)]
fn on_look() -> Option<()> {
    let config = maps::config()?;
    let (_, tgid) = numbers();
    if tgid != config.peek_tgid {
        return None;
    }
    let at = config.peek_at;
    macro_rules! words {
        ($($index:literal)*) => {$(
            let word = peek(at + $index * 8);
            // SAFETY: a map value.
            unsafe { *maps::PEEKED.get_ptr_mut($index)? = word };
        )*};
    }
    words!(0 1 2 3 4 5 6 7);
    Some(())
}
