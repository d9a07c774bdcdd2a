//! A varied mixture of calls, for programs that should look like a working system rather than count exactly.

use std::hint::black_box;

use anyhow::{Result, ensure};

use crate::signals;
use crate::sys::{self, nr, plain};

/// The descriptors that one thread's mixture uses.
#[derive(Debug)]
pub struct Mixture {
    pipe: [i32; 2],
    gate: bool,
}

impl Mixture {
    /// Opens what the mixture needs; `gate` says whether `int $0x80` works here.
    pub fn new(gate: bool) -> Result<Self> {
        let mut pipe = [0_i32; 2];
        // SAFETY: two descriptors are written to `pipe`.
        let failed = unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) };
        ensure!(failed == 0, "pipe2: {}", std::io::Error::last_os_error());
        Ok(Self { pipe, gate })
    }

    /// One round of 20 short calls that leave by SYSRET, and one i386 call where the gate works.
    pub fn round(&self) {
        let mut byte = 0_u8;
        let [read_end, write_end] = self.pipe;
        for _ in 0..8 {
            black_box(plain(nr::GETPPID, 0, 0));
        }
        for _ in 0..4 {
            let at = (&raw mut byte) as usize;
            // SAFETY: one byte that outlives both calls.
            unsafe {
                black_box(sys::syscall(nr::WRITE, [write_end as usize, at, 1, 0, 0]));
                black_box(sys::syscall(libc::SYS_read, [read_end as usize, at, 1, 0, 0]));
            }
        }
        let word = 0_u32;
        let at = (&raw const word) as usize;
        // SAFETY: a path that lives for ever; a futex word nobody waits on.
        unsafe {
            black_box(sys::syscall(nr::OPEN, [c"/exitpath-no-such-file".as_ptr() as usize, 0, 0, 0, 0]));
            black_box(sys::syscall(libc::SYS_futex, [at, libc::FUTEX_WAKE as usize, 1, 0, 0]));
        }
        black_box(plain(nr::SCHED_YIELD, 0, 0));
        if self.gate {
            black_box(sys::int80_getppid());
        }
    }

    /// A short sleep.
    pub fn sleep(&self, ns: i64) {
        let time = libc::timespec { tv_sec: 0, tv_nsec: ns };
        // SAFETY: the request outlives the call, the remainder may be null.
        black_box(unsafe { sys::syscall(nr::NANOSLEEP, [(&raw const time) as usize, 0, 0, 0, 0]) });
    }

    /// A signal to this thread with a handler, which [`Mixture::handle_signals`] must have installed.
    pub fn signal(&self) {
        let me = plain(libc::SYS_gettid, 0, 0);
        black_box(plain(nr::TKILL, me as usize, libc::SIGUSR1 as usize));
    }

    /// A child that only exits.
    pub fn child(&self) -> Result<()> {
        // SAFETY: fork takes no argument, and the child leaves at once.
        let pid = unsafe { sys::spawn_exiting(nr::FORK, [0; 5], nr::EXIT_GROUP) };
        ensure!(pid > 0, "fork gave {pid}: raise the limit on processes");
        sys::wait_for(pid as i32).map(drop)
    }

    /// Installs the handler for [`Mixture::signal`].
    pub fn handle_signals() -> Result<()> {
        signals::reset()?;
        signals::handle(libc::SIGUSR1, signals::count, libc::SA_RESTART)
    }
}

impl Drop for Mixture {
    fn drop(&mut self) {
        for end in self.pipe {
            // SAFETY: descriptors of our own.
            unsafe { libc::close(end) };
        }
    }
}
