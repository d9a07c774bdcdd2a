//! Which programs are attached where, what they cannot see, and what may be claimed: a pure function.

use crate::{
    kernel::{Answer, Facts},
    metadata::PlanInfo,
    regime::{Frame, Regime},
};

/// How true a plan's classification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// SYSRET is an upper bound, IRET a lower one.
    Bounds,
    /// Seen at `sys_exit`, corrected by what is seen after it; the blind spots are listed.
    Amended,
    /// Read where nothing can change any more.
    Exact,
}

impl Fidelity {
    /// The word that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bounds => "bounds",
            Self::Amended => "amended",
            Self::Exact => "exact",
        }
    }
}

/// What a program is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// A tracepoint with typed arguments (`tp_btf`).
    Typed,
    /// A raw tracepoint, registers by probe read.
    Raw,
}

/// What happens when a program cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The plan does not work without it.
    Required,
    /// Without it the plan only gives bounds.
    Amends,
    /// Its tracepoint does not exist on every kernel; without it one cause is not seen.
    Optional,
}

/// One program of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name in the object.
    pub name: &'static str,
    /// The tracepoint.
    pub hook: &'static str,
    /// How.
    pub attach: Attach,
    /// How much depends on it.
    pub role: Role,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: &'static str,
    /// The most that it may claim.
    pub fidelity: Fidelity,
    /// Its programs, in the order in which they are attached; `sys_exit` comes last and is detached first, so that
    /// every exit it sees has had its entry seen.
    pub programs: Vec<Program>,
    /// What it cannot see.
    pub blind_spots: Vec<String>,
}

/// What is asked of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish<'a> {
    /// `--plan NAME`.
    pub forced: Option<&'a str>,
    /// `--counts-only`.
    pub counts_only: bool,
    /// Children are to be followed, or a command traced.
    pub follow: bool,
    /// No filters, no sampling, 2 digits: the programs without them will do, at a lower cost.
    pub plain: bool,
}

/// Why no plan fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `--plan` names none.
    #[error("there is no plan {0:?}; plans: {names}", names = NAMES.map(|(name, _)| name).join(", "))]
    Unknown(String),
    /// The plan does not work on this kernel.
    #[error("plan {name} does not work here: {why}; {remedy}")]
    Unfit {
        /// Its name.
        name: String,
        /// The missing fact.
        why: String,
        /// What would help.
        remedy: String,
    },
}

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

impl Plan {
    /// The best plan that works, or the forced one.
    pub fn choose(facts: &Facts, wish: &Wish<'_>) -> Result<Self, PlanError> {
        let name = wish.forced.unwrap_or("tracepoints");
        if !NAMES.iter().any(|(known, _)| *known == name) {
            return Err(PlanError::Unknown(name.to_owned()));
        }
        let unfit = |why: String, remedy: Option<String>| PlanError::Unfit {
            name: name.to_owned(),
            why,
            remedy: remedy.unwrap_or_else(|| "`exitpath doctor` shows what this kernel allows".to_owned()),
        };
        let candidate = candidates(facts).into_iter().find(|candidate| candidate.name == name);
        if let Some(candidate) = candidate
            && candidate.works == Answer::No
            && !(wish.forced.is_some() && Regime::of(facts).frame == Frame::Partial && name == "tracepoints")
        {
            return Err(unfit(candidate.because, candidate.remedy));
        }
        tracepoints(facts, wish).map_err(|why| unfit(why, None))
    }

    /// As it ran: the programs that could not be attached are left out, and the claim with them.
    #[must_use]
    pub fn without(mut self, missing: &[(&'static str, String)]) -> Self {
        for (name, why) in missing {
            let Some(at) = self.programs.iter().position(|program| program.name == *name) else { continue };
            let program = self.programs.remove(at);
            if program.role == Role::Amends {
                self.fidelity = Fidelity::Bounds;
            }
            self.blind_spots.push(format!("{} is not attached ({why})", program.hook));
        }
        self
    }

    /// As outputs show it.
    #[must_use]
    pub fn describe(&self) -> PlanInfo {
        PlanInfo {
            name: self.name.to_owned(),
            fidelity: self.fidelity.name().to_owned(),
            attached: self.programs.iter().map(|one| format!("{}@{}", one.name, one.hook)).collect(),
            blind_spots: self.blind_spots.clone(),
        }
    }
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
                "tracepoints" if lacks.is_empty() => (Answer::Yes, format!("it has {needs}"), None),
                "tracepoints" => (Answer::No, lacks.join("; "), Some(privileges(facts))),
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
        "do-syscall-ret" => &["kprobes"],
        "handlers" => &["partial-frame", "kprobes"],
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

/// Plan `tracepoints` (`EXIT_PATHS` 3.6, with amending hooks).
fn tracepoints(facts: &Facts, wish: &Wish<'_>) -> Result<Plan, String> {
    let typed = facts.get("btf").is_yes() && facts.get("typed-task").is_yes();
    let program = |name, hook, role| Program {
        name,
        hook,
        attach: if typed { Attach::Typed } else { Attach::Raw },
        role,
    };
    let mut blind_spots = vec![
        "registers that a tracer (ptrace) changes after sys_exit: returns of traced tasks are counted as uncertain"
            .to_owned(),
        "calls answered by syscall user dispatch: no tracepoint fires, they are not counted".to_owned(),
        "32-bit calls whose sixth argument cannot be read: no tracepoint fires, they are not counted".to_owned(),
    ];
    let programs = if !typed {
        if wish.counts_only || wish.follow {
            return Err(
                "--counts-only, -f and -- COMMAND need typed programs: the kernel's BTF, and 5.11 or later"
                    .into(),
            );
        }
        blind_spots
            .push("untyped programs: handlers set up on the way out and rseq aborts are not seen".to_owned());
        blind_spots.push("untyped programs: int $0x80 from 64-bit code counts as a 64-bit call".to_owned());
        vec![
            program("death_raw", "sched_process_exit", Role::Required),
            program("exec_raw", "sched_process_exec", Role::Required),
            program("enter_raw", "sys_enter", Role::Required),
            program("exit_raw", "sys_exit", Role::Required),
        ]
    } else if wish.counts_only {
        blind_spots
            .push("counts only: execveat, and execve by 32-bit programs, count as x86_64 execve".to_owned());
        blind_spots
            .push("counts only: a task that dies on its way out of a call is counted as returned".to_owned());
        let mut programs = vec![program("count_signal_btf", "signal_deliver", Role::Amends)];
        if wish.follow {
            programs.push(program("fork_btf", "sched_process_fork", Role::Required));
            programs.push(program("exec_btf", "sched_process_exec", Role::Required));
        }
        programs.push(program(
            if wish.plain { "count_plain" } else { "count_btf" },
            "sys_exit",
            Role::Required,
        ));
        programs
    } else {
        if !facts.get("symbols").is_yes() {
            blind_spots.push(
                "a second signal inside rt_sigreturn's own exit (kernel symbols are hidden)".to_owned(),
            );
        }
        vec![
            program("signal_btf", "signal_deliver", Role::Amends),
            program("rseq_btf", "rseq_ip_fixup", Role::Optional),
            program("death_btf", "sched_process_exit", Role::Amends),
            program("exec_btf", "sched_process_exec", Role::Required),
            program("fork_btf", "sched_process_fork", Role::Required),
            program(if wish.plain { "enter_plain" } else { "enter_btf" }, "sys_enter", Role::Required),
            program(if wish.plain { "exit_plain" } else { "exit_btf" }, "sys_exit", Role::Required),
        ]
    };
    blind_spots.extend(Regime::doubts(facts));
    let fidelity = if typed { Fidelity::Amended } else { Fidelity::Bounds };
    Ok(Plan { name: "tracepoints", fidelity, programs, blind_spots })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Fact;

    fn facts(yes: &[&'static str]) -> Facts {
        let answers = yes.iter().map(|&name| (name, Fact::yes("test"))).collect();
        Facts { release: "6.18".into(), answers, ..Facts::default() }
    }

    #[test]
    fn typed_where_there_is_btf() {
        let plan =
            Plan::choose(&facts(&["raw-tracepoints", "btf", "typed-task", "symbols"]), &Wish::default())
                .unwrap();
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
}
