//! Births, programs and deaths of tasks.

use aya_ebpf::{
    bindings::task_struct,
    helpers::bpf_get_current_pid_tgid,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
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
    task::{Source, Typed, reg},
};

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`, before the child runs.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn fork_btf(ctx: BtfTracePointContext) -> i32 {
    let parent: *const task_struct = ctx.arg(0);
    let child: *const task_struct = ctx.arg(1);
    let (parent, child) = (Typed::of(parent), Typed::of(child));
    let tid = child.tid();
    // SAFETY: the child does not run yet.
    unsafe { *maps::record(tid) = pairing::born(tid) };
    if config::FILTER_TASKS.load() == 2 && child.tgid() != parent.tgid() {
        let follow = config::FOLLOW.load() != 0;
        let state = match maps::admission(parent.tgid()) {
            // SAFETY: a byte of a map value.
            Some(state) => Admission(unsafe { *state }).of_child(follow),
            None => Admission::NO,
        };
        if let Some(byte) = maps::admission(child.tgid()) {
            // SAFETY: the child does not run yet.
            unsafe { *byte = state.0 };
        }
        if config::VERBOSE.load() != 0 && state.is_selected() {
            debug!(&ctx, "process {} is followed", child.tgid());
        }
    }
    0
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
    let source = Typed::current();
    if let Some((record, counted)) = amend::counted(&source)
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
    0
}

/// `sched_process_exit` on kernels without BTF.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn death_raw(_ctx: RawTracePointContext) -> i32 {
    forget(bpf_get_current_pid_tgid() as u32);
    0
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
