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

const ALL: [&str; 11] = [
    "raw-tracepoints",
    "btf",
    "typed-task",
    "task-regs",
    "symbols",
    "tracefs",
    "fentry",
    "final-hook-symbol",
    "prepare-hook-symbol",
    "dispatch-symbol",
    "kprobes",
];

fn on(release: &str) -> Facts {
    Facts { release: release.into(), ..facts(&ALL) }
}

#[test]
fn the_best_comes_first_and_is_exact() {
    let names: Vec<_> =
        Plan::ranked(&on("6.1.0"), &Wish::default()).unwrap().iter().map(|plan| plan.name).collect();
    assert_eq!(names, ["final-hook", "prepare-hook", "quiet", "amend", "tracepoints"]);
    let best = Plan::choose(&on("6.1.0"), &Wish::default()).unwrap();
    assert_eq!((best.fidelity, best.counting()), (Fidelity::Exact, Some("final_btf")));
}

#[test]
fn labels_come_from_what_loses_nothing() {
    let hooks = |release| {
        let plan = Plan::choose(&on(release), &Wish::default()).unwrap();
        plan.programs.iter().map(|program| program.name).collect::<Vec<_>>()
    };
    assert!(hooks("6.12.117+deb13").contains(&"leave_btf"));
    assert!(hooks("7.3.4").contains(&"leave_tp") && hooks("7.3.4").contains(&"fork_kp"));
    let mut old = on("5.10.0");
    old.answers.retain(|(name, _)| !matches!(*name, "typed-task" | "task-regs"));
    let plan = Plan::choose(&old, &Wish::default()).unwrap();
    assert!(plan.programs.iter().any(|program| program.name == "leave_raw"));
    assert_eq!(plan.counting(), Some("final_raw"));
}

#[test]
fn counts_alone_need_no_tracepoint() {
    let wish = Wish { counts_only: true, plain: true, ..Wish::default() };
    let plan = Plan::choose(&on("7.3.4"), &wish).unwrap();
    assert_eq!(plan.name, "final-hook");
    assert!(plan.programs.iter().all(|program| !program.hook.contains("sys_e")));
    let quiet = Wish { forced: Some("quiet"), ..wish };
    assert!(matches!(Plan::choose(&on("6.1.0"), &quiet), Err(PlanError::Unfit { .. })));
}
