//! Signals from another process, at a moment that the stage makes certain.

use anyhow::{Result, ensure};

use super::{BY_SIGNAL, Case, HELPER, NANOSLEEP, PAUSE, READV, SIGRETURN, TKILL};
use crate::expect::{Give, Path};
use crate::signals;
use crate::stage::{self, Stage};
use crate::sys::{self, must, nr, plain};

pub static CASES: &[Case] = &[
    Case {
        name: "sigreturn-async",
        what: "a signal that arrives in user code",
        section: "9, timer signal in user code",
        run: sigreturn_async,
        gives: &[
            Give::sysret(TKILL),
            Give::iret(SIGRETURN).cause("sigreturn"),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "sa-restart",
        what: "a read of an empty pipe, interrupted with SA_RESTART, restarted, ended by a write",
        section: "2, -ERESTART with handler; 9",
        run: sa_restart,
        gives: &[
            Give::sysret(TKILL),
            Give::iret(READV).cause(BY_SIGNAL),
            Give::iret(SIGRETURN).cause("sigreturn"),
            Give::sysret(READV),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "eintr",
        what: "pause, ended by a handler",
        section: "9, pause() to -EINTR",
        run: eintr,
        gives: &[
            Give::sysret(TKILL),
            Give::iret(PAUSE).cause(BY_SIGNAL).error("EINTR"),
            Give::sysret(SIGRETURN),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "stop-cont",
        what: "nanosleep, stopped and continued (restart_syscall), then ended by a handler",
        section: "6, restart_syscall",
        run: stop_cont,
        gives: &[
            Give::new(TKILL, Path::Sysret, 3),
            Give::iret(NANOSLEEP).cause("restart"),
            Give::iret((nr::RESTART_SYSCALL, "restart_syscall")).cause(BY_SIGNAL).error("EINTR"),
            Give::sysret(SIGRETURN),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
];

pub fn sigreturn_async(count: u64) -> Result<()> {
    signals::handle(libc::SIGUSR1, stage::note, libc::SA_RESTART)?;
    Stage::run(
        count,
        |stage| {
            // No call from here until the handler ran, so the signal can only come in user code.
            stage.spin_until_handled(stage.round());
            Ok(())
        },
        |helper| helper.signal(libc::SIGUSR1).and_then(|()| helper.handled()),
    )
}

pub fn sa_restart(count: u64) -> Result<()> {
    signals::handle(libc::SIGUSR1, stage::note, libc::SA_RESTART)?;
    let mut ends = [0_i32; 2];
    // SAFETY: two descriptors are written to `ends`; pipe2 is not a counted call.
    ensure!(unsafe { libc::pipe2(ends.as_mut_ptr(), 0) } == 0, "pipe2: {}", std::io::Error::last_os_error());
    let [read_end, write_end] = ends;
    Stage::run(
        count,
        |_| {
            let mut byte = 0_u8;
            let part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
            // SAFETY: one buffer of one byte, both alive until the call returns.
            let got =
                unsafe { sys::syscall(nr::READV, [read_end as usize, (&raw const part) as usize, 1, 0, 0]) };
            must("readv", got, 1)
        },
        |helper| {
            helper.asleep()?;
            helper.signal(libc::SIGUSR1)?;
            helper.handled()?;
            let byte = 1_u8;
            // The helper may not use `write`, which another case counts.
            let part = libc::iovec { iov_base: (&raw const byte).cast_mut().cast(), iov_len: 1 };
            // SAFETY: one buffer of one byte, both alive until the call returns.
            must("writev", unsafe { libc::writev(write_end, &raw const part, 1) } as i64, 1)
        },
    )
}

pub fn eintr(count: u64) -> Result<()> {
    signals::handle(libc::SIGUSR1, stage::note, 0)?;
    Stage::run(
        count,
        |_| must("pause", plain(nr::PAUSE, 0, 0), -i64::from(libc::EINTR)),
        |helper| {
            helper.asleep()?;
            helper.signal(libc::SIGUSR1)?;
            helper.handled()
        },
    )
}

pub fn stop_cont(count: u64) -> Result<()> {
    // Long enough never to run out: the case ends it by a signal, so no clock decides the count.
    let hour = libc::timespec { tv_sec: 3600, tv_nsec: 0 };
    signals::handle(libc::SIGUSR1, stage::note, 0)?;
    Stage::run(
        count,
        |_| {
            // SAFETY: the request outlives the call, the remainder may be null.
            let got = unsafe { sys::syscall(nr::NANOSLEEP, [(&raw const hour) as usize, 0, 0, 0, 0]) };
            must("nanosleep", got, -i64::from(libc::EINTR))
        },
        |helper| {
            helper.asleep()?;
            helper.signal(libc::SIGSTOP)?;
            helper.stopped()?;
            helper.signal(libc::SIGCONT)?;
            helper.asleep()?;
            helper.signal(libc::SIGUSR1)?;
            helper.handled()
        },
    )
}
