//! Which probes a plan's programs sit on.

use super::{kprobe_events::Probe, names::Target};

/// A program and where it sits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name in the object.
    pub program: &'static str,
    /// Its probe.
    pub probe: Probe,
}

/// Calls that may wait in a handler at once: the most that `kprobe_events` grants.
const MANY: u32 = 4096;
/// The same where nothing waits for others: preempted in the handler, faulting, or waiting for a lock.
const SOME: u32 = 256;

/// The probe of a program on a function of the entry code; programs at a return end in `_ret`.
#[must_use]
pub fn on(program: &'static str, symbol: &str) -> Attachment {
    let probe = if program.ends_with("_ret") { Probe::ret(symbol, MANY) } else { Probe::entry(symbol) };
    Attachment { program, probe }
}

/// The probes of the handlers: the returns last, so that every return that is seen has had its entry seen.
#[must_use]
pub fn handlers(targets: &[Target]) -> Vec<Attachment> {
    let entry = |target: &Target| Attachment { program: "handler", probe: Probe::entry(&target.symbol) };
    let ret = |target: &Target| {
        let room = if target.blocking { MANY } else { SOME };
        Attachment { program: "handler_ret", probe: Probe::ret(&target.symbol, room) }
    };
    targets.iter().map(entry).chain(targets.iter().map(ret)).collect()
}
