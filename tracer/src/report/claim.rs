//! What may be claimed of the paths: the plan's fidelity, or less.

use std::collections::BTreeMap;

use tracer_common::Loss;

use crate::{histogram::total, metadata::PlanInfo};

/// The fidelity of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `exact`, `amended` or `bounds`: never more than the plan's own.
    pub fidelity: String,
    /// Why it is less than the plan's, or what widens its bounds; `None` if nothing does.
    pub note: Option<String>,
}

/// Losses after which a path or a count is no longer certain. The others cost a latency only.
const UNCERTAIN: [Loss; 5] =
    [Loss::Recursion, Loss::SlotFull, Loss::NoStart, Loss::TidCollision, Loss::ProbeMissed];

impl Claim {
    /// `ptraced` is the number of returns whose task had a tracer: it may change the registers after the
    /// last hook. `missed` are the runs that the kernel skipped, by program.
    #[must_use]
    pub fn new(
        plan: &PlanInfo,
        ptraced: u64,
        losses: &[u64; Loss::COUNT],
        missed: &BTreeMap<String, u64>,
    ) -> Self {
        let mut causes = Vec::new();
        if ptraced > 0 {
            causes.push(format!(
                "{ptraced} returns had a ptracer, which may have changed the registers unseen"
            ));
        }
        for kind in UNCERTAIN {
            let count = losses[kind as usize];
            if count > 0 {
                causes.push(format!("{count} {}", lost(kind)));
            }
        }
        // What one such run would have followed may make any number of calls.
        let unfollowed = total(missed.iter().filter(|(name, _)| follows(name)).map(|(_, &count)| count));
        if unfollowed > 0 {
            causes.push(format!(
                "{unfollowed} of them would have followed a new process or program: its calls may be missing, however many"
            ));
        }
        if causes.is_empty() {
            return Self { fidelity: plan.fidelity.clone(), note: None };
        }
        Self { fidelity: "bounds".to_owned(), note: Some(causes.join("; ")) }
    }
}

/// Whether a program follows forks and execs, for filters and for the calls that return in a new task.
fn follows(program: &str) -> bool {
    program.starts_with("fork_") || program.starts_with("exec_")
}

const fn lost(kind: Loss) -> &'static str {
    match kind {
        Loss::Recursion => {
            "program runs were skipped by the kernel (recursion): counts may be off by as many, either way"
        }
        Loss::SlotFull => "returns found no free series and are not counted (slot-full; --max-series)",
        Loss::NoStart => "returns had no entry (no-start)",
        Loss::ProbeMissed => "probes found no room for one more call (probe-missed)",
        Loss::TidCollision => {
            "records of threads were overwritten: their calls may have lost their number (tid-collision)"
        }
        Loss::ClockBack | Loss::ReaderLate => "latencies are missing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(fidelity: &str) -> PlanInfo {
        PlanInfo { fidelity: fidelity.to_owned(), ..PlanInfo::default() }
    }

    #[test]
    fn without_doubt_the_plan_decides() {
        for fidelity in ["exact", "amended", "bounds"] {
            let claim = Claim::new(&plan(fidelity), 0, &[0; Loss::COUNT], &BTreeMap::new());
            assert_eq!(claim, Claim { fidelity: fidelity.to_owned(), note: None });
        }
    }

    #[test]
    fn doubt_degrades_and_says_why() {
        for kind in Loss::ALL {
            let mut losses = [0; Loss::COUNT];
            losses[kind as usize] = 3;
            let claim = Claim::new(&plan("exact"), 0, &losses, &BTreeMap::new());
            assert_eq!(claim.fidelity == "bounds", UNCERTAIN.contains(&kind), "{kind:?}");
            assert_eq!(claim.note.is_some(), UNCERTAIN.contains(&kind), "{kind:?}");
        }
        let claim = Claim::new(&plan("amended"), 7, &[0; Loss::COUNT], &BTreeMap::new());
        assert_eq!(claim.fidelity, "bounds");
        assert!(claim.note.unwrap().starts_with("7 returns had a ptracer"));
    }

    #[test]
    fn a_fork_that_was_missed_hides_more_than_one_call() {
        let missed = |name: &str| BTreeMap::from([(name.to_owned(), 2), ("exit_btf".to_owned(), 1)]);
        let mut losses = [0; Loss::COUNT];
        losses[Loss::Recursion as usize] = 3;
        let note = |missed| Claim::new(&plan("exact"), 0, &losses, &missed).note.unwrap();
        assert!(note(missed("fork_kp")).contains("; 2 of them would have followed"));
        assert!(!note(missed("enter_btf")).contains("followed"));
    }
}
