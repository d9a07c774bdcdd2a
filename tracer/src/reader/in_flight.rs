//! Calls that have begun and not ended: "blocked in futex for 12 s".

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use tracer_common::{SyscallId, TaskRecord, layout::RECORDS};

use super::Reader;

/// A thread inside a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlightCall {
    /// The thread.
    pub tid: u32,
    /// Its call.
    pub call: SyscallId,
    /// Since when, in ns; `None` when the call is not timed.
    pub age_ns: Option<u64>,
}

impl Reader {
    /// Threads inside calls, the longest first. The table is read while it changes: a call that ends at this
    /// moment may be shown.
    pub fn in_flight(&self) -> io::Result<Vec<InFlightCall>> {
        let now = monotonic_ns();
        let mut calls: Vec<_> = copy(&self.records)?
            .into_iter()
            .filter(|record| record.tid != 0 && record.call.is_in())
            .map(|record| InFlightCall {
                tid: record.tid,
                call: record.call.id(),
                age_ns: record.call.is_sampled().then(|| now.saturating_sub(record.t_enter)),
            })
            .collect();
        calls.sort_by_key(|call| (std::cmp::Reverse(call.age_ns), call.tid));
        Ok(calls)
    }
}

/// The table of records: one look-up of the whole `.bss`.
fn copy(map: &OwnedFd) -> io::Result<Vec<TaskRecord>> {
    const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;
    #[repr(C)]
    struct Attributes {
        fd: u32,
        pad: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let mut table = vec![TaskRecord::default(); RECORDS];
    let key = 0_u32;
    let attributes = Attributes {
        fd: map.as_raw_fd() as u32,
        pad: 0,
        key: &raw const key as u64,
        value: table.as_mut_ptr() as u64,
        flags: 0,
    };
    // SAFETY: `.bss` has the table's size, which was checked when the map was taken.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_ELEM, &raw const attributes, size_of::<Attributes>())
    };
    if result == 0 { Ok(table) } else { Err(io::Error::last_os_error()) }
}

/// The clock of `bpf_ktime_get_ns`.
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid pointer; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
