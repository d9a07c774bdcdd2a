//! The final hook: the last function before user mode that a program can see. It alone counts; see
//! `tracer_common::finish`.

use aya_ebpf::{
    helpers::generated::bpf_ktime_get_ns,
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use tracer_common::{
    Abi, Cause, CpuState, SeriesKey, SyscallId, TaskRecord, Untimed,
    exit::Entry,
    finish::{Final, at_final, blame, classify_final},
    layout::{error_cell, is_restart_cell},
    record::{Call, Last, Return},
};

use super::{
    admission, amend, config, maps, series,
    task::{Source, Typed, Untyped, reg},
};

/// `fpregs_assert_state_consistent(void)`, with interrupts off, after the exit loop (5.8 to 7.3).
#[fentry(function = "fpregs_assert_state_consistent")]
pub fn final_btf(_ctx: FEntryContext) -> i32 {
    on_final(&Typed::current())
}

/// The same where a program cannot look at the running task by its type.
#[fentry(function = "fpregs_assert_state_consistent")]
pub fn final_raw(_ctx: FEntryContext) -> i32 {
    Untyped::current().map_or(0, |source| on_final(&source))
}

/// `exit_to_user_mode_prepare(struct pt_regs *regs)`, when it returns (5.9 to 6.7).
#[fexit(function = "exit_to_user_mode_prepare")]
pub fn prepare_btf(ctx: FExitContext) -> i32 {
    on_final(&Typed::new(ctx.arg(0)))
}

/// The same where a program cannot look at the running task by its type.
#[fexit(function = "exit_to_user_mode_prepare")]
pub fn prepare_raw(ctx: FExitContext) -> i32 {
    Untyped::new(ctx.arg(0)).map_or(0, |source| on_final(&source))
}

/// `fpregs_lock_and_load(void)`: with user shadow stacks, `setup_signal_shadow_stack` calls it, and through it the
/// final hook, before the handler's frame is complete.
#[fentry(function = "fpregs_lock_and_load")]
pub fn shadow_btf(_ctx: FEntryContext) -> i32 {
    let tid = Typed::current_task().tid();
    // SAFETY: the running thread's record.
    let record = unsafe { &mut *maps::record(tid) };
    if record.tid == tid && record.call.is_exiting() {
        record.call = record.call.passing(true);
    }
    0
}

#[inline(always)]
fn on_final(source: &impl Source) -> i32 {
    let tid = source.tid();
    let orig_ax = source.reg(reg::ORIG_AX) as i64;
    // SAFETY: the record belongs to the running thread, whose events do not overlap.
    let record = unsafe { &mut *maps::record(tid) };
    let ax = source.reg(reg::AX) as i64;
    let here = SyscallId::decode(source.compat(), orig_ax);
    let judged = at_final(record, tid, orig_ax, ax, here, source.ptraced());
    if matches!(judged, Final::Nothing | Final::Stale) {
        if record.tid == tid && matches!(judged, Final::Stale) {
            record.call = Call::IDLE;
        } else if record.tid == tid {
            record.call = record.call.passing(false);
        }
        return 0;
    }
    if !admission::selected_at_final(source) {
        if record.tid == tid {
            record.call = Call::IDLE;
        }
        return 0;
    }
    let Some((cpu, state)) = amend::here() else { return 0 };
    let now = if config::CLOCK.load() == 0 { 0 } else { clock() };
    if !settle(source, state, record, judged, now) {
        return 0;
    }
    // Read back from the map: else the verifier walks everything below once for each way here.
    let (call, pending) = (maps::reread(&record.call), maps::reread(&record.last));
    let latency = if pending.is_timed() { Some(record.t_exit.wrapping_sub(record.t_enter)) } else { None };
    let has_work = config::QUIET.load() == 0 && record.t_exit != 0 && now > record.t_exit;
    let work = if has_work { Some(now - record.t_exit) } else { None };
    classify(source, record, call, pending);
    record.call = Call::IDLE;
    record.t_exit = now;
    let last = maps::reread(&record.last);
    let admitted =
        config::return_filter().admits(last.error(), latency) && admission::error_selected(last.error());
    if !admitted || !series::commit(cpu, state, last, maps::reread(&record.reasons), latency, work) {
        record.last = last.uncounted();
    }
    0
}

/// Brings what was seen before into one shape: a call past its exit, with its error and perhaps its times. `false`
/// when a filter leaves it out.
#[inline(always)]
fn settle(
    source: &impl Source,
    state: *mut CpuState,
    record: &mut TaskRecord,
    judged: Final,
    now: u64,
) -> bool {
    let ax = source.reg(reg::AX) as i64;
    match judged {
        Final::Nothing | Final::Stale | Final::Exited(_) => {}
        Final::Entered(call) => {
            let timed = config::QUIET.load() != 0 && call.is_sampled() && now >= record.t_enter;
            if config::QUIET.load() == 0 {
                maps::untimed(state, Untimed::NoExit);
            } else if !call.is_sampled() {
                maps::untimed(state, Untimed::NotSampled);
            }
            if timed {
                turnaround(state, record);
            }
            let error = match (call.id().is_sigreturn(), call.seen()) {
                (true, _) => 0,
                (_, Cause::Signal) => record.last.error(),
                _ => error_cell(ax),
            };
            record.last = Last::pending(error, timed);
            record.t_exit = if timed { now } else { 0 };
        }
        Final::Newborn(id) => {
            if !admission::call_selected(id) {
                return false;
            }
            maps::untimed(state, Untimed::ForkChild);
            *record = TaskRecord::unseen(source.tid());
            record.call = Call::unpaired(id, true);
        }
        Final::Unlabelled(id) => {
            if !admission::call_selected(id) {
                return false;
            }
            let (tid, known) = (source.tid(), record.tid == source.tid());
            if config::CLOCK.load() != 0 {
                maps::untimed(state, blame(known, source.refusable(), config::task_filter_may_change()));
            }
            let fast32 = unseen_fast32(source, record, id, known);
            let seen = if known { record.call.seen() } else { Cause::None };
            *record = TaskRecord::unseen(tid);
            record.call = Call::unpaired(id, false).with_fast32(fast32).with_seen(seen);
            // A handler's frame has replaced RAX.
            let error = if seen == Cause::Signal { 0 } else { error_cell(ax) };
            record.last = Last::pending(error, false);
        }
    }
    true
}

/// Whether an i386 call whose entry was not seen came by `sysenter` or `syscall`: it returns to the landing pad, and
/// is not the `int $0x80` before it that restarts one.
#[inline(always)]
pub fn unseen_fast32(source: &impl Source, record: &TaskRecord, id: SyscallId, known: bool) -> bool {
    matches!(id.abi, Abi::I386)
        && !(known && record.last.restarts_by_int80())
        && source.landing_pad() == source.reg(reg::IP)
}

/// Classifies by the final registers and keeps the result in the record.
#[inline(always)]
fn classify(source: &impl Source, record: &mut TaskRecord, call: Call, pending: Last) {
    let ptraced = source.ptraced();
    let fast32 = if call.is_fast32() { source.landing_pad() } else { 0 };
    let entry = Entry { call: call.id(), newborn: call.is_newborn(), fast32, ptraced };
    let (error, seen) = (pending.error(), call.seen());
    let restarted = is_restart_cell(error);
    let rules = config::exit_rules();
    let (verdict, cause) = classify_final(&entry, &source.exit_regs(), error != 0, restarted, seen, &rules);
    let one = Return {
        key: SeriesKey::new(entry.call, verdict.path),
        reasons: verdict.reasons,
        cause,
        error,
        timed: pending.is_timed(),
        // Seen after the tracer's last word: its presence makes nothing uncertain here.
        ptraced: false,
    };
    let again = matches!(entry.call.abi, Abi::I386)
        && (restarted || source.reg(reg::IP).wrapping_add(2) == source.landing_pad());
    record.last = one.pack().with_restart32(again);
    record.reasons = u32::from(one.reasons.0);
}

/// From the return before to this call's entry.
#[inline(always)]
pub fn turnaround(state: *mut CpuState, record: &TaskRecord) {
    let turnaround = record.t_enter.wrapping_sub(record.t_exit);
    if config::TURNAROUND.load() != 0 && record.t_exit != 0 && turnaround as i64 > 0 {
        series::add_turnaround(state, record.last.path(), turnaround);
    }
}

#[inline(always)]
fn clock() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}
