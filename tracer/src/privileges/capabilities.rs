//! Capabilities (capabilities(7)): five sets, a copy of each in every thread.

use std::{fmt, thread};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError, runtime};

use super::PrivilegeError;

/// Why a capability has to stay, as a part of a sentence.
pub type Reason = &'static str;

/// What was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Permitted before and not after.
    pub gone: Vec<Capability>,
    /// Still permitted, with the reason.
    pub kept: Vec<(Capability, Reason)>,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gone, kept } = self;
        match gone.as_slice() {
            [] if kept.is_empty() => f.write_str("capabilities: had none to drop")?,
            [] => f.write_str("capabilities: dropped none")?,
            // root's are all there are.
            gone if gone.len() > 8 => write!(f, "capabilities: dropped {}", gone.len())?,
            gone => {
                let names: Vec<_> = gone.iter().map(ToString::to_string).collect();
                write!(f, "capabilities: dropped {}", names.join(" "))?;
            }
        }
        if kept.is_empty() && !gone.is_empty() {
            return f.write_str(", kept none");
        }
        for (at, (capability, reason)) in kept.iter().enumerate() {
            write!(f, "{} {capability} ({reason})", if at == 0 { ", kept" } else { "," })?;
        }
        Ok(())
    }
}

/// Whether this thread may use a capability now.
#[must_use]
pub fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

/// Empties all sets of this thread but for those in `keep` that it has. For good: the bounding set is emptied too where
/// the kernel lets us (`CAP_SETPCAP`).
pub fn drop_all_but(keep: &[(Capability, Reason)]) -> Result<Dropped, PrivilegeError> {
    let refused = |what: &'static str| move |error: CapsError| PrivilegeError::refused(what, error);
    let before = caps::read(None, CapSet::Permitted).map_err(refused("reading capabilities"))?;
    let kept: Vec<_> = keep.iter().copied().filter(|(one, _)| before.contains(one)).collect();
    let mut rest = CapsHashSet::new();
    rest.extend(kept.iter().map(|&(one, _)| one));

    if has(Capability::CAP_SETPCAP) {
        for one in runtime::procfs_all_supported(None).unwrap_or_else(|_| runtime::thread_all_supported()) {
            caps::drop(None, CapSet::Bounding, one).map_err(refused("dropping the bounding set"))?;
        }
    }
    // Before 4.3 there is no such set.
    if runtime::ambient_set_supported().is_ok() {
        caps::clear(None, CapSet::Ambient).map_err(refused("dropping ambient capabilities"))?;
    }
    // Effective before permitted: it must be a part of it.
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &rest).map_err(refused("dropping capabilities"))?;
    }
    caps::clear(None, CapSet::Inheritable).map_err(refused("dropping inheritable capabilities"))?;

    let mut gone: Vec<_> = before.difference(&rest).copied().collect();
    gone.sort_unstable_by_key(Capability::index);
    Ok(Dropped { gone, kept })
}

/// What `ask` answers in a thread that may use no capability: whether the process could do without. `None` where that
/// cannot be tried.
pub fn without_any<T: Send>(ask: impl FnOnce() -> T + Send) -> Option<T> {
    let there = || caps::clear(None, CapSet::Effective).ok().map(|()| ask());
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, there).ok()?;
        thread.join().ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_said_and_what_stays_with_its_reason() {
        let all = Dropped { gone: vec![Capability::CAP_PERFMON, Capability::CAP_BPF], kept: vec![] };
        assert_eq!(all.to_string(), "capabilities: dropped CAP_PERFMON CAP_BPF, kept none");
        let some = Dropped {
            gone: vec![Capability::CAP_BPF],
            kept: vec![(Capability::CAP_KILL, "to end it"), (Capability::CAP_BPF, "to read")],
        };
        assert_eq!(
            some.to_string(),
            "capabilities: dropped CAP_BPF, kept CAP_KILL (to end it), CAP_BPF (to read)"
        );
        let root = Dropped { gone: vec![Capability::CAP_BPF; 40], kept: vec![] };
        assert_eq!(root.to_string(), "capabilities: dropped 40, kept none");
        assert_eq!(Dropped::default().to_string(), "capabilities: had none to drop");
        let needed = Dropped { gone: vec![], kept: vec![(Capability::CAP_BPF, "to read")] };
        assert_eq!(needed.to_string(), "capabilities: dropped none, kept CAP_BPF (to read)");
    }

    /// Sets are a thread's own, so a test may drop what it has in a thread that ends.
    #[test]
    fn sets_are_empty_afterwards_but_for_what_is_kept() {
        let keep = [(Capability::CAP_KILL, "t")];
        thread::spawn(move || {
            let had = caps::read(None, CapSet::Permitted).unwrap();
            let dropped = drop_all_but(&keep).unwrap();
            let now = |set| caps::read(None, set).unwrap();
            let rest: CapsHashSet = had.iter().copied().filter(|&one| one == Capability::CAP_KILL).collect();
            assert_eq!((now(CapSet::Permitted), now(CapSet::Effective)), (rest.clone(), rest.clone()));
            assert!(now(CapSet::Inheritable).is_empty() && now(CapSet::Ambient).is_empty());
            assert_eq!((dropped.gone.len(), dropped.kept.len()), (had.len() - rest.len(), rest.len()));
            if had.contains(&Capability::CAP_SETPCAP) {
                assert!(now(CapSet::Bounding).is_empty());
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn trying_without_changes_nothing_here() {
        let before = caps::read(None, CapSet::Effective).unwrap();
        assert_eq!(without_any(|| has(Capability::CAP_BPF)), Some(false));
        assert_eq!(caps::read(None, CapSet::Effective).unwrap(), before);
    }
}
