//! Calls that a seccomp filter answers: an exit without an entry, a signal, or no return at all.

use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use anyhow::{Result, ensure};

use super::{BY_SIGNAL, CLONE, Case, FORK, FORK_CHILD, GETPGRP, HELPER, SIGRETURN, WAIT4};
use crate::expect::{Give, Path};
use crate::filter::{self, Action};
use crate::signals;
use crate::spawn::Thread;
use crate::sys::{self, must, nr, plain};

const GETPGID: (i64, &str) = (nr::GETPGID, "getpgid");

pub static CASES: &[Case] = &[
    Case {
        name: "seccomp-errno",
        what: "getpgrp denied by the child's own filter",
        section: "6, seccomp ERRNO",
        run: errno,
        gives: &[Give::sysret(GETPGRP).error("EPERM"), HELPER[0], HELPER[1], HELPER[2]],
        ..Case::USUAL
    },
    Case {
        name: "seccomp-trap",
        what: "getpgrp that the filter makes a SIGSYS of, with a handler",
        section: "2, seccomp RET_TRAP",
        run: trap,
        gives: &[
            Give::iret(GETPGRP).cause(BY_SIGNAL),
            Give::sysret(SIGRETURN),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "seccomp-kill-thread",
        what: "a thread whose getpgrp kills it; its process lives on",
        section: "2, seccomp KILL",
        run: kill_thread,
        gives: &[
            Give::sysret(CLONE),
            Give::iret(CLONE).reason(FORK_CHILD),
            Give::new(GETPGRP, Path::Sysret, 0),
            Give::new(GETPGRP, Path::Iret, 0),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "seccomp-kill",
        what: "a process whose getpgrp kills it",
        section: "2, seccomp KILL",
        run: kill_process,
        gives: &[
            Give::sysret(FORK),
            Give::iret(FORK).reason(FORK_CHILD),
            Give::sysret(WAIT4),
            Give::new(GETPGRP, Path::Sysret, 0),
            Give::new(GETPGRP, Path::Iret, 0),
        ],
        ..Case::USUAL
    },
    Case {
        name: "seccomp-notify",
        what: "getpgrp that a supervisor answers with an error, and getpgid that it lets continue",
        section: "6, seccomp USER_NOTIF",
        run: notify,
        gives: &[
            Give::sysret(GETPGRP).error("EPERM"),
            Give::sysret(GETPGID),
            Give::sysret(CLONE).once(),
            Give::iret(CLONE).once().reason(FORK_CHILD),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
];

/// Runs `body` in a child, because a filter is for life.
fn child(body: impl FnOnce() -> Result<()>) -> Result<()> {
    let child = sys::fork_with(|| {
        let outcome = body();
        if let Err(error) = &outcome {
            sys::say(&format!("seccomp child: {error:#}"));
        }
        i32::from(outcome.is_err())
    })?;
    sys::wait_ok(child, "the child under seccomp")
}

fn errno(count: u64) -> Result<()> {
    child(|| {
        filter::install(Action::Errno(libc::EPERM), filter::GETPGRP)?;
        (0..count).try_for_each(|_| must("getpgrp", plain(nr::GETPGRP, 0, 0), -i64::from(libc::EPERM)))
    })
}

fn trap(count: u64) -> Result<()> {
    child(|| {
        signals::handle(libc::SIGSYS, signals::count, 0)?;
        let before = signals::handled();
        filter::install(Action::Trap, filter::GETPGRP)?;
        // The kernel rolls the call back: RAX is the number again, and no handler here changes it.
        (0..count).try_for_each(|_| must("getpgrp", plain(nr::GETPGRP, 0, 0), nr::GETPGRP))?;
        let ran = signals::handled() - before;
        ensure!(ran == count, "{ran} handlers ran for {count} SIGSYS");
        Ok(())
    })
}

extern "C" fn killed_by_getpgrp(_: usize) {
    let _ = plain(nr::GETPGRP, 0, 0);
    // Only if the filter did nothing: the process ends with a code that fails the case.
    sys::leave(3)
}

fn kill_thread(count: u64) -> Result<()> {
    child(|| {
        filter::install(Action::KillThread, filter::GETPGRP)?;
        (0..count).try_for_each(|_| Thread::start(killed_by_getpgrp, 0).map(Thread::join))
    })
}

fn kill_process(count: u64) -> Result<()> {
    const CORE_DUMPED: i32 = 0x80;
    for _ in 0..count {
        let child = sys::fork_with(|| {
            // No core file, whatever this machine is set to.
            // SAFETY: only sets a mark on this process.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
            if filter::install(Action::KillProcess, filter::GETPGRP).is_ok() {
                let _ = plain(nr::GETPGRP, 0, 0);
            }
            1
        })?;
        let status = sys::wait_for(child)?;
        ensure!(status & !CORE_DUMPED == libc::SIGSYS, "the child ended with wait status {status:#x}");
    }
    Ok(())
}

/// The supervisor's descriptor, once there is one.
static LISTENER: AtomicI32 = AtomicI32::new(-1);

/// `struct seccomp_notif` and `struct seccomp_notif_resp` as words, with the two `ioctl`s for them.
mod notif {
    pub const RECEIVE: usize = 0xc050_2100;
    pub const SEND: usize = 0xc018_2101;
    pub const CONTINUE: u64 = 1;
    /// id; pid and flags; then `seccomp_data`, whose first half-word is the number.
    pub type Request = [u64; 10];
    /// id; value; error, then flags in the upper half.
    pub type Answer = [u64; 3];
}

extern "C" fn supervise(_: usize) {
    loop {
        let listener = LISTENER.load(SeqCst);
        if listener < 0 {
            // SAFETY: no descriptors, so poll only sleeps.
            let _ = unsafe { sys::syscall(libc::SYS_poll, [0, 0, 1, 0, 0]) };
            continue;
        }
        let mut request: notif::Request = [0; 10];
        let at = (&raw mut request) as usize;
        // SAFETY: a zeroed request of the size that the number names.
        let got = unsafe { sys::syscall(libc::SYS_ioctl, [listener as usize, notif::RECEIVE, at, 0, 0]) };
        if got != 0 {
            continue;
        }
        let refused = request[2] as u32 == nr::GETPGRP as u32;
        let error = u64::from((-libc::EPERM) as u32);
        let answer: notif::Answer = [request[0], 0, if refused { error } else { notif::CONTINUE << 32 }];
        let at = (&raw const answer) as usize;
        // SAFETY: an answer of the size that the number names.
        let _ = unsafe { sys::syscall(libc::SYS_ioctl, [listener as usize, notif::SEND, at, 0, 0]) };
    }
}

fn notify(count: u64) -> Result<()> {
    child(|| {
        // Before the filter, so that it is not under it; it ends with this process.
        std::mem::forget(Thread::start(supervise, 0)?);
        LISTENER.store(filter::install(Action::Notify, [nr::GETPGRP, nr::GETPGID])?, SeqCst);
        for _ in 0..count {
            must("getpgrp", plain(nr::GETPGRP, 0, 0), -i64::from(libc::EPERM))?;
            let group = plain(nr::GETPGID, 0, 0);
            ensure!(group >= 0, "getpgid gave {group}");
        }
        Ok(())
    })
}
