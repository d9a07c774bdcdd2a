//! Diagnostics of the kernel programs (`-v`), line by line on standard error.

use std::{future::Future, io};

use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use super::Session;

struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("exitpath: kernel: {}", record.args());
    }

    fn flush(&self) {}
}

/// Runs until it is dropped. Must be called inside the event loop.
pub fn follow(session: &mut Session) -> io::Result<impl Future<Output = ()> + use<>> {
    let logger = EbpfLogger::init_with_logger(&mut session.ebpf, Stderr).map_err(io::Error::other)?;
    // SAFETY: the logger owns its ring buffer's descriptor, always the same one, until it is dropped.
    let mut logger = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) }?;
    Ok(async move {
        while let Ok(mut guard) = logger.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    })
}
