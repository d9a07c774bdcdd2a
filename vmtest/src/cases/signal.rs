//! Signals to oneself: with one thread they are handled on the way out of the call that sent them.

use anyhow::{Result, ensure};

use super::{BY_SIGNAL, Case, KILL, SIGPROCMASK, SIGRETURN};
use crate::expect::{Give, Path};
use crate::signals;
use crate::sys::{self, must, nr, plain};

pub static CASES: &[Case] = &[
    Case {
        name: "kill-self",
        what: "a signal to oneself with a handler",
        section: "2, signal with handler; 9",
        run: kill_self,
        gives: &[Give::iret(KILL).cause(BY_SIGNAL), Give::sysret(SIGRETURN)],
        ..Case::USUAL
    },
    Case {
        name: "ignored",
        what: "two signals to oneself that the kernel drops, one by SIG_IGN and one by default",
        section: "2, signal ignored",
        run: ignored,
        gives: &[Give::new(KILL, Path::Sysret, 2)],
        ..Case::USUAL
    },
    Case {
        name: "masked",
        what: "a blocked signal to oneself, delivered by the call that unblocks it",
        section: "2, signal with handler",
        run: masked,
        gives: &[
            Give::sysret(KILL),
            Give::sysret(SIGPROCMASK),
            // The workload's own start, which unblocks everything.
            Give::sysret(SIGPROCMASK).once(),
            Give::iret(SIGPROCMASK).cause(BY_SIGNAL),
            Give::sysret(SIGRETURN),
        ],
        ..Case::USUAL
    },
];

/// `kill(getpid(), signal)` with a pid asked for once, outside the count.
fn kill_me(signal: i32) -> Result<()> {
    must("kill", plain(nr::KILL, std::process::id() as usize, signal as usize), 0)
}

pub fn kill_self(count: u64) -> Result<()> {
    signals::handle(libc::SIGUSR1, signals::count, libc::SA_RESTART)?;
    let before = signals::handled();
    (0..count).try_for_each(|_| kill_me(libc::SIGUSR1))?;
    all_handled(before, count)
}

pub fn ignored(count: u64) -> Result<()> {
    signals::ignore(libc::SIGUSR2)?;
    signals::default(libc::SIGURG)?;
    (0..count).try_for_each(|_| kill_me(libc::SIGUSR2).and_then(|()| kill_me(libc::SIGURG)))
}

pub fn masked(count: u64) -> Result<()> {
    signals::handle(libc::SIGUSR1, signals::count, libc::SA_RESTART)?;
    let before = signals::handled();
    for _ in 0..count {
        mask(libc::SIG_BLOCK)?;
        kill_me(libc::SIGUSR1)?;
        mask(libc::SIG_UNBLOCK)?;
    }
    all_handled(before, count)
}

/// Blocks or unblocks SIGUSR1 by exactly one `rt_sigprocmask`.
fn mask(how: i32) -> Result<()> {
    let set: u64 = 1 << (libc::SIGUSR1 - 1);
    // SAFETY: the kernel's set is one 64-bit word, which outlives the call; no old set wanted.
    let got = unsafe {
        sys::syscall(nr::RT_SIGPROCMASK, [how as usize, (&raw const set) as usize, 0, size_of_val(&set), 0])
    };
    must("rt_sigprocmask", got, 0)
}

fn all_handled(before: u64, count: u64) -> Result<()> {
    let ran = signals::handled() - before;
    ensure!(ran == count, "{ran} handlers ran for {count} signals");
    Ok(())
}
