//! Which probes a plan's programs sit on.

use super::{names::Target, probe::Probe};

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

/// The probes of the handlers, for the programs at entry and return: the returns last, so that every return that is seen
/// has had its entry seen.
#[must_use]
pub fn handlers([entry, ret]: [&'static str; 2], targets: &[Target]) -> Vec<Attachment> {
    let at = |target: &Target, program, probe: Probe| Attachment {
        program,
        probe: Probe { address: Some(target.address), ..probe },
    };
    let entry = |target: &Target| at(target, entry, Probe::entry(&target.symbol));
    let ret = |target: &Target| {
        let room = if target.blocking { MANY } else { SOME };
        at(target, ret, Probe::ret(&target.symbol, room))
    };
    targets.iter().map(entry).chain(targets.iter().map(ret)).collect()
}
