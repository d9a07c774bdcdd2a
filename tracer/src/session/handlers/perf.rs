//! A program on an event: `perf_event_open`, then `PERF_EVENT_IOC_SET_BPF`. The program then runs for every hit on
//! every CPU, until the descriptor is closed.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use super::kprobe_events;

/// Any syscall tracepoint will do: it diverts every call of the machine from the fast path.
pub const DIVERSION: &str = "raw_syscalls/sys_exit";
const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;
/// `PERF_ATTR_SIZE_VER0`: every kernel knows these.
const SIZE: usize = 64;

#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    /// Sample period and type, read format.
    unused: [u64; 3],
    flags: u64,
    rest: [u64; 2],
}
/// `disabled`: the event itself counts nothing. Its hits run the program all the same; and the kernel need not
/// schedule all the others anew for each further one.
const DISABLED: u64 = 1;
const _: () = assert!(size_of::<Attributes>() == SIZE);

/// Switches the event with this number on.
pub fn switch_on(id: u64) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: PERF_TYPE_TRACEPOINT,
        size: SIZE as u32,
        config: id,
        flags: DISABLED,
        ..Attributes::default()
    };
    // SAFETY: the attributes live through the call. Any task, CPU 0: a program on the event does not care.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            -1_i32,
            0_i32,
            -1_i32,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor of ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Switches a syscall tracepoint on until the value is dropped: every call of a partial-frame kernel then takes the slow
/// path.
pub fn divert() -> io::Result<OwnedFd> {
    switch_on(kprobe_events::event_id(DIVERSION)?)
}

/// Attaches a program to the event with this number.
pub fn attach(id: u64, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let event = switch_on(id)?;
    // SAFETY: two descriptors.
    let failed = unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_SET_BPF, program.as_raw_fd()) };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(event)
}
