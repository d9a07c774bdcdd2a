//! Ctrl-C ends a run between two batches, with what was measured so far.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn ask(_: libc::c_int) {
    ASKED.store(true, Relaxed);
}

/// From now on SIGINT and SIGTERM ask for the end.
pub fn watch() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler stores one flag; calls that were interrupted go on.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ask as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Whether the end was asked for.
#[must_use]
pub fn asked() -> bool {
    ASKED.load(Relaxed)
}
