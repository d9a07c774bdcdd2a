//! Ctrl-C: noted, and acted upon between two steps, when it is known what has to be detached.

use anyhow::{Result, ensure};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    INTERRUPTED.store(true, SeqCst);
}

/// From here on SIGINT and SIGTERM no longer end the task at once.
pub fn watch() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler only stores to an atomic.
        unsafe { libc::signal(signal, note as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    }
}

/// An error once somebody wants the task to end. What is attached is held by values that the error drops.
pub fn check() -> Result<()> {
    ensure!(!INTERRUPTED.load(SeqCst), "interrupted; nothing is left attached");
    Ok(())
}
