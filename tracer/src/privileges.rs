//! Giving up what is no longer needed once the programs are attached: capabilities, new privileges, most system calls,
//! most files.
//!
//! All of it is a property of a thread, inherited by the threads that it starts. So it is given up while there is one
//! thread, and never taken back.

mod capabilities;
mod files;
mod syscalls;

mod statistics;

use std::{
    fmt, fs, io, thread,
    time::{Duration, Instant},
};

pub use capabilities::{Dropped, Reason, drop_all_but, has, without_any};
pub use caps::Capability;
pub use files::{Files, restrict as restrict_files};
pub use statistics::Keeper;
pub use syscalls::{Work, restrict as restrict_syscalls};

/// How long a thread may take to vanish.
const GONE: Duration = Duration::from_secs(5);

/// Why privileges could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// They would be given up by one thread of several.
    #[error("{0} threads run, and each has privileges of its own")]
    Threads(usize),
    /// The kernel refused.
    #[error("{what}: {why}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        why: String,
    },
}

impl PrivilegeError {
    fn refused(what: &'static str, why: impl fmt::Display) -> Self {
        Self::Refused { what, why: why.to_string() }
    }
}

/// What a process that runs for long can no longer do; its `Display` is the line that is logged.
#[derive(Debug)]
pub struct Confinement {
    /// Capabilities.
    pub capabilities: Dropped,
    /// The level of the filter on files and ports.
    pub files: String,
    /// Whether the filter on system calls is on, or why not.
    pub syscalls: Result<(), String>,
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capabilities, files, syscalls } = self;
        write!(f, "{capabilities}; no new privileges; ")?;
        match syscalls {
            Ok(()) => f.write_str("seccomp on")?,
            Err(why) => write!(f, "seccomp off ({why})")?,
        }
        write!(f, "; {files}")
    }
}

/// Gives up everything but the capabilities in `keep` and the `files`. Capabilities go or it is an error; the two filters are there
/// where the kernel has them.
pub fn confine(
    keep: &[(Capability, Reason)],
    files: &Files,
    work: Work,
) -> Result<Confinement, PrivilegeError> {
    let capabilities = give_up(keep)?;
    let files = restrict_files(files)?;
    // Last: it refuses the calls that made the others.
    let syscalls = restrict_syscalls(work).map_err(|error| error.to_string());
    Ok(Confinement { capabilities, files, syscalls })
}

/// Gives up capabilities and new privileges alone.
pub fn give_up(keep: &[(Capability, Reason)]) -> Result<Dropped, PrivilegeError> {
    one_thread()?;
    no_new_privileges()?;
    drop_all_but(keep)
}

/// A program that this process starts gets nothing that the process has not.
pub fn no_new_privileges() -> Result<(), PrivilegeError> {
    // SAFETY: plain numbers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0 {
        return Ok(());
    }
    Err(PrivilegeError::refused("refusing new privileges", io::Error::last_os_error()))
}

/// A thread that was joined is still listed for a moment: the kernel says that it ended before it takes it away.
fn one_thread() -> Result<(), PrivilegeError> {
    let end = Instant::now() + GONE;
    loop {
        match fs::read_dir("/proc/self/task").map(Iterator::count) {
            Ok(1) => return Ok(()),
            Ok(_) if Instant::now() < end => thread::sleep(Duration::from_millis(1)),
            Ok(threads) => return Err(PrivilegeError::Threads(threads)),
            Err(why) => return Err(PrivilegeError::refused("counting threads", why)),
        }
    }
}
