//! The one privilege that is needed again and again: `BPF_ENABLE_STATS` asks for `CAP_SYS_ADMIN` each time, and with that
//! capability one owns the machine. So a process of its own keeps it, and can do nothing else with it: it turns the
//! statistics on when asked and hands the descriptor over, whose last close turns them off.

use std::{
    io::{self, Read as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    thread,
    time::Duration,
};

use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use sendfd::{RecvWithFd as _, SendWithFd as _};

use super::{Capability, PrivilegeError, drop_all_but, has, no_new_privileges, syscalls};

/// How long an answer may take: a process that was stopped must not stop us.
const PATIENCE: Duration = Duration::from_secs(1);
/// Its name in process lists (at most 15 bytes).
const NAME: &std::ffi::CStr = c"exitpath-stats";
const BPF_ENABLE_STATS: libc::c_long = 32;
const ASK: u8 = b'?';
const GIVEN: u8 = b'y';
const REFUSED: u8 = b'n';

/// The process that keeps `CAP_SYS_ADMIN`. It ends with this value, and with the process that holds it.
#[derive(Debug)]
pub struct Keeper {
    // Declared first, closed first: the end of the stream ends the process.
    socket: Option<UnixStream>,
    pid: libc::pid_t,
}

impl Keeper {
    /// Starts it, where this process has the capability. Must be called while the process has one thread, and before it
    /// holds programs.
    pub fn start() -> io::Result<Option<Self>> {
        if !has(Capability::CAP_SYS_ADMIN) {
            return Ok(None);
        }
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        // SAFETY: one thread, so the child may do what it likes.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                let end = keep(theirs, ours);
                // SAFETY: nothing of the parent's is flushed or run.
                unsafe { libc::_exit(i32::from(end.is_err())) }
            }
            pid => Ok(Some(Self { socket: Some(ours), pid })),
        }
    }

    /// Turns the statistics on until the descriptor is closed.
    pub fn enable(&self) -> io::Result<OwnedFd> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        // A process that ended must not end us: no SIGPIPE (the Rust runtime ignores it), an error instead.
        socket.send_with_fd(&[ASK], &[])?;
        let (mut answer, mut fds) = ([0], [-1]);
        match socket.recv_with_fd(&mut answer, &mut fds)? {
            // SAFETY: a new descriptor that nobody else owns.
            (1, 1) => Ok(unsafe { OwnedFd::from_raw_fd(fds[0]) }),
            (1, 0) if answer == [REFUSED] => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Its process number.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid as u32
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.socket.take());
        // It ends by itself; whoever inherits us waits for it if it does not end at once.
        for _ in 0..50 {
            // SAFETY: our own child.
            if unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), libc::WNOHANG) } != 0 {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The process: answers until its peer is gone.
fn keep(socket: UnixStream, peer: UnixStream) -> Result<(), PrivilegeError> {
    drop(peer);
    let mut socket = alone(socket).map_err(|error| PrivilegeError::refused("closing descriptors", error))?;
    no_new_privileges()?;
    drop_all_but(&[(Capability::CAP_SYS_ADMIN, "to turn statistics on")])?;
    confine().map_err(|error| PrivilegeError::refused("seccomp", error))?;
    let mut asked = [0];
    while matches!(socket.read(&mut asked), Ok(1)) {
        let sent = match enable() {
            Ok(fd) => socket.send_with_fd(&[GIVEN], &[fd.as_raw_fd()]),
            Err(_) => socket.send_with_fd(&[REFUSED], &[]),
        };
        if sent.is_err() {
            break;
        }
    }
    Ok(())
}

/// Keeps nothing of the parent's but the socket, and does not heed what a terminal sends to both.
fn alone(socket: UnixStream) -> io::Result<UnixStream> {
    // SAFETY: plain numbers and a constant name; descriptors that this process does not use any more are closed, and
    // those that it uses are owned once.
    unsafe {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr());
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        let moved = libc::dup2(socket.as_raw_fd(), 0);
        if moved != 0 {
            return Err(io::Error::last_os_error());
        }
        std::mem::forget(socket);
        // Of 5.9; before that, one by one.
        if libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0) != 0 {
            for fd in 1..1024 {
                libc::close(fd);
            }
        }
        Ok(UnixStream::from_raw_fd(moved))
    }
}

/// Nothing but asking, answering and ending; anything else kills it, and then there are no statistics.
fn confine() -> io::Result<()> {
    let filter = || {
        let enable = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Eq,
            BPF_ENABLE_STATS.unsigned_abs(),
        )?;
        let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> = [
            libc::SYS_read,
            libc::SYS_recvfrom,
            libc::SYS_sendmsg,
            libc::SYS_close,
            // std asks whether a descriptor is open before it closes it.
            libc::SYS_fcntl,
            libc::SYS_exit_group,
            libc::SYS_rt_sigreturn,
            // The allocator.
            libc::SYS_brk,
            libc::SYS_munmap,
        ]
        .map(|call| (call, Vec::new()))
        .into();
        rules.insert(libc::SYS_bpf, vec![SeccompRule::new(vec![enable])?]);
        syscalls::compile(rules, SeccompAction::KillProcess, SeccompAction::Allow)
    };
    syscalls::install(&filter().map_err(io::Error::other)?, syscalls::Log::Nothing)
}

fn enable() -> io::Result<OwnedFd> {
    const BPF_STATS_RUN_TIME: u32 = 0;
    let attributes = BPF_STATS_RUN_TIME;
    // SAFETY: `type` is the whole of this command's attributes.
    let fd =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_ENABLE_STATS, &raw const attributes, size_of::<u32>()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
