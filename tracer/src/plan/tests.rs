//! Plans from facts.

mod symbols;

use super::*;
use crate::kernel::Fact;

fn facts(yes: &[&'static str]) -> Facts {
    let known = ALL.into_iter().chain(yes.iter().copied().filter(|name| !ALL.contains(name)));
    // Every kernel has them that is not locked down.
    let yes: Vec<_> = yes.iter().copied().chain(["kernel-reads"]).collect();
    let answer = |name| if yes.contains(&name) { Fact::yes("test") } else { Fact::no("test") };
    let answers = known.map(|name| (name, answer(name))).collect();
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

const ALL: [&str; 12] = [
    "kernel-reads",
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

#[test]
fn what_is_hidden_is_tried_by_who_may_load() {
    let mut hidden = on("6.12.0");
    let symbols = |name: &str| name.ends_with("-symbol") || name == "symbols";
    let masked = |facts: &mut Facts| {
        for (_, fact) in facts.answers.iter_mut().filter(|(name, _)| symbols(name)) {
            *fact = Fact::unknown("masked");
        }
    };
    masked(&mut hidden);
    assert_eq!(Plan::choose(&hidden, &Wish::default()).unwrap().name, "final-hook");
    let judged = candidates(&hidden);
    assert_eq!(judged[0].works, Answer::Unknown);
    // Who may load nothing is told of the plan that needs least, not of the symbols.
    let mut powerless = facts(&["btf"]);
    masked(&mut powerless);
    for name in ["raw-tracepoints", "fentry"] {
        powerless.answers.retain(|(other, _)| *other != name);
        powerless.answers.push((name, Fact::unknown("Operation not permitted")));
    }
    let said = Plan::choose(&powerless, &Wish::default()).unwrap_err().to_string();
    assert!(said.contains("CAP_BPF and CAP_PERFMON") && !said.contains('\n'), "{said}");
    let forced = Wish { forced: Some("final-hook"), ..Wish::default() };
    let said = Plan::choose(&powerless, &forced).unwrap_err().to_string();
    assert!(said.contains("CAP_BPF and CAP_PERFMON"), "{said}");
}

#[test]
fn the_remedy_names_what_is_missing() {
    let said = |capabilities: &[&'static str], lockdown: Fact| {
        let mut facts = facts(capabilities);
        facts.answers.retain(|(name, _)| *name != "raw-tracepoints");
        facts
            .answers
            .extend([("raw-tracepoints", Fact::unknown("Operation not permitted")), ("lockdown", lockdown)]);
        Plan::choose(&facts, &Wish::default()).unwrap_err().to_string()
    };
    let none = || Fact::no("none");
    assert!(said(&[], none()).contains("CAP_BPF and CAP_PERFMON"));
    assert!(said(&["cap-bpf"], none()).contains("give the binary CAP_PERFMON ("));
    assert!(said(&["cap-perfmon"], none()).contains("give the binary CAP_BPF ("));
    assert!(said(&["cap-sys-admin"], none()).contains("container"));
    assert!(said(&["cap-sys-admin"], Fact::yes("confidentiality")).contains("lockdown=integrity"));
    let mut locked = on("6.12.0");
    locked.answers.retain(|(name, _)| *name != "kernel-reads");
    locked.answers.extend([("kernel-reads", Fact::no("refused")), ("cap-sys-admin", Fact::yes("effective"))]);
    locked.answers.push(("lockdown", Fact::yes("confidentiality")));
    locked.answers.push(("kprobe-events", Fact::no("refused")));
    let said = Plan::choose(&locked, &Wish::default()).unwrap_err().to_string();
    assert!(said.contains("kernel-reads: no (refused)") && said.contains("lockdown=integrity"), "{said}");
    assert!(Plan::conceivable(&locked, &Wish::default()).is_empty());
}

#[test]
fn without_classic_tracepoints_labels_may_be_lost_and_the_plan_says_so() {
    let plans = Plan::ranked(&on("7.3.4"), &Wish::default()).unwrap();
    assert!(plans[0].programs.iter().any(|program| program.attach == Attach::Classic));
    assert!(!plans[0].blind_spots.iter().any(|spot| spot.contains("preemptible")));
    // Whatever refuses classic ones, the next best is the same plan with typed ones.
    assert_eq!(plans[1].name, "final-hook");
    let mut without = on("7.3.4");
    without.answers.retain(|(name, _)| *name != "tracefs");
    without.answers.push(("tracefs", Fact::no("not mounted")));
    let plans_without = Plan::ranked(&without, &Wish::default()).unwrap();
    for plan in [&plans[1], &plans_without[0]] {
        assert!(plan.programs.iter().all(|program| program.attach != Attach::Classic));
        assert!(plan.blind_spots.iter().any(|spot| spot.contains("may lack their number or latency")));
        assert_eq!(plan.fidelity, Fidelity::Exact, "counts come from the final hook");
    }
    let follow = Wish { follow: true, ..Wish::default() };
    let plan = Plan::choose(&without, &follow).unwrap();
    assert!(plan.blind_spots.iter().any(|spot| spot.contains("not followed")));
}

#[test]
fn without_the_debug_check_of_the_fpu_the_next_best_hook_counts() {
    // No Debian kernel is built without CONFIG_X86_DEBUG_FPU, so no guest can show it.
    let best = |release: &str, lacks: &[&str]| {
        let mut facts = on(release);
        for (name, fact) in &mut facts.answers {
            if lacks.contains(name) {
                *fact = Fact::no("not in /proc/kallsyms");
            }
        }
        let plan = Plan::choose(&facts, &Wish::default()).unwrap();
        (plan.name, plan.fidelity)
    };
    assert_eq!(best("6.1.0", &["final-hook-symbol"]), ("prepare-hook", Fidelity::Exact));
    assert_eq!(best("6.12.0", &["final-hook-symbol", "prepare-hook-symbol"]), ("amend", Fidelity::Amended));
    assert_eq!(
        best("6.12.0", &["final-hook-symbol", "prepare-hook-symbol", "fentry"]),
        ("tracepoints", Fidelity::Amended)
    );
}

#[test]
fn trials_overrule_facts() {
    let facts = on("6.12.0");
    let plan = Plan::choose(&facts, &Wish::default()).unwrap();
    let mut trials = Trials::default();
    trials.note("final-hook", Trial::Fails("fpregs_assert_state_consistent: busy".into()));
    trials.note("amend", Trial::Works(plan.clone()));
    let judged = judged(&facts, &trials);
    let of = |name: &str| judged.iter().find(|one| one.name == name).unwrap();
    assert_eq!((of("final-hook").works, of("final-hook").tried), (Answer::No, true));
    assert!(of("final-hook").because.contains("busy"));
    assert_eq!((of("amend").works, of("amend").tried, of("quiet").tried), (Answer::Yes, true, false));
    assert_eq!(trials.chosen(), Some(&plan));
}

#[test]
fn a_variant_that_works_speaks_for_the_plan() {
    let plan = Plan::choose(&on("7.3.4"), &Wish::default()).unwrap();
    let mut trials = Trials::default();
    trials.note("final-hook", Trial::Fails("wake_up_new_task: refused".into()));
    trials.note("final-hook", Trial::Works(plan));
    let Some(Trial::Works(ran)) = trials.get("final-hook") else { panic!("it works") };
    assert!(ran.blind_spots.last().unwrap().contains("wake_up_new_task: refused"));
    trials.note("final-hook", Trial::Fails("later".into()));
    assert!(trials.chosen().is_some(), "what works stands");
}
