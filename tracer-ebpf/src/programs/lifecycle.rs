//! Births, programs and deaths of tasks.

use aya_ebpf::{
    EbpfContext as _,
    bindings::task_struct,
    helpers::bpf_get_current_pid_tgid,
    macros::{btf_tracepoint, kprobe, raw_tracepoint, tracepoint},
    programs::{BtfTracePointContext, ProbeContext, RawTracePointContext, TracePointContext},
};
use aya_log_ebpf::debug;
use tracer_common::{
    TaskRecord, Untimed,
    admission::Admission,
    amend::{Own, own_exit},
    pairing,
};

use super::{
    amend, config, maps, series,
    task::{Source, Typed, Untyped, probe, reg},
};

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`, before the child runs.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn fork_btf(ctx: BtfTracePointContext) -> i32 {
    let parent: *const task_struct = ctx.arg(0);
    let child: *const task_struct = ctx.arg(1);
    let (parent, child) = (Typed::of(parent), Typed::of(child));
    on_fork(parent.tgid(), child.tgid(), child.tid());
    if config::VERBOSE.load() != 0
        && config::FILTER_TASKS.load() == 2
        && child.tgid() != parent.tgid()
        && let Some(byte) = maps::admission(child.tgid())
        // SAFETY: a byte of a map value.
        && Admission(unsafe { *byte }).is_selected()
    {
        debug!(&ctx, "process {} is followed", child.tgid());
    }
    0
}

/// The same, untyped.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn fork_raw(ctx: RawTracePointContext) -> i32 {
    let child: u64 = ctx.arg(1);
    fork_of(child);
    0
}

/// `wake_up_new_task(struct task_struct *p)`, in the parent: the tracepoint's programs may be skipped on 7.x, a
/// kprobe's are not.
#[kprobe]
pub fn fork_kp(ctx: ProbeContext) -> u32 {
    if let Some(child) = ctx.arg::<u64>(0) {
        fork_of(child);
    }
    0
}

#[inline(always)]
fn fork_of(child: u64) {
    let member = |offset: u32| probe(child + u64::from(offset)) as u32;
    let parent = (bpf_get_current_pid_tgid() >> 32) as u32;
    on_fork(parent, member(config::OFF_TGID.load()), member(config::OFF_PID.load()));
}

#[inline(always)]
fn on_fork(parent: u32, process: u32, tid: u32) {
    // SAFETY: the child does not run yet.
    unsafe { *maps::record(tid) = pairing::born(tid) };
    if config::FILTER_TASKS.load() == 2 && process != parent {
        let follow = config::FOLLOW.load() != 0;
        let state = match maps::admission(parent) {
            // SAFETY: a byte of a map value.
            Some(state) => Admission(unsafe { *state }).of_child(follow),
            None => Admission::NO,
        };
        if let Some(byte) = maps::admission(process) {
            // SAFETY: the child does not run yet.
            unsafe { *byte = state.0 };
        }
    }
}

/// `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`, typed.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn exec_btf(ctx: BtfTracePointContext) -> i32 {
    // No registers: their helper came only with 5.15.
    let source = Typed::current_task();
    on_exec(source.tgid(), source.tid(), ctx.arg(1));
    0
}

/// `sched_process_exec` on kernels without BTF.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn exec_raw(ctx: RawTracePointContext) -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    on_exec((pid_tgid >> 32) as u32, pid_tgid as u32, ctx.arg(1));
    0
}

/// The classic tracepoint, whose `old_pid` lies where its format says. 1 lets perf have the event too.
#[tracepoint]
pub fn exec_tp(ctx: TracePointContext) -> u32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    on_exec((pid_tgid >> 32) as u32, pid_tgid as u32, field(&ctx, config::TP_OLD_PID.load()) as u32);
    1
}

/// A word of a classic tracepoint's record.
#[inline(always)]
pub fn field(ctx: &TracePointContext, at: u32) -> u64 {
    probe(ctx.as_ptr() as u64 + u64::from(at))
}

#[inline(always)]
fn on_exec(process: u32, tid: u32, old_tid: u32) {
    if old_tid != tid {
        let (old, new) = (maps::record(old_tid), maps::record(tid));
        // SAFETY: the old leader is dead, and the running thread now has its number.
        unsafe {
            *new = pairing::renamed(&*old, old_tid, tid);
            *old = TaskRecord::unseen(0);
        }
    }
    if config::FILTER_TASKS.load() == 2
        && let Some(byte) = maps::admission(process)
    {
        // SAFETY: a byte of a map value; the process has one thread now.
        unsafe { *byte = Admission(*byte).after_exec().0 };
    }
}

/// `sched_process_exit(struct task_struct *p)`, typed: a task that dies on its way out of a call has not returned.
#[btf_tracepoint(function = "sched_process_exit")]
pub fn death_btf(_ctx: BtfTracePointContext) -> i32 {
    on_death(&Typed::current());
    0
}

/// The same, untyped.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn death_raw(_ctx: RawTracePointContext) -> i32 {
    match Untyped::current() {
        Some(source) => on_death(&source),
        // Without BTF the registers lie nowhere: what the task counted last stays counted.
        None => forget(bpf_get_current_pid_tgid() as u32),
    }
    0
}

/// The classic tracepoint. 1 lets perf have the event too.
#[tracepoint]
pub fn death_tp(_ctx: TracePointContext) -> u32 {
    on_death(&Typed::current());
    1
}

#[inline(always)]
fn on_death(source: &impl Source) {
    if config::DEFERRED.load() != 0 {
        undelivered(source.tid());
    } else if let Some((record, counted)) = amend::counted(source)
        && own_exit(source.reg(reg::ORIG_AX) as i64, &counted) == Own::Yes
        && let Some((cpu, state)) = amend::here()
    {
        // SAFETY: the running thread's record.
        let record = unsafe { &*record };
        let latency = amend::latency_of(record, &counted);
        series::take(cpu, state, record.last, record.reasons, latency);
        maps::untimed(state, Untimed::NeverReturned);
    }
    forget(source.tid());
    if config::FILTER_TASKS.load() == 2
        && source.group_dead()
        && let Some(byte) = maps::admission(source.tgid())
    {
        // SAFETY: a byte of a map value; the process has no thread left.
        unsafe { *byte = Admission::NO.0 };
    }
}

/// A call past its exit that dies before the final hook was not counted yet.
#[inline(always)]
fn undelivered(tid: u32) {
    // SAFETY: the running thread's record.
    let record = unsafe { &*maps::record(tid) };
    if record.tid == tid
        && record.call.is_exiting()
        && let Some((_, state)) = amend::here()
    {
        maps::untimed(state, Untimed::NeverReturned);
    }
}

/// The number may be given to another thread.
#[inline(always)]
fn forget(tid: u32) {
    let record = maps::record(tid);
    // SAFETY: the running thread's record; another's, after a collision, is left alone.
    unsafe {
        if (*record).tid == tid {
            *record = TaskRecord::unseen(0);
        }
    }
}
