//! Many threads and processes, and the ends of threads that sleep.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use anyhow::{Context, Result, ensure};

use super::{BY_SIGNAL, CLONE, Case, EXECVE, FORK, FORK_CHILD, GETPPID, PAUSE, WAIT4};
use crate::expect::{Give, Path};
use crate::spawn::Thread;
use crate::stage;
use crate::sys::{self, nr, plain};

pub static CASES: &[Case] = &[
    Case {
        name: "threads",
        what: "a thread of five getppid; fifty live at a time",
        section: "6, clone",
        run: threads,
        gives: &[
            Give::sysret(CLONE),
            Give::iret(CLONE).reason(FORK_CHILD),
            Give::new(GETPPID, Path::Sysret, CALLS),
        ],
        natural: 1_000,
        ..Case::USUAL
    },
    Case {
        name: "fork-bomb",
        what: "a child of one getppid; sixty-four live at a time, all reaped",
        section: "6, fork",
        run: fork_bomb,
        gives: &[
            Give::sysret(FORK),
            Give::iret(FORK).reason(FORK_CHILD),
            Give::sysret(WAIT4),
            Give::sysret(GETPPID),
        ],
        natural: 2_000,
        ..Case::USUAL
    },
    Case {
        name: "exit-sleepers",
        what: "a process that ends while four of its threads sleep in pause, which never returns",
        section: "6, exit_group; killed while blocked",
        run: exit_sleepers,
        gives: &[
            Give::sysret(FORK),
            Give::iret(FORK).reason(FORK_CHILD),
            Give::sysret(WAIT4),
            Give::new(CLONE, Path::Sysret, SLEEPERS),
            Give::new(CLONE, Path::Iret, SLEEPERS).reason(FORK_CHILD),
            Give::iret(PAUSE).times(0).cause(BY_SIGNAL),
        ],
        ..Case::USUAL
    },
    Case {
        name: "exec-thread",
        what: "a process whose second thread executes this program's noop: it takes over the first one's id",
        section: "6, execve from a non-leader thread",
        run: exec_thread,
        gives: &[
            Give::sysret(FORK),
            Give::iret(FORK).reason(FORK_CHILD),
            Give::sysret(WAIT4),
            Give::sysret(CLONE),
            Give::iret(CLONE).reason(FORK_CHILD),
            Give::iret(EXECVE).cause("exec"),
        ],
        ..Case::USUAL
    },
    Case {
        name: "exec-thread-fail",
        what: "a thread whose execve fails, in a process that lives on",
        section: "2, execve failure",
        run: exec_thread_fail,
        gives: &[
            Give::sysret(EXECVE).error("ENOENT"),
            Give::sysret(CLONE).once(),
            Give::iret(CLONE).once().reason(FORK_CHILD),
        ],
        ..Case::USUAL
    },
];

/// getppid of each thread.
const CALLS: u64 = 5;
/// Threads alive together: with 64 KiB of stack each, a small guest holds them.
const TOGETHER: u64 = 50;
/// Children alive together: below every usual limit, enough to crowd two CPUs.
const CHILDREN: u64 = 64;
/// Threads asleep when their process ends.
const SLEEPERS: u64 = 4;

extern "C" fn calls(_: usize) {
    for _ in 0..CALLS {
        let _ = plain(nr::GETPPID, 0, 0);
    }
}

fn threads(count: u64) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let now = left.min(TOGETHER);
        // Dropping them waits for them.
        (0..now).map(|_| Thread::start(calls, 0)).collect::<Result<Vec<_>>>()?;
        left -= now;
    }
    Ok(())
}

fn fork_bomb(count: u64) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let now = left.min(CHILDREN);
        let children: Vec<i32> = (0..now)
            .map(|_| sys::fork_with(|| i32::from(plain(nr::GETPPID, 0, 0) < 0)))
            .collect::<Result<_>>()?;
        children.into_iter().try_for_each(|child| sys::wait_ok(child, "a child of many"))?;
        left -= now;
    }
    Ok(())
}

extern "C" fn sleep(_: usize) {
    let _ = plain(nr::PAUSE, 0, 0);
}

fn exit_sleepers(count: u64) -> Result<()> {
    for _ in 0..count {
        let child = sys::fork_with(|| {
            let asleep = (0..SLEEPERS).try_for_each(|_| {
                let thread = Thread::start(sleep, 0)?;
                let id = thread.id();
                // It never ends by itself, so nobody may wait for it.
                std::mem::forget(thread);
                stage::until("a thread to sleep", || Ok(stage::state(id)? == b'S'))
            });
            if let Err(error) = &asleep {
                sys::say(&format!("process of sleepers: {error:#}"));
            }
            i32::from(asleep.is_err())
        })?;
        sys::wait_ok(child, "the process of sleepers")?;
    }
    Ok(())
}

/// What `execve` takes, and when.
struct Image {
    /// Whether the thread's maker is back from `clone`: the new program kills it, and it could be on its way still.
    made: AtomicBool,
    path: CString,
    argv: [*const libc::c_char; 3],
    envp: [*const libc::c_char; 1],
}

extern "C" fn execute(image: usize) {
    // SAFETY: the starter's own image, which outlives this thread or dies with the old program.
    let image = unsafe { &*(image as *const Image) };
    while !image.made.load(SeqCst) {
        // SAFETY: no descriptors, so poll only sleeps.
        let _ = unsafe { sys::syscall(libc::SYS_poll, [0, 0, 1, 0, 0]) };
    }
    let call =
        [image.path.as_ptr() as usize, image.argv.as_ptr() as usize, image.envp.as_ptr() as usize, 0, 0];
    // SAFETY: a path and two null-terminated lists, all alive.
    let _ = unsafe { sys::syscall(nr::EXECVE, call) };
}

fn exec_thread(count: u64) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell this program's own path: mount /proc")?;
    let path = CString::new(program.as_os_str().as_bytes())?;
    let argv = [path.as_ptr(), c"noop".as_ptr(), std::ptr::null()];
    let image = Image { made: AtomicBool::new(false), path, argv, envp: [std::ptr::null()] };
    for _ in 0..count {
        let child = sys::fork_with(|| {
            let thread = Thread::start(execute, (&raw const image) as usize);
            image.made.store(true, SeqCst);
            // Only if execve fails does the thread end, and this one go on.
            drop(thread);
            1
        })?;
        sys::wait_ok(child, "the program that a thread executed")?;
    }
    Ok(())
}

extern "C" fn fail_to_execute(count: usize) {
    let none: [usize; 1] = [0];
    let none = (&raw const none) as usize;
    let missing = c"/exitpath-no-such-file".as_ptr() as usize;
    for _ in 0..count {
        // SAFETY: a C string that lives for ever, empty lists.
        let got = unsafe { sys::syscall(nr::EXECVE, [missing, none, none, 0, 0]) };
        if got != -i64::from(libc::ENOENT) {
            sys::leave(4);
        }
    }
}

fn exec_thread_fail(count: u64) -> Result<()> {
    ensure!(count < 1 << 32, "{count} are too many");
    Thread::start(fail_to_execute, count as usize).map(Thread::join)
}
