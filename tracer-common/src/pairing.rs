//! The pairing state machine: which exit belongs to which entry (`EXIT_PATHS` section 6).

use crate::{
    abi::{NR_INVALID, SyscallId},
    loss::{Loss, Untimed},
    record::{Call, Last, TaskRecord},
};

/// What an exit turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The end of the call whose entry was seen.
    Paired(Call),
    /// A new task's first return.
    Newborn,
    /// An exit without entry in a thread of which nothing had been seen: it was in flight when tracing began.
    Unseen,
    /// An exit without entry in a known thread.
    Unpaired,
}

/// An entry: arms the record. The caller writes `t_enter` after it, so that the clock is read last.
/// Gives [`Loss::TidCollision`] when another thread's call in flight was overwritten.
#[inline(always)]
pub const fn enter(
    record: &mut TaskRecord,
    tid: u32,
    call: SyscallId,
    fast32: bool,
    sampled: bool,
) -> Option<Loss> {
    let mut loss = None;
    if record.tid != tid {
        if record.tid != 0 && (record.call.is_in() || record.call.is_exiting()) {
            loss = Some(Loss::TidCollision);
        }
        record.tid = tid;
        record.t_exit = 0;
        record.last = Last::NONE;
    }
    if call.never_returns() {
        record.call = Call::IDLE;
        record.last = Last::NONE;
    } else {
        record.call = Call::entered(call, fast32, sampled);
    }
    loss
}

/// Whether an exit ends the call whose entry was seen. `orig_ax` is the register's value at `sys_exit`.
#[inline(always)]
#[must_use]
pub const fn is_paired(record: &TaskRecord, tid: u32, orig_ax: i64) -> bool {
    record.tid == tid && record.call.is_in() && names(orig_ax, record.call.id())
}

/// An exit: which one it is. `here` is the call as `orig_ax` and `TS_COMPAT` give it now, `ret` the return value.
#[inline(always)]
#[must_use]
pub const fn exit(record: &TaskRecord, tid: u32, orig_ax: i64, here: SyscallId, ret: i64) -> Exit {
    if is_paired(record, tid, orig_ax) {
        return Exit::Paired(record.call);
    }
    if record.tid == tid && record.call.is_newborn() {
        return Exit::Newborn;
    }
    if ret == 0 && here.is_fork() && !(record.tid == tid && record.call.is_in()) {
        // The parent gets the child's id: 0 is the child, whatever its birth's record became.
        return Exit::Newborn;
    }
    if record.tid == tid { Exit::Unpaired } else { Exit::Unseen }
}

/// Whether `orig_ax` is this call's number. ABI bits do not take part: after a 64-to-32 `execve` the task is
/// compat while the number is still the 64-bit table's.
#[inline(always)]
#[must_use]
pub const fn names(orig_ax: i64, call: SyscallId) -> bool {
    let number = orig_ax as u32;
    if number == call.nr as u32 {
        return true;
    }
    // restore_sigcontext stores -1.
    if number == u32::MAX && call.is_sigreturn() {
        return true;
    }
    let number = number & !0x4000_0000;
    if number == call.nr as u32 || (call.nr == NR_INVALID && number >= NR_INVALID as u32) {
        return true;
    }
    // A new image pretends to come from its own ABI's execve: set_personality_64bit, set_personality_ia32
    // (arch/x86/kernel/process_64.c) store that number, also after execveat and across ABIs.
    call.is_exec() && matches!(number, 59 | 11 | 520)
}

/// Why an exit without entry in a known thread has no latency.
#[inline(always)]
pub const fn blame(exit: Exit, refused: bool, task_filter: bool) -> Result<Untimed, Loss> {
    match exit {
        Exit::Newborn => Ok(Untimed::ForkChild),
        Exit::Unseen => Ok(Untimed::InFlight),
        // seccomp and ptrace answer before sys_enter; the registers cannot say so, the task's mode can.
        _ if refused => Ok(Untimed::Refused),
        // The task's comm, uid or cgroup came to match while it was in the call.
        _ if task_filter => Ok(Untimed::InFlight),
        _ => Err(Loss::NoStart),
    }
}

/// A task is born: its first exit is structural. Written before the task can run.
#[inline(always)]
#[must_use]
pub const fn born(tid: u32) -> TaskRecord {
    TaskRecord { call: Call::CHILD, ..TaskRecord::unseen(tid) }
}

/// A thread other than the leader executed a program: it goes on under the leader's number.
#[inline(always)]
#[must_use]
pub const fn renamed(old: &TaskRecord, old_tid: u32, tid: u32) -> TaskRecord {
    if old.tid == old_tid { TaskRecord { tid, ..*old } } else { TaskRecord::unseen(tid) }
}

#[cfg(test)]
#[path = "pairing_tests.rs"]
mod tests;
