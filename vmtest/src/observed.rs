//! Returns whose path the kernel decides, counted by the case that could tell from user mode.
//!
//! Whether a restartable sequence is aborted on the way out of a call, or whether the vsyscall page is there, differs by
//! kernel, and the program sees it. Such rows cannot stand in a constant table.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::expect::Give;

/// What the cases of this process saw since the last [`take`].
static SEEN: Mutex<Vec<(Give, u64)>> = Mutex::new(Vec::new());

/// Adds `n` returns; `give` says which, its own numbers do not matter.
pub fn add(give: Give, n: u64) {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).push((give, n));
}

/// Everything seen since the last time.
pub fn take() -> Vec<(Give, u64)> {
    std::mem::take(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// An error that says: this kernel has nothing that the case could run. The case made no counted call.
#[derive(Debug)]
pub struct Unsupported(pub String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not on this kernel: {}", self.0)
    }
}

impl std::error::Error for Unsupported {}
