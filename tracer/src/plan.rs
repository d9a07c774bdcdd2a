//! Which programs are attached where, what they cannot see, and what may be claimed: a pure function.

mod candidates;
mod probes;

pub use candidates::{Candidate, NAMES, candidates};

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
    /// A kprobe or kretprobe defined through tracefs, or a classic tracepoint.
    Probe,
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
    /// Its programs, in the order in which they are attached; what counts comes last and is detached first, so that
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

impl Plan {
    /// The best plan that works, or the forced one.
    pub fn choose(facts: &Facts, wish: &Wish<'_>) -> Result<Self, PlanError> {
        let name = wish.forced.unwrap_or_else(|| best(facts));
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
            && !(wish.forced.is_some() && probes::can_be_forced(name, facts))
        {
            return Err(unfit(candidate.because, candidate.remedy));
        }
        match name {
            "handlers" => probes::handlers(facts, wish),
            "do-syscall-ret" => probes::do_syscall_ret(facts, wish),
            _ => tracepoints(facts, wish),
        }
        .map_err(|why| unfit(why, None))
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

/// The plan that is taken when none is asked for.
fn best(facts: &Facts) -> &'static str {
    let works = |name: &str| {
        candidates(facts).iter().any(|candidate| candidate.name == name && candidate.works == Answer::Yes)
    };
    ["handlers", "do-syscall-ret"].into_iter().find(|name| works(name)).unwrap_or("tracepoints")
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
mod tests;
