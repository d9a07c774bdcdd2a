//! seccomp filters that single out one system call.

use std::io::Error;

use anyhow::{Result, ensure};

use crate::sys::nr;

/// What the filter does with the call (`linux/seccomp.h`, `SECCOMP_RET_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answers with an errno.
    Errno(i32),
    /// Sends SIGSYS.
    Trap,
    /// Ends the thread.
    KillThread,
    /// Ends the process.
    KillProcess,
    /// Asks the supervisor.
    Notify,
}

impl Action {
    fn word(self) -> u32 {
        match self {
            Self::Errno(errno) => 0x0005_0000 | errno as u32,
            Self::Trap => 0x0003_0000,
            Self::KillThread => 0,
            Self::KillProcess => 0x8000_0000,
            Self::Notify => 0x7fc0_0000,
        }
    }
}

/// Puts this thread, and what it starts from now on, under a filter that does `action` for the two numbers and lets
/// everything else pass. With [`Action::Notify`] gives the supervisor's descriptor.
pub fn install(action: Action, numbers: [i64; 2]) -> Result<i32> {
    // linux/filter.h: load the number (offset 0 of seccomp_data), compare, return.
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_IF_EQUAL, 2, 0, numbers[0] as u32),
        step(JUMP_IF_EQUAL, 1, 0, numbers[1] as u32),
        step(RETURN, 0, 0, ALLOW),
        step(RETURN, 0, 0, action.word()),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let flags = if action == Action::Notify { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    // SAFETY: plain flags, then a filter that lives until the call returns.
    let got = unsafe {
        ensure!(
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
            "cannot renounce new privileges: {}",
            Error::last_os_error()
        );
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    ensure!(got >= 0, "cannot install a seccomp filter: {}", Error::last_os_error());
    Ok(got as i32)
}

/// The one number that most filters single out, twice: the filter has room for two.
pub const GETPGRP: [i64; 2] = [nr::GETPGRP; 2];
