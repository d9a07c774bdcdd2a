//! What this kernel allows, in words: a pure function of the facts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    kernel::{Answer, Facts},
    plan::{self, Candidate, Plan, Trials, Wish},
    regime::Regime,
};

/// The report of `exitpath doctor`.
#[must_use]
pub fn text(facts: &Facts, trials: &Trials, object: &str) -> String {
    let regime = Regime::of(facts);
    let mut out = String::new();
    let _ = writeln!(out, "kernel   {} {}", facts.release, facts.version);
    let _ = writeln!(out, "regime   {}", describe(regime));
    let _ = writeln!(out, "programs {object}");
    let _ = writeln!(out, "\nfacts");
    for (name, fact) in &facts.answers {
        let _ = writeln!(out, "  {name:<20} {:<8} {}", fact.answer.name(), fact.why);
    }
    let _ = writeln!(out, "\nplans, best first");
    for candidate in plan::judged(facts, trials) {
        let _ = writeln!(out, "  {:<15} {}: {}", candidate.name, verdict(&candidate), candidate.because);
        if let Some(remedy) = candidate.remedy {
            let _ = writeln!(out, "  {:<15} remedy: {remedy}", "");
        }
    }
    if let Some(why) = &trials.not_tried {
        let _ = writeln!(out, "  plans were not tried: {why}");
    }
    match chosen(facts, trials) {
        Ok(plan) => {
            let _ = writeln!(out, "\nchosen: {}, fidelity {}", plan.name, plan.fidelity.name());
            for spot in &plan.blind_spots {
                let _ = writeln!(out, "  does not see: {spot}");
            }
        }
        Err(error) => {
            let _ = writeln!(out, "\nno plan works here: {error}");
        }
    }
    out
}

/// What was tried is said otherwise than what follows from facts.
const fn verdict(candidate: &Candidate) -> &'static str {
    match (candidate.works, candidate.tried) {
        (Answer::Yes, true) => "works (tried)",
        (Answer::No, true) => "does not work (tried)",
        (Answer::Yes, false) => "should work (not tried)",
        (Answer::No, false) => "does not work",
        (Answer::Unknown, _) => "not known (not tried)",
    }
}

/// The plan that `record` would use: the first that worked, else the one that the facts speak for.
fn chosen(facts: &Facts, trials: &Trials) -> Result<Plan, String> {
    if let Some(plan) = trials.chosen() {
        return Ok(plan.clone());
    }
    let plan = Plan::choose(facts, &Wish::default()).map_err(|error| error.to_string())?;
    match trials.not_tried {
        Some(_) => Ok(plan),
        None => Err("each was tried, and failed as said above".to_owned()),
    }
}

/// The same as one JSON object.
#[must_use]
pub fn json(facts: &Facts, trials: &Trials, object: &str) -> Value {
    let regime = Regime::of(facts);
    let answers: serde_json::Map<_, _> =
        facts.answers.iter().map(|(name, fact)| ((*name).to_owned(), json!(fact))).collect();
    let plans: Vec<Value> = plan::judged(facts, trials)
        .into_iter()
        .map(|one| {
            json!({
                "name": one.name, "works": one.works, "tried": one.tried, "because": one.because,
                "remedy": one.remedy,
            })
        })
        .collect();
    let chosen = chosen(facts, trials).ok().map(|plan| json!(plan.describe()));
    json!({
        "schema": "exitpath.doctor/1",
        "kernel": regime.describe(facts),
        "object": object,
        "facts": answers,
        "plans": plans,
        "chosen": chosen,
    })
}

/// The plan as `exitpath plan` shows it.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut out = format!("plan {}, fidelity {}\n", plan.name, plan.fidelity.name());
    for program in &plan.programs {
        let how = program.attach.name();
        let role = match program.role {
            plan::Role::Required => "needed",
            plan::Role::Amends => "without it only bounds",
            plan::Role::Optional => "if the kernel has it",
        };
        let _ = writeln!(out, "  {:<18} {how} {} ({role})", program.name, program.hook);
    }
    for spot in &plan.blind_spots {
        let _ = writeln!(out, "  does not see: {spot}");
    }
    out
}

fn describe(regime: Regime) -> String {
    let mut words = vec![
        format!("{} frame", regime.frame.name()),
        format!("exit decided in {}", if regime.decision.name() == "c" { "C" } else { "assembly" }),
    ];
    for (on, word) in [
        (regime.fred, "FRED"),
        (regime.xenpv, "Xen PV"),
        (regime.pti, "PTI"),
        (regime.la57, "57-bit addresses"),
    ] {
        words.push(if on { word.to_owned() } else { format!("no {word}") });
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::Fact, plan::Trial};

    fn facts() -> Facts {
        Facts {
            release: "6.12.117+deb13-cloud-amd64".into(),
            version: "#1 SMP PREEMPT_DYNAMIC".into(),
            answers: vec![
                ("partial-frame", Fact::no("entry_SYSCALL_64_fastpath is not in /proc/kallsyms")),
                ("fred", Fact::no("no cpu flag fred")),
                ("btf", Fact::yes("/sys/kernel/btf/vmlinux")),
                ("symbols", Fact::no("/proc/kallsyms hides addresses")),
                ("raw-tracepoints", Fact::yes("the kernel loads raw tracepoint programs")),
                ("kernel-reads", Fact::yes("the kernel has bpf_probe_read_kernel")),
                ("typed-task", Fact::yes("the kernel has bpf_get_current_task_btf")),
                ("lockdown", Fact::unknown("/sys/kernel/security/lockdown: Permission denied")),
                ("fentry", Fact::no("the kernel does not know tracing (fentry) programs")),
                ("kprobes", Fact::no("CONFIG_KPROBES is not set")),
            ],
            ..Facts::default()
        }
    }

    #[test]
    fn the_report_of_a_usual_kernel() {
        insta::assert_snapshot!(text(&facts(), &Trials::none("a test"), "prebuilt"));
    }

    #[test]
    fn without_privileges_the_remedy_is_named() {
        let mut facts = facts();
        facts.answers.retain(|(name, _)| *name != "raw-tracepoints");
        facts.answers.push(("raw-tracepoints", Fact::unknown("Operation not permitted")));
        let text = text(&facts, &Trials::none("no privileges"), "prebuilt");
        assert!(text.contains("no plan works here") && text.contains("CAP_PERFMON"), "{text}");
    }

    #[test]
    fn what_was_tried_is_told_from_what_follows_from_facts() {
        let facts = facts();
        let plan = Plan::choose(&facts, &Wish::default()).unwrap();
        let mut trials = Trials::default();
        trials.note("tracepoints", Trial::Works(plan.without(&[("signal_btf", "refused".into())])));
        let said = text(&facts, &trials, "prebuilt");
        assert!(
            said.contains("works (tried)") && said.contains("chosen: tracepoints, fidelity bounds"),
            "{said}"
        );
        trials = Trials::default();
        trials.note("tracepoints", Trial::Fails("sys_enter: Operation not permitted".into()));
        let said = text(&facts, &trials, "prebuilt");
        assert!(said.contains("does not work (tried): sys_enter: Operation not permitted"), "{said}");
        assert!(said.contains("no plan works here"), "{said}");
    }

    #[test]
    fn the_json_carries_the_same_answers() {
        let json = json(&facts(), &Trials::none("a test"), "prebuilt");
        assert_eq!(json["facts"]["lockdown"]["answer"], "unknown");
        assert_eq!(json["chosen"]["name"], "tracepoints");
    }
}
