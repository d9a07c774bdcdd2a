//! Every plan judged by the facts: works or does not, because of what, and what would help.

use super::trial::{Trial, Trials};
use crate::{
    kernel::{Answer, Fact, Facts},
    regime::{Frame, Regime},
};

/// All plans, best first, with what each needs.
pub const NAMES: [(&str, &str); 7] = [
    ("final-hook", "fentry and fpregs_assert_state_consistent (5.8 and later, CONFIG_X86_DEBUG_FPU)"),
    ("prepare-hook", "fexit and exit_to_user_mode_prepare (5.9 to 6.7)"),
    ("quiet", "fentry, x64_sys_call and the final hook (6.1.85 to 6.14)"),
    ("amend", "fexit on the slow-path functions (5.9 and later)"),
    ("do-syscall-ret", "kretprobe on do_syscall_64 (4.16 to 5.7)"),
    ("handlers", "kprobes on the handlers, on partial-frame kernels"),
    ("tracepoints", "raw tracepoints and mmapable arrays (5.5 and later)"),
];

/// Whether a plan would work, and why or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: &'static str,
    /// Works, does not, or cannot be known.
    pub works: Answer,
    /// The deciding fact.
    pub because: String,
    /// What would make it work.
    pub remedy: Option<String>,
    /// It works as far as this process may look: a symbol that is hidden from us is not hidden from the kernel.
    pub hopeful: bool,
    /// Whether it was tried: attached for an instant.
    pub tried: bool,
}

/// Judges every plan by the facts.
#[must_use]
pub fn candidates(facts: &Facts) -> Vec<Candidate> {
    let regime = Regime::of(facts);
    NAMES
        .into_iter()
        .map(|(name, needs)| {
            let lacks: Vec<(&str, Fact)> = needed(name)
                .iter()
                .map(|fact| (*fact, facts.get(fact)))
                .filter(|(_, fact)| !fact.is_yes())
                .collect();
            let reasons = lacks
                .iter()
                .map(|(name, fact)| format!("{name}: {} ({})", fact.answer.name(), fact.why))
                .collect::<Vec<_>>()
                .join("; ");
            // What could not be asked may be there all the same.
            let absent = lacks.iter().any(|(_, fact)| fact.answer == Answer::No);
            let lacking = if absent { Answer::No } else { Answer::Unknown };
            let partial = regime.frame == Frame::Partial;
            let (works, because, remedy) = match name {
                "tracepoints" if partial => (
                    Answer::No,
                    "this kernel has the partial-frame fast path, and a syscall tracepoint pushes every call of \
                     the machine off it"
                        .to_owned(),
                    Some("--plan tracepoints measures the slow path on purpose".to_owned()),
                ),
                "do-syscall-ret" if partial => (
                    Answer::No,
                    "the calls of the fast path do not pass do_syscall_64".to_owned(),
                    Some("--plan do-syscall-ret --divert pushes them off it".to_owned()),
                ),
                _ if partial && !matches!(name, "handlers") => {
                    (Answer::No, "this kernel has the partial-frame fast path".to_owned(), None)
                }
                "tracepoints" if !lacks.is_empty() => (lacking, reasons, Some(privileges(facts))),
                "do-syscall-ret" if lacks.is_empty() && facts.get("nohz-full").is_yes() => (
                    Answer::No,
                    "with nohz_full do_syscall_64 returns where RCU does not watch".to_owned(),
                    None,
                ),
                _ if lacks.is_empty() => (Answer::Yes, format!("it has {needs}"), None),
                _ => (lacking, format!("needs {needs}; {reasons}"), None),
            };

            let hidden = works == Answer::Unknown && lacks.iter().all(|(name, _)| name.ends_with("-symbol"));
            let hopeful = works == Answer::Yes || hidden;
            Candidate { name, works, because, remedy, hopeful, tried: false }
        })
        .collect()
}

/// The same, corrected by what trying showed.
#[must_use]
pub fn judged(facts: &Facts, trials: &Trials) -> Vec<Candidate> {
    let mut all = candidates(facts);
    for one in &mut all {
        match trials.get(one.name) {
            Some(Trial::Works(_)) => (one.works, one.tried) = (Answer::Yes, true),
            Some(Trial::Fails(why)) => {
                (one.works, one.because, one.tried) = (Answer::No, why.clone(), true);
            }
            None => {}
        }
    }
    all
}

/// Whether this process can load programs at all; if not, nothing is worth a try.
pub fn may_load(facts: &Facts) -> bool {
    facts.get("raw-tracepoints").is_yes()
}

fn needed(name: &str) -> &'static [&'static str] {
    match name {
        "final-hook" => &["final-hook-symbol", "fentry", "btf", "raw-tracepoints", "kernel-reads"],
        "prepare-hook" => &["prepare-hook-symbol", "fentry", "btf", "raw-tracepoints", "kernel-reads"],
        "quiet" => &["dispatch-symbol", "final-hook-symbol", "fentry", "btf", "task-regs", "kernel-reads"],
        "amend" => &["fentry", "btf", "typed-task", "task-regs", "raw-tracepoints", "kernel-reads"],
        "do-syscall-ret" => &["probeable-entry", "kprobe-events"],
        "handlers" => &["partial-frame", "kprobe-events"],
        _ => &["raw-tracepoints", "kernel-reads"],
    }
}

/// What a process that may not load programs lacks.
fn privileges(facts: &Facts) -> String {
    let yes = |name: &str| facts.get(name).is_yes();
    let lacks: Vec<&str> = [("cap-bpf", "CAP_BPF"), ("cap-perfmon", "CAP_PERFMON")]
        .into_iter()
        .filter(|(fact, _)| !yes(fact) && !yes("cap-sys-admin"))
        .map(|(_, name)| name)
        .collect();
    if !lacks.is_empty() {
        return format!(
            "run it as root, or give the binary {} (setcap cap_bpf,cap_perfmon+ep exitpath)",
            lacks.join(" and ")
        );
    }
    let lockdown = facts.get("lockdown");
    if lockdown.is_yes() && lockdown.why == "confidentiality" {
        return "boot with lockdown=integrity, or none: `confidentiality` keeps BPF from kernel memory"
            .to_owned();
    }
    "this process has the capabilities, so a container or a security module refuses: run it on the host"
        .to_owned()
}
