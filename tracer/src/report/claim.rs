//! What may be claimed of the paths: the plan's fidelity, or less.

use std::collections::BTreeMap;

use tracer_common::Loss;

use crate::{histogram::total, metadata::Metadata};

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
        metadata: &Metadata,
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
        // What one such run would have let in may make any number of calls. Where a final hook counts, no loss tells of it.
        let unseen = total(missed.iter().filter(|(name, _)| follows(name)).map(|(_, &count)| count));
        if unseen > 0 && metadata.follows() {
            causes.push(format!(
                "{unseen} forks or execs were not followed (skipped program runs): the calls of these processes may be missing, however many"
            ));
        }
        let plan = &metadata.plan;
        if causes.is_empty() {
            return Self { fidelity: plan.fidelity.clone(), note: None };
        }
        Self { fidelity: "bounds".to_owned(), note: Some(causes.join("; ")) }
    }
}

/// Whether a program follows forks or execs.
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
    use crate::metadata::PlanInfo;

    fn plan(fidelity: &str) -> Metadata {
        let plan = PlanInfo { fidelity: fidelity.to_owned(), ..PlanInfo::default() };
        Metadata { plan, ..Metadata::default() }
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
        let claim = |program: &str, filters: &[&str]| {
            let missed = BTreeMap::from([(program.to_owned(), 2), ("exit_btf".to_owned(), 1)]);
            let filters = filters.iter().map(|&one| one.to_owned()).collect();
            // A final hook counts: what is skipped before it is no loss.
            Claim::new(&Metadata { filters, ..plan("exact") }, 0, &[0; Loss::COUNT], &missed)
        };
        let followed = claim("fork_kp", &["-p 7", "-f"]);
        assert_eq!(followed.fidelity, "bounds");
        assert!(followed.note.unwrap().starts_with("2 forks or execs were not followed"));
        for (program, filters) in [("fork_kp", &["-p 7"][..]), ("fork_kp", &[]), ("enter_btf", &["-f"])] {
            assert_eq!(claim(program, filters), Claim { fidelity: "exact".to_owned(), note: None });
        }
        assert!(claim("exec_btf", &["--comm sh"]).note.is_some(), "an exec gives another name");
    }
}
