//! The signals that end tracing, and the descriptor that says it has begun.

use std::{fs::File, io, io::Write as _, os::fd::FromRawFd as _, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    command::READY_FD,
    error::{CANNOT_TRACE, CliError},
};

/// Caught from here on: what arrives while nobody waits is kept for who waits next.
pub struct Signals {
    /// Ctrl-C.
    pub interrupt: Signal,
    /// The end of this process is asked for.
    pub terminate: Signal,
    /// A child has ended.
    pub child: Signal,
}

impl Signals {
    /// Begins to catch them; needs the event loop.
    pub fn catch() -> Result<Self, CliError> {
        let caught = |kind| {
            let failed =
                |error: io::Error| CliError::told(CANNOT_TRACE, &format!("cannot catch signals: {error}"));
            signal(kind).map_err(failed)
        };
        Ok(Self {
            interrupt: caught(SignalKind::interrupt())?,
            terminate: caught(SignalKind::terminate())?,
            child: caught(SignalKind::child())?,
        })
    }

    /// Waits for this long; the number of the signal that ended the wait, if one did.
    pub async fn within(&mut self, time: Duration) -> Option<i32> {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Some(libc::SIGINT),
            _ = self.terminate.recv() => Some(libc::SIGTERM),
            () = tokio::time::sleep(time) => None,
        }
    }
}

/// The loop that everything waits in; of one thread, as forking commands asks for.
pub fn event_loop() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::told(CANNOT_TRACE, &format!("cannot start the event loop: {error}")))
}

/// Where whoever started us wants to hear that everything is attached: the descriptor in [`READY_FD`]. It is not
/// handed on to a command.
#[must_use]
pub fn ready_descriptor() -> Option<File> {
    let fd = std::env::var(READY_FD).ok()?.parse::<i32>().ok().filter(|&fd| fd > 2)?;
    // SAFETY: only sets a flag of a descriptor, which may not exist.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return None;
    }
    // SAFETY: it exists, and the caller handed it over.
    Some(unsafe { File::from_raw_fd(fd) })
}

/// Says so, once.
pub fn say_ready(ready: Option<File>) {
    if let Some(mut ready) = ready {
        // Whoever asked may have gone.
        let _ = ready.write_all(b"\n");
    }
}
