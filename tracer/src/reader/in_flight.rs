//! Calls that have begun and not ended: "blocked in futex for 12 s".

use tracer_common::SyscallId;

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
    #[must_use]
    pub fn in_flight(&self) -> Vec<InFlightCall> {
        let now = monotonic_ns();
        let mut calls: Vec<_> = (0..self.records.len())
            .map(|slot| self.records.get(slot))
            .filter(|record| record.tid != 0 && record.call.is_in())
            .map(|record| InFlightCall {
                tid: record.tid,
                call: record.call.id(),
                age_ns: record.call.is_sampled().then(|| now.saturating_sub(record.t_enter)),
            })
            .collect();
        calls.sort_by_key(|call| (std::cmp::Reverse(call.age_ns), call.tid));
        calls
    }
}

/// The clock of `bpf_ktime_get_ns`.
fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid pointer; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
