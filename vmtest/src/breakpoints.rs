//! An oracle below every tracer: execution breakpoints in the processor, counted by perf. They change no instruction
//! and raise no flag of a task, so that what they count is what ran.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Context, Result, ensure};

const PERF_TYPE_BREAKPOINT: u32 = 5;
const HW_BREAKPOINT_X: u32 = 4;
/// `PERF_ATTR_SIZE_VER1`: up to the breakpoint's length.
const SIZE: u32 = 72;

#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample: [u64; 3],
    flags: u64,
    wakeup: u32,
    bp_type: u32,
    bp_addr: u64,
    bp_len: u64,
}

/// A counter of the executions of a function's first instruction by this thread.
pub struct Breakpoint(OwnedFd);

impl Breakpoint {
    /// At the kernel function with this name.
    pub fn on(symbol: &str) -> Result<Self> {
        let address = address(symbol)?;
        let attributes = Attributes {
            kind: PERF_TYPE_BREAKPOINT,
            size: SIZE,
            bp_type: HW_BREAKPOINT_X,
            bp_addr: address,
            bp_len: size_of::<u64>() as u64,
            ..Attributes::default()
        };
        // SAFETY: the attributes live through the call; this thread, any CPU.
        let fd = unsafe { libc::syscall(libc::SYS_perf_event_open, &raw const attributes, 0, -1, -1, 0) };
        ensure!(fd >= 0, "no breakpoint on {symbol}: {}", io::Error::last_os_error());
        // SAFETY: a new descriptor.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// How often it was hit so far.
    pub fn count(&self) -> Result<u64> {
        let mut count = 0_u64;
        // SAFETY: eight bytes of our own.
        let read = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
        ensure!(read == 8, "the breakpoint's counter cannot be read");
        Ok(count)
    }
}

fn address(symbol: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/kallsyms").context("no /proc/kallsyms")?;
    let line = text.lines().find(|line| line.split_whitespace().nth(2) == Some(symbol));
    let line = line.with_context(|| format!("this kernel has no {symbol}"))?;
    let address = line.split_whitespace().next().and_then(|text| u64::from_str_radix(text, 16).ok());
    address.filter(|&address| address != 0).with_context(|| format!("the address of {symbol} is hidden"))
}
