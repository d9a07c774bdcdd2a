//! What a running session still needs of the kernel, found by trying without.

use std::os::fd::AsFd as _;

use super::{Session, info};
use crate::privileges::{Capability, Reason, has, without_any};

const WHY: Reason = "this kernel lets nobody else read what it counts of our programs";

impl Session {
    /// Capabilities without which our own programs' statistics, and with them what was missed, cannot be read. Up to
    /// 5.18 the kernel lets nobody else use bpf(2) at all where `kernel.unprivileged_bpf_disabled` is set (commit
    /// c8644cd0efe7).
    #[must_use]
    pub fn needs(&self) -> Vec<(Capability, Reason)> {
        let first = self.plan.programs.iter().find_map(|one| self.ebpf.program(one.name)?.fd().ok());
        let readable = first.is_none_or(|fd| {
            let fd = fd.as_fd();
            without_any(|| info::read(fd).is_ok()) == Some(true)
        });
        if readable {
            return Vec::new();
        }
        // Before 5.8 it was a part of CAP_SYS_ADMIN.
        let able = [Capability::CAP_BPF, Capability::CAP_SYS_ADMIN].into_iter().find(|&one| has(one));
        able.map(|one| (one, WHY)).into_iter().collect()
    }
}
