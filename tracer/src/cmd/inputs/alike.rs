//! Whether recordings may be added up.

use std::collections::BTreeSet;

use crate::{
    environment::{self, Difference},
    error::CliError,
    metadata::{Metadata, PlanInfo},
};

/// They must be of the same thing, seen in the same way.
pub fn comparable(first: &str, one: &Metadata, name: &str, other: &Metadata) -> Result<(), CliError> {
    let mut differs = environment::obstacles(one, other);
    let mut also = |what: &str, base: &str, new: &str| {
        let known = differs.iter().any(|known| known.what == what);
        differs.extend(Difference::between(what, Some(base), Some(new)).filter(|_| !known));
    };
    // A sum is of one kernel and of the very same processes; a comparison need not be.
    also("kernel release", &one.kernel.release, &other.kernel.release);
    also("frame", &one.kernel.frame, &other.kernel.frame);
    also("filters", &one.filters.join(" "), &other.filters.join(" "));
    if differs.is_empty() {
        return Ok(());
    }
    let differs: Vec<_> = differs.iter().map(ToString::to_string).collect();
    let why = format!("they differ in {}", differs.join("; "));
    Err(CliError::usage(&format!("cannot add up {first} and {name}"), &why, "report each on its own"))
}

/// What a daemon's governor changed from segment to segment of its ring: how many calls it timed, and where it only
/// counted, perhaps the plan.
#[derive(Debug, Default)]
pub struct Governed {
    /// One call in so many was timed.
    samples: BTreeSet<u32>,
    timing: Option<PlanInfo>,
    counting: Option<PlanInfo>,
}

/// Names of fidelities, the weakest last.
const FIDELITIES: [&str; 3] = ["exact", "amended", "bounds"];

impl Governed {
    /// Of the segments with these heads.
    pub fn of<'a>(heads: impl Iterator<Item = &'a Metadata>) -> Self {
        let mut all = Self::default();
        for head in heads {
            if head.counts_only {
                all.counting.get_or_insert_with(|| head.plan.clone());
            } else {
                all.timing.get_or_insert_with(|| head.plan.clone());
                all.samples.insert(head.sample);
            }
        }
        all
    }

    /// A segment's head without what the governor changes.
    pub fn plain(&self, head: &Metadata) -> Metadata {
        let timing = self.timing.as_ref().filter(|_| head.counts_only);
        let plan = timing.unwrap_or(&head.plan).clone();
        Metadata { counts_only: false, sample: 1, plan, ..head.clone() }
    }

    /// Whether each latency is to count for as many calls as it stood for.
    pub fn is_scaled(&self) -> bool {
        self.samples.len() > 1
    }

    /// Says in the head of all what was measured: the least. A sentence about what changed, if anything did.
    pub fn settle(&self, head: &mut Metadata) -> Option<String> {
        let Some(&sample) = self.samples.last() else {
            head.counts_only = self.counting.is_some();
            return None;
        };
        head.sample = sample;
        let mut said = self.samples.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        if let Some(counting) = &self.counting {
            let rank = |name: &str| FIDELITIES.iter().position(|one| *one == name);
            if rank(&counting.fidelity) > rank(&head.plan.fidelity) {
                head.plan.fidelity.clone_from(&counting.fidelity);
            }
            let PlanInfo { name, fidelity, .. } = counting;
            said = format!("{said}; for some of it none, by plan {name} ({fidelity})");
        } else if self.samples.len() == 1 {
            return None;
        }
        Some(format!(
            "sampling changed in this time (1 call in {said}): each latency counts for as many calls as it stood for"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sample: u32, counts_only: bool, fidelity: &str) -> Metadata {
        let plan =
            PlanInfo { name: fidelity.to_owned(), fidelity: fidelity.to_owned(), ..PlanInfo::default() };
        Metadata { plan, sample, counts_only, ..Metadata::default() }
    }

    #[test]
    fn what_a_governor_changes_does_not_keep_a_ring_from_being_read() {
        let heads = [head(1, true, "amended"), head(1, false, "exact"), head(16, false, "exact")];
        let governed = Governed::of(heads.iter());
        let plain = heads.each_ref().map(|head| governed.plain(head));
        assert!(
            comparable("a", &plain[0], "b", &plain[1]).is_ok()
                && comparable("a", &plain[0], "c", &plain[2]).is_ok()
        );
        let mut all = plain[0].clone();
        let said = governed.settle(&mut all).unwrap();
        assert!(
            said.contains("(1 call in 1, 16; for some of it none, by plan amended (amended)):"),
            "{said}"
        );
        assert_eq!((all.sample, all.counts_only, &*all.plan.fidelity), (16, false, "amended"));
        assert!(governed.is_scaled());
        // All alike: nothing to say, and it is what it was.
        for one in [head(16, false, "exact"), head(1, true, "amended")] {
            let governed = Governed::of([&one, &one].into_iter());
            let mut all = governed.plain(&one);
            assert_eq!((governed.settle(&mut all), governed.is_scaled()), (None, false));
            assert_eq!(all, one);
        }
    }
}
