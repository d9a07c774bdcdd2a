//! A tracer at each system call of its child: what it looks at changes nothing, what it writes decides the exit.
//!
//! Each child makes one call a unit, checks what came back, and leaves. The calls are getpgrp, whose registers nobody
//! minds.

mod child;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use anyhow::{Result, ensure};

use child::{CARRY, SKIP, Seen, child};

use super::{Case, GETPGRP, GETPPID, HELPER, TKILL};
use crate::expect::Give;
use crate::sys::{nr, plain};
use crate::tracee::{Register, Resume, Stop, Tracee};

/// A case of [`at_exit`].
const fn written(
    name: &'static str,
    what: &'static str,
    run: fn(u64) -> Result<()>,
    gives: &'static [Give],
) -> Case {
    Case { name, what, section: "2, ptrace SETREGS", run, gives, ..Case::USUAL }
}

const SYSRET: &[Give] = &[Give::sysret(GETPGRP), HELPER[0], HELPER[1], HELPER[2]];
const IRET: &[Give] = &[Give::iret(GETPGRP), HELPER[0], HELPER[1], HELPER[2]];
const STEPPED: &[Give] = &[Give::iret(GETPGRP).reason("tf"), HELPER[0], HELPER[1], HELPER[2]];

pub static CASES: &[Case] = &[
    written("ptrace-look", "a tracer stops a call at entry and exit, and only looks", look, SYSRET),
    written("ptrace-rax", "a tracer changes the return value", rax, SYSRET),
    Case {
        beyond_tracepoints: true,
        ..written("ptrace-rip", "a tracer changes RIP at the exit stop", rip, IRET)
    },
    Case {
        beyond_tracepoints: true,
        ..written("ptrace-flags", "a tracer changes the flags at the exit stop", flags, IRET)
    },
    Case {
        beyond_tracepoints: true,
        ..written("ptrace-rcx", "a tracer changes RCX at the exit stop", rcx, IRET)
    },
    written("ptrace-rip-rcx", "a tracer changes RIP and RCX alike at the exit stop", rip_rcx, SYSRET),
    Case {
        section: "2, PTRACE_SINGLESTEP",
        ..written("ptrace-step", "a tracer steps over the call and beyond", step, STEPPED)
    },
    Case {
        section: "2, PTRACE_SINGLESTEP",
        beyond_tracepoints: true,
        ..written(
            "ptrace-step-off",
            "a tracer steps over the call, and stops stepping at its exit",
            step_off,
            SYSRET,
        )
    },
    Case {
        section: "6, PTRACE_SYSEMU",
        ..written("ptrace-sysemu", "a tracer answers in the kernel's place", emulate, SYSRET)
    },
    Case {
        name: "ptrace-cancel",
        what: "a tracer sets the number to -1 at the entry stop",
        section: "6, TRACE-skip",
        run: cancel,
        gives: &[Give::sysret((nr::NEGATIVE, "-1")).error("ENOSYS"), HELPER[0], HELPER[1], HELPER[2]],
        renames: &[(nr::GETPGRP, nr::NEGATIVE)],
        ..Case::USUAL
    },
    Case {
        name: "ptrace-rename",
        what: "a tracer makes getppid of getpgrp at the entry stop",
        section: "6, ptrace changed nr",
        run: rename,
        gives: &[Give::sysret(GETPPID), HELPER[0], HELPER[1], HELPER[2]],
        renames: &[(nr::GETPGRP, nr::GETPPID)],
        ..Case::USUAL
    },
    Case {
        name: "ptrace-stop",
        what: "a SIGSTOP to oneself that the tracer suppresses",
        section: "2, signal suppressed by tracer; 9",
        run: stop,
        gives: &[Give::sysret(TKILL), HELPER[0], HELPER[1], HELPER[2]],
        ..Case::USUAL
    },
];

/// A return value that getpgrp cannot give.
const ANSWER: i64 = 0x7abc_def0;
/// What the child's getppid must answer.
static PARENT: AtomicU32 = AtomicU32::new(0);

/// Looks like no address of code.
const MARK: i64 = 0x1234;

/// Goes to the child's next entry; it must be getpgrp.
fn enter(child: &Tracee, how: Resume) -> Result<()> {
    child.to_call(how)?;
    let number = child.get(Register::OrigRax)?;
    ensure!(number == nr::GETPGRP, "the child made call {number}");
    Ok(())
}

/// `write` at the exit stop of every call.
fn at_exit(count: u64, check: fn(Seen) -> bool, write: fn(&Tracee) -> Result<()>) -> Result<()> {
    let child = child(count, check)?;
    for _ in 0..count {
        enter(&child, Resume::Syscall)?;
        child.to_call(Resume::Syscall)?;
        write(&child)?;
    }
    child.finish(Resume::Run)
}

fn look(count: u64) -> Result<()> {
    at_exit(count, |seen| seen.ret >= 0 && !seen.skipped, |child| child.get(Register::Rax).map(drop))
}

fn rax(count: u64) -> Result<()> {
    at_exit(count, |seen| seen.ret == ANSWER, |child| child.set(Register::Rax, ANSWER))
}

fn rip(count: u64) -> Result<()> {
    at_exit(count, |seen| seen.skipped, |child| child.set(Register::Rip, child.get(Register::Rip)? + SKIP))
}

fn flags(count: u64) -> Result<()> {
    at_exit(
        count,
        // Xor clears carry again, so it must not run: see `rip`, whose write comes with this one.
        |seen| seen.flags & CARRY != 0 && seen.skipped,
        |child| {
            child.set(Register::Flags, child.get(Register::Flags)? | CARRY as i64)?;
            // RIP and RCX alike, which is SYSRET by itself: only the flags decide.
            rip_and_rcx(child)
        },
    )
}

fn rcx(count: u64) -> Result<()> {
    at_exit(count, |seen| seen.rcx == MARK as u64, |child| child.set(Register::Rcx, MARK))
}

fn rip_rcx(count: u64) -> Result<()> {
    at_exit(count, |seen| seen.skipped, rip_and_rcx)
}

fn rip_and_rcx(child: &Tracee) -> Result<()> {
    let rip = child.get(Register::Rip)? + SKIP;
    child.set(Register::Rip, rip)?;
    child.set(Register::Rcx, rip)
}

/// Steps from the entry stop, so the first trap is the call's own exit.
fn stepped(count: u64, after: impl Fn(&Tracee) -> Result<()>) -> Result<()> {
    let child = child(count, |seen| seen.ret >= 0)?;
    for _ in 0..count {
        enter(&child, Resume::Syscall)?;
        let stop = child.resume(Resume::Step, 0)?;
        ensure!(stop == Stop::Signal(libc::SIGTRAP), "a step over the call ended in {stop:?}");
        after(&child)?;
    }
    child.finish(Resume::Run)
}

fn step(count: u64) -> Result<()> {
    stepped(count, |child| {
        // One step more: the trap flag stays set until the call has returned.
        let stop = child.resume(Resume::Step, 0)?;
        ensure!(stop == Stop::Signal(libc::SIGTRAP), "a step after the call ended in {stop:?}");
        Ok(())
    })
}

fn step_off(count: u64) -> Result<()> {
    // Resumed otherwise, the kernel clears the trap flag before the call returns.
    stepped(count, |_| Ok(()))
}

fn emulate(count: u64) -> Result<()> {
    let child = child(count, |seen| seen.ret == ANSWER)?;
    for _ in 0..count {
        enter(&child, Resume::Emulate)?;
        child.set(Register::Rax, ANSWER)?;
    }
    child.finish(Resume::Run)
}

fn cancel(count: u64) -> Result<()> {
    at_entry(count, |seen| seen.ret == -i64::from(libc::ENOSYS), nr::NEGATIVE)
}

fn rename(count: u64) -> Result<()> {
    PARENT.store(std::process::id(), SeqCst);
    at_entry(count, |seen| seen.ret == i64::from(PARENT.load(SeqCst)), nr::GETPPID)
}

/// Changes the number at the entry stop of every call.
fn at_entry(count: u64, check: fn(Seen) -> bool, number: i64) -> Result<()> {
    let child = child(count, check)?;
    for _ in 0..count {
        enter(&child, Resume::Syscall)?;
        child.set(Register::OrigRax, number)?;
        child.to_call(Resume::Syscall)?;
    }
    child.finish(Resume::Run)
}

fn stop(count: u64) -> Result<()> {
    let child = Tracee::fork(move || {
        // Asked for once, by a number that no case counts.
        let me = plain(libc::SYS_gettid, 0, 0) as usize;
        let failed = (0..count).any(|_| plain(nr::TKILL, me, libc::SIGSTOP as usize) != 0);
        i32::from(failed)
    })?;
    for _ in 0..count {
        let stop = child.resume(Resume::Run, 0)?;
        ensure!(stop == Stop::Signal(libc::SIGSTOP), "expected SIGSTOP, not {stop:?}");
    }
    child.finish(Resume::Run)
}
