//! Counting a return, taking one back, and what is remembered of it.

use core::hint::black_box;

use tracer_common::{
    ExitRegs, Path, Untimed,
    handlers::{Final, State, Thread, deduce, fast, finish},
    old_maps::{OldConfig, OldCounters},
    record::{Last, Return},
};

use super::{context::Saved, filter, maps, series};

/// A call of the fast path ends, or is known to have ended.
#[inline(always)]
pub fn count_fast(config: &OldConfig, thread: &mut Thread, timed: bool) {
    let Some((cpu, counters)) = maps::here() else { return };
    let latency = if timed { Some(thread.t_exit.wrapping_sub(thread.t_enter)) } else { None };
    let one = fast(thread, timed);
    count(config, cpu, counters, thread, &one, latency);
    if !timed {
        thread.t_exit = 0;
    }
}

/// A return, judged by its final registers, or (`None`) by what was seen of it before. What was counted of the same
/// call before is taken back.
#[inline(always)]
pub fn count_final(
    config: &OldConfig,
    (tid, tgid): (u32, u32),
    thread: &mut Thread,
    saved: Option<&Saved>,
    (entry, sysretl): (u32, bool),
    now: u64,
) {
    let by_handler = config.by_handler != 0;
    let (one, untimed) = if let Some(saved) = saved {
        let (regs, orig_ax, ax) = (saved.exit_regs(), saved.orig_ax(), saved.ax());
        let end = Final { regs, orig_ax, ax, entry, sysretl, by_handler };
        finish(thread, tid, &end, &config.rules())
    } else {
        let regs = ExitRegs { ip: 0, cx: 0, flags: 0, r11: 0, cs: 0, ss: 0 };
        // Without a handler: the number was in no table.
        let end = Final { regs, orig_ax: 0, ax: ENOSYS, entry, sysretl, by_handler };
        deduce(thread, &end, &config.rules())
    };
    let known = black_box(thread.tid == tid && thread.state.any(State::ENTRIES | State::HANDLER));
    let rejected =
        black_box(if known { thread.state.any(State::REJECTED) } else { !filter::selected(config, tgid) });
    if one.key.call().is_exec() && one.error == 0 {
        filter::executed(config, tgid);
    }
    let Some((cpu, counters)) = maps::here() else { return };
    if thread.tid != tid {
        maps::forget(thread, tid);
    } else if thread.state.any(State::HANDLER) && thread.last.is_counted() {
        take_back(config, cpu, counters, thread);
    }
    if !thread.state.any(State::RETURNED) {
        thread.t_exit = now;
    }
    let latency = black_box(if one.timed { Some(thread.t_exit.wrapping_sub(thread.t_enter)) } else { None });
    thread.state = State(0);
    if rejected {
        thread.last = Last::NONE;
        return;
    }
    let admitted = count(config, cpu, counters, thread, &one, latency);
    if admitted && let Some(why) = untimed {
        maps::untimed(counters, why);
    }
}

const ENOSYS: i64 = -38;

/// Counts, if the return passes the filters, and remembers what was counted.
#[inline(always)]
fn count(
    config: &OldConfig,
    cpu: u32,
    counters: *mut OldCounters,
    thread: &mut Thread,
    one: &Return,
    latency: Option<u64>,
) -> bool {
    let last = one.pack();
    thread.reasons = u32::from(one.reasons.0);
    let admitted = filter::call_selected(config, one.key.call())
        && filter::return_selected(config, one.error, latency)
        && series::change(config, cpu, counters, one, latency, 1);
    thread.last = if admitted { last } else { last.uncounted() };
    admitted
}

/// Takes back what was counted of the thread's last return.
#[inline(always)]
pub fn take_back(config: &OldConfig, cpu: u32, counters: *mut OldCounters, thread: &mut Thread) {
    let one = Return::unpack(thread.last, thread.reasons);
    let latency = if one.timed { Some(thread.t_exit.wrapping_sub(thread.t_enter)) } else { None };
    series::change(config, cpu, counters, &one, latency, -1);
    thread.last = Last::NONE;
}

/// The thread enters its next call: its time since the last return, by that return's path.
#[inline(always)]
pub fn turnaround(config: &OldConfig, thread: &Thread, tid: u32, last: Last, now: u64) {
    if config.turnaround == 0 || thread.tid != tid || thread.t_exit == 0 || !last.is_counted() {
        return;
    }
    let Some((cpu, _)) = maps::here() else { return };
    let path = match last.path() {
        Path::XenPv => return,
        path => path as u32,
    };
    series::turnaround(cpu, path, now.wrapping_sub(thread.t_exit));
}

/// A call that was denied before its handler, or a thread that is gone.
#[inline(always)]
pub fn untimed(why: Untimed) {
    if let Some((_, counters)) = maps::here() {
        maps::untimed(counters, why);
    }
}
