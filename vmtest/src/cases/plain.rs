//! Calls that return a value or an error and nothing else: all leave by SYSRET.

use anyhow::Result;

use super::{Case, EXECVE, GETPPID, NANOSLEEP, OPEN};
use crate::expect::Give;
use crate::sys::{self, must, nr, plain};

pub static CASES: &[Case] = &[
    Case {
        name: "getppid",
        what: "the shortest call there is",
        section: "1.1",
        run: getppid,
        gives: &[Give::sysret(GETPPID)],
        ..Case::USUAL
    },
    Case {
        name: "open-fail",
        what: "open of a path that does not exist",
        section: "2, plain return",
        run: open_fail,
        gives: &[Give::sysret(OPEN).error("ENOENT")],
        ..Case::USUAL
    },
    Case {
        name: "errnos",
        what: "five calls that fail, each with another error",
        section: "2, plain return",
        run: errnos,
        gives: &[
            Give::sysret((nr::DUP, "dup")).error("EBADF"),
            Give::sysret((nr::PIPE, "pipe")).error("EFAULT"),
            Give::sysret((nr::GETPGID, "getpgid")).error("ESRCH"),
            Give::sysret((nr::GETPRIORITY, "getpriority")).error("EINVAL"),
            Give::sysret((nr::RMDIR, "rmdir")).error("ENOTDIR"),
        ],
        ..Case::USUAL
    },
    Case {
        name: "write-null",
        what: "one byte to /dev/null",
        section: "2, plain return",
        run: write_null,
        gives: &[Give::sysret((nr::WRITE, "write")), Give::sysret(OPEN).once()],
        ..Case::USUAL
    },
    Case {
        name: "sched-yield",
        what: "sched_yield: rescheduling alone changes no register",
        section: "2, resched alone",
        run: sched_yield,
        gives: &[Give::sysret((nr::SCHED_YIELD, "sched_yield"))],
        ..Case::USUAL
    },
    Case {
        name: "nanosleep",
        what: "nanosleep of 1 us, not interrupted",
        section: "2, plain return",
        run: nanosleep,
        gives: &[Give::sysret(NANOSLEEP)],
        ..Case::USUAL
    },
    Case {
        name: "exec-fail",
        what: "execve of a path that does not exist",
        section: "2, execve failure",
        run: exec_fail,
        gives: &[Give::sysret(EXECVE).error("ENOENT")],
        ..Case::USUAL
    },
];

const MISSING: &std::ffi::CStr = c"/exitpath-no-such-file";

/// Runs `call` `count` times, which must answer `want` each time.
fn repeat(count: u64, what: &str, want: i64, call: impl Fn() -> i64) -> Result<()> {
    (0..count).try_for_each(|_| must(what, call(), want))
}

pub fn getppid(count: u64) -> Result<()> {
    // The first of them says what the others must answer.
    let parent = plain(nr::GETPPID, 0, 0);
    repeat(count - 1, "getppid", parent, || plain(nr::GETPPID, 0, 0))
}

pub fn open_fail(count: u64) -> Result<()> {
    repeat(count, "open", -i64::from(libc::ENOENT), || {
        // SAFETY: a C string that lives for ever.
        unsafe { sys::syscall(nr::OPEN, [MISSING.as_ptr() as usize, 0, 0, 0, 0]) }
    })
}

pub fn errnos(count: u64) -> Result<()> {
    const NOBODY: usize = 0x3fff_ffff;
    const BAD_WHICH: usize = 99;
    repeat(count, "dup(-1)", -i64::from(libc::EBADF), || plain(nr::DUP, usize::MAX, 0))?;
    repeat(count, "pipe(NULL)", -i64::from(libc::EFAULT), || plain(nr::PIPE, 0, 0))?;
    repeat(count, "getpgid(nobody)", -i64::from(libc::ESRCH), || plain(nr::GETPGID, NOBODY, 0))?;
    repeat(count, "getpriority(bad)", -i64::from(libc::EINVAL), || plain(nr::GETPRIORITY, BAD_WHICH, 0))?;
    repeat(count, "rmdir(/dev/null)", -i64::from(libc::ENOTDIR), || {
        // SAFETY: a C string that lives for ever.
        unsafe { sys::syscall(nr::RMDIR, [c"/dev/null".as_ptr() as usize, 0, 0, 0, 0]) }
    })
}

pub fn write_null(count: u64) -> Result<()> {
    // SAFETY: a C string that lives for ever.
    let null =
        unsafe { sys::syscall(nr::OPEN, [c"/dev/null".as_ptr() as usize, libc::O_WRONLY as usize, 0, 0, 0]) };
    anyhow::ensure!(null >= 0, "open(/dev/null) gave {null}: mount devtmpfs on /dev");
    let byte = 0_u8;
    repeat(count, "write", 1, || {
        // SAFETY: one byte that outlives the call.
        unsafe { sys::syscall(nr::WRITE, [null as usize, (&raw const byte) as usize, 1, 0, 0]) }
    })
}

pub fn sched_yield(count: u64) -> Result<()> {
    repeat(count, "sched_yield", 0, || plain(nr::SCHED_YIELD, 0, 0))
}

pub fn nanosleep(count: u64) -> Result<()> {
    let microsecond = libc::timespec { tv_sec: 0, tv_nsec: 1_000 };
    repeat(count, "nanosleep", 0, || {
        // SAFETY: the request outlives the call, the remainder may be null.
        unsafe { sys::syscall(nr::NANOSLEEP, [(&raw const microsecond) as usize, 0, 0, 0, 0]) }
    })
}

pub fn exec_fail(count: u64) -> Result<()> {
    let none: [usize; 1] = [0];
    repeat(count, "execve", -i64::from(libc::ENOENT), || {
        let none = (&raw const none) as usize;
        // SAFETY: a C string that lives for ever, empty argument and environment lists.
        unsafe { sys::syscall(nr::EXECVE, [MISSING.as_ptr() as usize, none, none, 0, 0]) }
    })
}
