//! A child under ptrace, driven from one system call stop to the next.
//!
//! Stops are waited for by `waitid`, which no case counts; only the child's end takes the counted `wait4`.

use std::io::Error;

use anyhow::{Result, bail, ensure};

use crate::sys;

/// `offsetof(struct user, regs.REGISTER)`, for `PTRACE_PEEKUSER` and `PTRACE_POKEUSER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// R11, which SYSRET takes the flags from.
    R11 = 6 * 8,
    /// The return value.
    Rax = 10 * 8,
    /// RCX, which SYSRET takes RIP from.
    Rcx = 11 * 8,
    /// The number.
    OrigRax = 15 * 8,
    /// The instruction to go on with.
    Rip = 16 * 8,
    /// The flags.
    Flags = 18 * 8,
}

/// How a stopped child goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// To the next system call's entry or exit.
    Syscall = libc::PTRACE_SYSCALL as isize,
    /// For one instruction.
    Step = libc::PTRACE_SINGLESTEP as isize,
    /// To the next system call, which the kernel does not run.
    Emulate = libc::PTRACE_SYSEMU as isize,
    /// To the next signal or the end.
    Run = libc::PTRACE_CONT as isize,
}

/// Why the child does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At a system call, entry or exit.
    Syscall,
    /// Before this signal is delivered; SIGTRAP after a single step.
    Signal(i32),
    /// It is gone.
    Ended,
}

/// A traced child that stands still.
#[derive(Debug)]
pub struct Tracee {
    pid: i32,
}

impl Tracee {
    /// Forks a child that asks to be traced and stops, then runs `body` and leaves with the code it gives. Should this
    /// process die, so does the child.
    pub fn fork(body: impl FnOnce() -> i32) -> Result<Self> {
        let pid = sys::fork_with(|| {
            // SAFETY: no pointers; the parent waits for the stop.
            let failed = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } != 0;
            if failed {
                sys::say(&format!("the child cannot be traced: {}", Error::last_os_error()));
                return 1;
            }
            let me = std::process::id() as usize;
            // By tgkill, which no case counts; some libraries' raise masks signals, which one counts.
            // SAFETY: plain numbers; stops this process until its tracer resumes it.
            let _ = unsafe { sys::syscall(libc::SYS_tgkill, [me, me, libc::SIGSTOP as usize, 0, 0]) };
            body()
        })?;
        let child = Self { pid };
        let stop = child.wait()?;
        ensure!(stop == Stop::Signal(libc::SIGSTOP), "the traced child did not stop: {stop:?}");
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        child.request(libc::PTRACE_SETOPTIONS, 0, options as usize)?;
        Ok(child)
    }

    /// Resumes the child, with `signal` if it is not 0, and waits for its next stop.
    pub fn resume(&self, how: Resume, signal: i32) -> Result<Stop> {
        self.request(how as isize as libc::c_uint, 0, signal as usize)?;
        self.wait()
    }

    /// Resumes it, and fails unless it then stands at a system call.
    pub fn to_call(&self, how: Resume) -> Result<()> {
        let stop = self.resume(how, 0)?;
        ensure!(stop == Stop::Syscall, "expected the child at a system call, not {stop:?}");
        Ok(())
    }

    /// Reads a register of the stopped child.
    pub fn get(&self, register: Register) -> Result<i64> {
        // The raw call stores what the wrapper gives back.
        let mut value = 0_i64;
        self.request(libc::PTRACE_PEEKUSER, register as usize, (&raw mut value) as usize)?;
        Ok(value)
    }

    /// Writes a register of the stopped child.
    pub fn set(&self, register: Register, value: i64) -> Result<()> {
        self.request(libc::PTRACE_POKEUSER, register as usize, value as usize)
    }

    /// Lets the child run to its end, which must be clean; signals that come are suppressed.
    pub fn finish(self, how: Resume) -> Result<()> {
        while self.resume(how, 0)? != Stop::Ended {}
        sys::wait_ok(self.pid, "the traced child")
    }

    fn request(&self, request: libc::c_uint, address: usize, data: usize) -> Result<()> {
        let args = [request as usize, self.pid as usize, address, data, 0];
        // SAFETY: PEEKUSER's data points to a word of ours, all other requests take numbers.
        let got = unsafe { sys::syscall(libc::SYS_ptrace, args) };
        ensure!(got == 0, "ptrace request {request} gave {got}: is tracing forbidden here?");
        Ok(())
    }

    fn wait(&self) -> Result<Stop> {
        let wait = |options| {
            // SAFETY: a zeroed siginfo, filled by the call.
            unsafe {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                let failed = libc::waitid(libc::P_PID, self.pid as u32, &raw mut info, options) != 0;
                ensure!(!failed, "waitid: {}", Error::last_os_error());
                Ok((info.si_code, info.si_status()))
            }
        };
        // The end is left for wait4; a stop is taken.
        let (code, status) = wait(libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT)?;
        match code {
            libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED => return Ok(Stop::Ended),
            libc::CLD_TRAPPED | libc::CLD_STOPPED => {}
            other => bail!("waitid gave si_code {other}"),
        }
        wait(libc::WSTOPPED)?;
        Ok(if status == libc::SIGTRAP | 0x80 { Stop::Syscall } else { Stop::Signal(status & 0x7f) })
    }
}
