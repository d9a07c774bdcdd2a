//! Signal handlers for the cases: what is installed counts its own runs, so a case can prove that each came.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use anyhow::{Context, Result, ensure};

/// How often [`count`] ran in this process.
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// A handler, in the form that `SA_SIGINFO` calls.
pub type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// The handler that only counts.
pub extern "C" fn count(_signal: libc::c_int, _info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    HANDLED.fetch_add(1, SeqCst);
}

/// Runs of [`count`] so far.
#[must_use]
pub fn handled() -> u64 {
    HANDLED.load(SeqCst)
}

/// Installs `handler` for `signal`; `flags` beside `SA_SIGINFO`, such as `SA_RESTART`.
pub fn handle(signal: i32, handler: Handler, flags: i32) -> Result<()> {
    set(signal, handler as usize, flags | libc::SA_SIGINFO, None)
}

/// Installs `handler` for `signal`, with another signal blocked while it runs.
pub fn handle_blocking(signal: i32, handler: Handler, blocked: i32) -> Result<()> {
    set(signal, handler as usize, libc::SA_SIGINFO, Some(blocked))
}

/// Makes the kernel drop `signal`.
pub fn ignore(signal: i32) -> Result<()> {
    set(signal, libc::SIG_IGN, 0, None)
}

/// Gives `signal` its default action.
pub fn default(signal: i32) -> Result<()> {
    set(signal, libc::SIG_DFL, 0, None)
}

/// Signals a caller may have left ignored or blocked would change what the cases do: start from a known state.
pub fn reset() -> Result<()> {
    for signal in [
        libc::SIGCHLD,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGURG,
        libc::SIGTRAP,
        libc::SIGCONT,
        libc::SIGSYS,
    ] {
        default(signal)?;
    }
    // SAFETY: an empty set on the stack, no old set wanted.
    let failed = unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut())
    };
    ensure!(failed == 0, "cannot unblock signals: {}", std::io::Error::last_os_error());
    Ok(())
}

fn set(signal: i32, action: usize, flags: i32, blocked: Option<i32>) -> Result<()> {
    // SAFETY: a zeroed sigaction, its mask empty or of one signal, is valid; the handlers only touch atomics.
    let failed = unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action;
        new.sa_flags = flags;
        if let Some(blocked) = blocked {
            libc::sigaddset(&raw mut new.sa_mask, blocked);
        }
        libc::sigaction(signal, &raw const new, std::ptr::null_mut())
    };
    (failed == 0).then_some(()).with_context(|| {
        format!("cannot set the action of signal {signal}: {}", std::io::Error::last_os_error())
    })
}
