//! Why a session could not be opened, and what the user can do about it.

use std::io;

use crate::kernel::probe::chain;

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Built without the programs.
    #[error("this exitpath was built without its eBPF programs: run `cargo xtask setup` and build again")]
    Stub,
    /// The kernel's types cannot be read.
    #[error("the kernel's type information cannot be used: {0}; `exitpath doctor` says what is missing")]
    Btf(String),
    /// Refused.
    #[error(
        "the kernel does not let this process trace ({what}: {why}); run it as root, or with CAP_BPF and \
         CAP_PERFMON, and see `exitpath doctor`"
    )]
    Refused {
        /// What was tried.
        what: String,
        /// What the kernel said.
        why: String,
    },
    /// A function that exists but takes no program.
    #[error("{what} takes no program on this kernel ({why}): choose another --plan, or none")]
    Unattachable {
        /// The function.
        what: String,
        /// What the kernel said.
        why: String,
    },
    /// Maps do not fit.
    #[error("no memory for the maps ({0}); use fewer --max-series, or --precision 1")]
    Memory(String),
    /// Maps of kernels before 5.11 count as locked memory.
    #[error(
        "no memory for the maps: this kernel counts them as locked memory, of which this process may have {limit} \
         bytes; raise the limit (ulimit -l unlimited), or give CAP_SYS_RESOURCE too"
    )]
    LockedMemory {
        /// `RLIMIT_MEMLOCK`.
        limit: u64,
    },
    /// Something else.
    #[error("{what}: {why}; please report it with the output of `exitpath doctor`")]
    Other {
        /// What was tried.
        what: String,
        /// What went wrong.
        why: String,
    },
}

impl SessionError {
    /// What was tried and what the kernel said, without the advice.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Stub | Self::Btf(_) => self.to_string(),
            Self::Refused { what, why } | Self::Unattachable { what, why } | Self::Other { what, why } => {
                format!("{what}: {why}")
            }
            Self::LockedMemory { limit } => format!("creating the maps: RLIMIT_MEMLOCK is {limit} bytes"),
            Self::Memory(why) => format!("creating the maps: {why}"),
        }
    }

    /// Whether another plan may work where this one did not.
    #[must_use]
    pub const fn is_about_plan(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unattachable { .. } | Self::Other { .. } | Self::Btf(_))
    }
}

/// Sorts aya's errors by what the user can do about them.
pub fn classify(what: &str, error: &(dyn std::error::Error + 'static)) -> SessionError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut code = None;
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            code = io.raw_os_error();
        }
        next = error.source();
    }
    match code {
        Some(number @ (libc::EPERM | libc::EACCES)) if !chain(error).contains("processed ") => {
            SessionError::Refused { what: what.into(), why: io::Error::from_raw_os_error(number).to_string() }
        }
        // fentry answers so where the function's entry is no ftrace site, or is taken.
        Some(number @ (libc::EBUSY | libc::EINVAL)) if !chain(error).contains("processed ") => {
            SessionError::Unattachable {
                what: what.into(),
                why: io::Error::from_raw_os_error(number).to_string(),
            }
        }
        Some(libc::ENOMEM) => SessionError::Memory(chain(error)),
        _ => SessionError::Other { what: what.into(), why: shorten(&chain(error)) },
    }
}

/// A verifier's log is thousands of lines: the verdict stands at its end.
fn shorten(text: &str) -> String {
    const KEPT: usize = if cfg!(debug_assertions) { 3000 } else { 300 };
    let count = text.chars().count();
    if count <= 2 * KEPT {
        return text.to_owned();
    }
    let head: String = text.chars().take(KEPT).collect();
    let tail: String = text.chars().skip(count - KEPT).collect();
    format!("{head} [...] {tail}")
}
