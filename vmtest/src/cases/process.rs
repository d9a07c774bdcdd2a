//! New processes and threads: the parent returns by SYSRET, the child's first return is structurally an IRET.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use anyhow::{Context, Result, ensure};

use super::{CLONE, CLONE3, Case, EXECVE, EXIT, FORK, FORK_CHILD, VFORK, WAIT4};
use crate::expect::{Give, Path};
use crate::sys::{self, nr};

pub static CASES: &[Case] = &[
    Case {
        name: "fork",
        what: "fork; the child leaves at once",
        section: "0 fact 3; 6",
        run: fork,
        gives: &[Give::sysret(FORK), Give::iret(FORK).reason(FORK_CHILD), Give::sysret(WAIT4)],
        ..Case::USUAL
    },
    Case {
        name: "vfork",
        what: "vfork; the child leaves at once",
        section: "0 fact 3; 6",
        run: vfork,
        gives: &[Give::sysret(VFORK), Give::iret(VFORK).reason(FORK_CHILD), Give::sysret(WAIT4)],
        ..Case::USUAL
    },
    Case {
        name: "clone",
        what: "clone of a process; the child leaves at once",
        section: "0 fact 3; 6",
        run: clone,
        gives: &[Give::sysret(CLONE), Give::iret(CLONE).reason(FORK_CHILD), Give::sysret(WAIT4)],
        ..Case::USUAL
    },
    Case {
        name: "clone3",
        what: "clone3 of a process; the child leaves at once",
        section: "0 fact 3; 6",
        run: clone3,
        gives: &[Give::sysret(CLONE3), Give::iret(CLONE3).reason(FORK_CHILD), Give::sysret(WAIT4)],
        ..Case::USUAL
    },
    Case {
        name: "thread",
        what: "clone of a thread, which leaves at once by exit",
        section: "0 fact 3; 6",
        run: thread,
        gives: &[
            Give::sysret(CLONE),
            Give::iret(CLONE).reason(FORK_CHILD),
            Give::new(EXIT, Path::Sysret, 0),
            Give::new(EXIT, Path::Iret, 0),
        ],
        ..Case::USUAL
    },
    Case {
        name: "exec",
        what: "a child that executes this program's noop",
        section: "2, execve success; 9",
        run: exec,
        gives: &[
            Give::sysret(FORK),
            Give::iret(FORK).reason(FORK_CHILD),
            Give::sysret(WAIT4),
            Give::iret(EXECVE).cause("exec"),
        ],
        ..Case::USUAL
    },
];

const SIGCHLD: usize = libc::SIGCHLD as usize;

/// `count` children that only exit, each waited for by one `wait4`.
fn children(count: u64, what: &str, call: i64, args: [usize; 5]) -> Result<()> {
    for _ in 0..count {
        // SAFETY: the callers pass arguments that make a process with its own or a lent stack.
        let pid = unsafe { sys::spawn_exiting(call, args, nr::EXIT_GROUP) };
        ensure!(pid > 0, "{what} gave {pid}: raise the limit on processes");
        sys::wait_ok(pid as i32, what)?;
    }
    Ok(())
}

pub fn fork(count: u64) -> Result<()> {
    children(count, "fork", nr::FORK, [0; 5])
}

pub fn vfork(count: u64) -> Result<()> {
    children(count, "vfork", nr::VFORK, [0; 5])
}

pub fn clone(count: u64) -> Result<()> {
    children(count, "clone", nr::CLONE, [SIGCHLD, 0, 0, 0, 0])
}

pub fn clone3(count: u64) -> Result<()> {
    // `struct clone_args` of version 0: eight words, of which the fifth is the exit signal.
    let mut args = [0_u64; 8];
    args[4] = SIGCHLD as u64;
    children(count, "clone3", nr::CLONE3, [(&raw const args) as usize, size_of_val(&args), 0, 0, 0])
}

pub fn thread(count: u64) -> Result<()> {
    const WORDS: usize = 512;
    let flags = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID;
    let mut stack = vec![0_u128; WORDS];
    // Its own FS base: an oracle below the kernel tells threads apart by it.
    let local = Box::new([0_u64; 8]);
    let tid = AtomicU32::new(0);
    for _ in 0..count {
        let tid_at = tid.as_ptr() as usize;
        let top = stack.as_mut_ptr_range().end as usize;
        let args = [flags as usize, top, tid_at, tid_at, local.as_ptr() as usize];
        // SAFETY: stack and local block outlive the thread, whose end is awaited below.
        let got = unsafe { sys::spawn_exiting(nr::CLONE, args, nr::EXIT) };
        ensure!(got > 0, "clone of a thread gave {got}: raise the limit on processes");
        loop {
            let now = tid.load(SeqCst);
            if now == 0 {
                break;
            }
            // SAFETY: a futex word of our own; the kernel clears and wakes it when the thread is gone.
            unsafe { libc::syscall(libc::SYS_futex, tid_at, libc::FUTEX_WAIT, now, 0_usize) };
        }
    }
    Ok(())
}

pub fn exec(count: u64) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell this program's own path: mount /proc")?;
    let path = CString::new(program.as_os_str().as_bytes())?;
    let argv = [path.as_ptr(), c"noop".as_ptr(), std::ptr::null()];
    let envp = [std::ptr::null::<libc::c_char>()];
    for _ in 0..count {
        let pid = sys::fork_with(|| {
            let call = [path.as_ptr() as usize, argv.as_ptr() as usize, envp.as_ptr() as usize, 0, 0];
            // SAFETY: a path and two null-terminated lists, all alive.
            let error = unsafe { sys::syscall(nr::EXECVE, call) };
            -error as i32
        })?;
        sys::wait_ok(pid, "the executed program")?;
    }
    Ok(())
}
