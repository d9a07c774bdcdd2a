//! Two threads on one CPU that hand a byte to and fro: each read waits for the other thread, so each is a switch.

use std::{
    io::{self, PipeReader, PipeWriter, pipe},
    os::fd::{AsRawFd as _, RawFd},
    thread::{self, JoinHandle},
};

use super::Operation;

/// The byte that is handed over.
const GO: u8 = 0;
/// The byte that ends the partner.
const END: u8 = 1;

/// This thread's side.
pub struct Switch {
    to: PipeWriter,
    from: PipeReader,
    partner: Option<JoinHandle<()>>,
}

impl Switch {
    /// Starts the partner, which inherits this thread's CPU.
    pub fn start() -> Result<Self, String> {
        let failed = |error: io::Error| format!("no pipe or no thread: {error}");
        let (theirs, to) = pipe().map_err(failed)?;
        let (from, ours) = pipe().map_err(failed)?;
        let spawned = thread::Builder::new().stack_size(64 << 10).spawn(move || {
            block_signals();
            while matches!(read(theirs.as_raw_fd()), Ok(GO)) && write(ours.as_raw_fd(), GO).is_ok() {}
        });
        Ok(Self { to, from, partner: Some(spawned.map_err(failed)?) })
    }
}

impl Operation for Switch {
    /// A round trip is two switches.
    fn run(&mut self, times: u64) -> Result<(), String> {
        let failed = |error: io::Error| format!("the pipe between the threads failed: {error}");
        for _ in 0..times / 2 {
            write(self.to.as_raw_fd(), GO).map_err(failed)?;
            read(self.from.as_raw_fd()).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // A partner that is gone has nothing to end.
        let _ = write(self.to.as_raw_fd(), END);
        if let Some(partner) = self.partner.take() {
            let _ = partner.join();
        }
    }
}

/// A signal would make the partner's read another kind of return.
fn block_signals() {
    // SAFETY: a full set, this thread's own mask.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

/// `readv` rather than `read`: libraries and runtimes use it hardly, so that a tracer beside counts these alone.
fn read(fd: RawFd) -> io::Result<u8> {
    let mut byte = END;
    let part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: one byte that outlives the call.
    match unsafe { libc::readv(fd, &raw const part, 1) } {
        1 => Ok(byte),
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn write(fd: RawFd, byte: u8) -> io::Result<()> {
    let part = libc::iovec { iov_base: (&raw const byte).cast_mut().cast(), iov_len: 1 };
    // SAFETY: one byte that outlives the call, which only reads it.
    match unsafe { libc::writev(fd, &raw const part, 1) } {
        1 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_comes_back_and_the_partner_ends() {
        let mut pair = Switch::start().unwrap();
        assert_eq!(pair.run(10), Ok(()));
        drop(pair);
    }
}
