//! What this kernel allows, in words: a pure function of the facts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    kernel::Facts,
    plan::{self, Plan, Wish},
    regime::Regime,
};

/// The report of `exitpath doctor`.
#[must_use]
pub fn text(facts: &Facts, object: &str) -> String {
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
    for candidate in plan::candidates(facts) {
        let works = match candidate.works.name() {
            "yes" => "works",
            "no" => "does not work",
            _ => "unknown",
        };
        let _ = writeln!(out, "  {:<15} {works}: {}", candidate.name, candidate.because);
        if let Some(remedy) = candidate.remedy {
            let _ = writeln!(out, "  {:<15} remedy: {remedy}", "");
        }
    }
    match Plan::choose(facts, &Wish::default()) {
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

/// The same as one JSON object.
#[must_use]
pub fn json(facts: &Facts, object: &str) -> Value {
    let regime = Regime::of(facts);
    let answers: serde_json::Map<_, _> =
        facts.answers.iter().map(|(name, fact)| ((*name).to_owned(), json!(fact))).collect();
    let plans: Vec<Value> = plan::candidates(facts)
        .into_iter()
        .map(|one| {
            json!({
                "name": one.name, "works": one.works, "because": one.because, "remedy": one.remedy,
            })
        })
        .collect();
    let chosen = Plan::choose(facts, &Wish::default()).ok().map(|plan| json!(plan.describe()));
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
        let how = match program.attach {
            plan::Attach::Typed => "typed tracepoint",
            plan::Attach::Raw => "raw tracepoint",
            plan::Attach::Probe => "probe on",
        };
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
    use crate::kernel::Fact;

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
                ("typed-task", Fact::yes("the kernel has bpf_get_current_task_btf")),
                ("lockdown", Fact::unknown("/sys/kernel/security/lockdown: Permission denied")),
            ],
            ..Facts::default()
        }
    }

    #[test]
    fn the_report_of_a_usual_kernel() {
        insta::assert_snapshot!(text(&facts(), "prebuilt"));
    }

    #[test]
    fn without_privileges_the_remedy_is_named() {
        let mut facts = facts();
        facts.answers.retain(|(name, _)| *name != "raw-tracepoints");
        facts.answers.push(("raw-tracepoints", Fact::unknown("Operation not permitted")));
        let text = text(&facts, "prebuilt");
        assert!(text.contains("no plan works here") && text.contains("CAP_PERFMON"), "{text}");
    }

    #[test]
    fn the_json_carries_the_same_answers() {
        let json = json(&facts(), "prebuilt");
        assert_eq!(json["facts"]["lockdown"]["answer"], "unknown");
        assert_eq!(json["chosen"]["name"], "tracepoints");
    }
}
