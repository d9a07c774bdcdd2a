//! A command that waits to be traced: forked before anything is attached, executed when tracing has begun.

use std::{
    ffi::{CString, OsString},
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
};

/// A child process that waits for [`Command::start`].
pub struct Command {
    pid: libc::pid_t,
    go: Option<std::fs::File>,
    failed: std::fs::File,
    name: String,
}

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No process.
    #[error("cannot start {name}: {why}")]
    Fork {
        /// The program.
        name: String,
        /// The system's reason.
        why: String,
    },
    /// The program cannot be executed.
    #[error("cannot execute {name}: {why}; give a program in PATH or its path after `--`")]
    Exec {
        /// The program.
        name: String,
        /// The system's reason.
        why: String,
        /// 127 when it does not exist, 126 otherwise, as shells say it.
        exit_code: u8,
    },
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Exited(u8),
    /// By a signal.
    Signaled(u8),
}

impl Ended {
    /// The exit code that shells give: 128 and the signal's number.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128_u8.wrapping_add(signal),
        }
    }
}

impl Command {
    /// Forks the child. Must be called while the process has one thread.
    pub fn prepare(words: &[OsString]) -> Result<Self, CommandError> {
        let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let fork = |why: String| CommandError::Fork { name: name.clone(), why };
        let strings: Vec<CString> = words
            .iter()
            .map(|word| CString::new(word.as_bytes()))
            .collect::<Result<_, _>>()
            .map_err(|_| fork("an argument holds a NUL byte".into()))?;
        let mut pointers: Vec<*const libc::c_char> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        let (wait, go) = pipe().map_err(|error| fork(error.to_string()))?;
        let (failed, report) = pipe().map_err(|error| fork(error.to_string()))?;
        // SAFETY: one thread, so the child may do what it likes; it only makes system calls before execvp.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(fork(io::Error::last_os_error().to_string())),
            0 => {
                drop((go, failed));
                child(&wait, &report, &pointers)
            }
            _ => Ok(Self { pid, go: Some(go.into()), failed: failed.into(), name }),
        }
    }

    /// The child's process number.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid as u32
    }

    /// Lets the child execute its program; an error when it cannot.
    pub fn start(&mut self) -> Result<(), CommandError> {
        let name = self.name.clone();
        if let Some(mut go) = self.go.take()
            && let Err(error) = go.write_all(b"g")
        {
            return Err(CommandError::Fork { name, why: error.to_string() });
        }
        let mut code = [0_u8; 4];
        // The pipe closes when the program is executed, and carries the error number when it is not.
        if self.failed.read_exact(&mut code).is_err() {
            return Ok(());
        }
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(code));
        let exit_code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
        Err(CommandError::Exec { name, why: error.to_string(), exit_code })
    }

    /// Whether the child has ended. Does not wait.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.wait(libc::WNOHANG)
    }

    /// Waits for its end.
    #[must_use]
    pub fn finish(&self) -> Ended {
        loop {
            if let Some(ended) = self.wait(0) {
                return ended;
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(self.pid, signal) };
    }

    fn wait(&self, options: i32) -> Option<Ended> {
        let mut status = 0;
        // SAFETY: a valid pointer, our own child.
        match unsafe { libc::waitpid(self.pid, &raw mut status, options) } {
            pid if pid == self.pid => Some(if libc::WIFSIGNALED(status) {
                Ended::Signaled(libc::WTERMSIG(status) as u8)
            } else {
                Ended::Exited(libc::WEXITSTATUS(status) as u8)
            }),
            -1 if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted => Some(Ended::Exited(0)),
            _ => None,
        }
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        // Never started: its pipe closes, and it ends by itself.
        if self.go.take().is_some() {
            let _ended = self.finish();
        }
    }
}

/// Close-on-exec, so that the program does not inherit them.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: two new descriptors that nobody else owns.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

fn child(wait: &OwnedFd, report: &OwnedFd, arguments: &[*const libc::c_char]) -> ! {
    let mut byte = 0_u8;
    // SAFETY: system calls on our own descriptors and NULL-terminated arguments; nothing is allocated.
    unsafe {
        if libc::read(wait.as_raw_fd(), (&raw mut byte).cast(), 1) == 1 {
            // The Rust runtime ignores SIGPIPE; a program expects the default.
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            libc::execvp(arguments[0], arguments.as_ptr());
            let code = *libc::__errno_location();
            libc::write(report.as_raw_fd(), (&raw const code).cast(), size_of_val(&code));
        }
        libc::_exit(127)
    }
}
