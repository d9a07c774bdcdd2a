//! A command that waits to be traced: forked before anything is attached, executed when tracing has begun.

use std::{
    env,
    ffi::{CString, OsString},
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    time::{Duration, Instant},
};

/// Names the descriptor that gets one byte once everything is attached: for whoever started us, not for the command.
pub const READY_FD: &str = "EXITPATH_READY_FD";

/// A child process that waits for [`Command::start`].
pub struct Command {
    pid: libc::pid_t,
    go: Option<std::fs::File>,
    failed: std::fs::File,
    name: String,
    ended: Option<Ended>,
}

/// How long a command may take to end after SIGTERM before it gets SIGKILL.
const PATIENCE: Duration = Duration::from_secs(3);

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
        // SAFETY: one thread; the variable is for us, not for the command.
        unsafe { env::remove_var(READY_FD) };
        // SAFETY: one thread, so the child may do what it likes; it only makes system calls before execvp.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(fork(io::Error::last_os_error().to_string())),
            0 => {
                drop((go, failed));
                child(&wait, &report, &pointers)
            }
            _ => Ok(Self { pid, go: Some(go.into()), failed: failed.into(), name, ended: None }),
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
    pub fn ended(&mut self) -> Option<Ended> {
        if self.ended.is_none() {
            let mut status = 0;
            // SAFETY: a valid pointer, our own child.
            let found = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
            self.ended = match found {
                0 => None,
                pid if pid == self.pid && libc::WIFSIGNALED(status) => {
                    Some(Ended::Signaled(libc::WTERMSIG(status) as u8))
                }
                pid if pid == self.pid => Some(Ended::Exited(libc::WEXITSTATUS(status) as u8)),
                // Interrupted: ask again. No such child: somebody else waited for it.
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => None,
                _ => Some(Ended::Exited(0)),
            };
        }
        self.ended
    }

    /// Ends it if it still runs: asks, and does not wait for ever.
    pub fn terminate(&mut self) -> Ended {
        self.signal(libc::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            if Instant::now() >= deadline {
                self.signal(libc::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: i32) {
        if self.ended().is_none() {
            // SAFETY: our own child, not waited for yet.
            unsafe { libc::kill(self.pid, signal) };
        }
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        // Never started: its pipe closes, and it ends by itself. Started, and we failed: it is not left behind.
        drop(self.go.take());
        self.terminate();
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
