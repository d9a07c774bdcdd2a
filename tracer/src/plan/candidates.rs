//! Every plan judged by the facts: works or does not, because of what, and what would help.

use crate::{
    kernel::{Answer, Facts},
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
}

/// Judges every plan by the facts.
#[must_use]
pub fn candidates(facts: &Facts) -> Vec<Candidate> {
    let regime = Regime::of(facts);
    NAMES
        .into_iter()
        .map(|(name, needs)| {
            let lacks: Vec<String> = needed(name)
                .iter()
                .map(|fact| (*fact, facts.get(fact)))
                .filter(|(_, fact)| !fact.is_yes())
                .map(|(fact, found)| format!("{fact}: {} ({})", found.answer.name(), found.why))
                .collect();
            let (works, because, remedy) = match name {
                "tracepoints" if regime.frame == Frame::Partial => (
                    Answer::No,
                    "this kernel has the partial-frame fast path, and a syscall tracepoint pushes every call of \
                     the machine off it"
                        .to_owned(),
                    Some("--plan tracepoints measures the slow path on purpose".to_owned()),
                ),
                "tracepoints" if !lacks.is_empty() => (Answer::No, lacks.join("; "), Some(privileges(facts))),
                "do-syscall-ret" if lacks.is_empty() && regime.frame == Frame::Partial => (
                    Answer::No,
                    "the calls of the fast path do not pass do_syscall_64".to_owned(),
                    Some("--plan do-syscall-ret --divert pushes them off it".to_owned()),
                ),
                "do-syscall-ret" if lacks.is_empty() && facts.get("nohz-full").is_yes() => (
                    Answer::No,
                    "with nohz_full do_syscall_64 returns where RCU does not watch".to_owned(),
                    None,
                ),
                "tracepoints" | "handlers" | "do-syscall-ret" if lacks.is_empty() => (Answer::Yes, format!("it has {needs}"), None),
                _ if lacks.is_empty() => (
                    Answer::No,
                    "this version of exitpath does not have it yet, though this kernel could run it".to_owned(),
                    None,
                ),
                _ => (Answer::No, format!("needs {needs}; {}", lacks.join("; ")), None),
            };
            Candidate { name, works, because, remedy }
        })
        .collect()
}

fn needed(name: &str) -> &'static [&'static str] {
    match name {
        "final-hook" => &["final-hook-symbol", "fentry"],
        "prepare-hook" => &["prepare-hook-symbol", "fentry"],
        "quiet" => &["dispatch-symbol", "final-hook-symbol", "fentry"],
        "amend" => &["fentry", "btf"],
        "do-syscall-ret" => &["probeable-entry", "kprobe-events"],
        "handlers" => &["partial-frame", "kprobe-events"],
        _ => &["raw-tracepoints"],
    }
}

fn privileges(facts: &Facts) -> String {
    if facts.get("cap-sys-admin").is_yes() || facts.get("cap-bpf").is_yes() {
        "see the reason above; kernel lockdown `confidentiality` refuses BPF reads of kernel memory"
            .to_owned()
    } else {
        "run it as root, or give the binary CAP_BPF and CAP_PERFMON \
         (setcap cap_bpf,cap_perfmon+ep exitpath)"
            .to_owned()
    }
}
