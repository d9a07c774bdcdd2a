//! Plans from facts.

use super::*;
use crate::kernel::Fact;

fn facts(yes: &[&'static str]) -> Facts {
    let answers = yes.iter().map(|&name| (name, Fact::yes("test"))).collect();
    Facts { release: "6.18".into(), answers, ..Facts::default() }
}

#[test]
fn typed_where_there_is_btf() {
    let plan =
        Plan::choose(&facts(&["raw-tracepoints", "btf", "typed-task", "symbols"]), &Wish::default()).unwrap();
    assert_eq!(plan.fidelity, Fidelity::Amended);
    assert!(plan.programs.iter().all(|program| program.attach == Attach::Typed));
    let plan = Plan::choose(&facts(&["raw-tracepoints"]), &Wish::default()).unwrap();
    assert_eq!(plan.fidelity, Fidelity::Bounds);
    assert!(plan.programs.iter().all(|program| program.attach == Attach::Raw));
}

#[test]
fn what_cannot_be_attached_weakens_the_claim() {
    let plan = Plan::choose(&facts(&["raw-tracepoints", "btf", "typed-task"]), &Wish::default()).unwrap();
    let weaker = plan.clone().without(&[("signal_btf", "EPERM".into())]);
    assert_eq!(weaker.fidelity, Fidelity::Bounds);
    let same = plan.without(&[("rseq_btf", "no such tracepoint".into())]);
    assert_eq!(same.fidelity, Fidelity::Amended);
    assert!(same.blind_spots.iter().any(|spot| spot.contains("rseq_ip_fixup")));
}

#[test]
fn a_partial_frame_is_not_diverted_without_being_asked() {
    let partial = facts(&["raw-tracepoints", "btf", "typed-task", "partial-frame"]);
    assert!(matches!(Plan::choose(&partial, &Wish::default()), Err(PlanError::Unfit { .. })));
    let forced = Wish { forced: Some("tracepoints"), ..Wish::default() };
    assert!(Plan::choose(&partial, &forced).is_ok());
}

#[test]
fn unknown_and_unfit_plans_are_refused() {
    let wish = Wish { forced: Some("magic"), ..Wish::default() };
    assert!(matches!(Plan::choose(&facts(&[]), &wish), Err(PlanError::Unknown(_))));
    let wish = Wish { forced: Some("final-hook"), ..Wish::default() };
    assert!(matches!(Plan::choose(&facts(&["raw-tracepoints"]), &wish), Err(PlanError::Unfit { .. })));
    assert!(Plan::choose(&facts(&[]), &Wish::default()).is_err());
}

#[test]
fn every_plan_is_judged() {
    let judged = candidates(&facts(&["raw-tracepoints", "btf", "typed-task", "fentry"]));
    assert_eq!(judged.len(), NAMES.len());
    assert!(judged.iter().all(|candidate| !candidate.because.is_empty()));
}
