//! Which programs are attached where, what they cannot see, and what may be claimed: a pure function.

mod build;
mod candidates;
mod probes;
mod program;
mod trial;

pub use candidates::{Candidate, NAMES, candidates, judged};
pub use program::{Attach, Program, Role};
pub use trial::{Trial, Trials};

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

/// Where calls are counted, and where their time ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// At `sys_exit`; what comes after it moves the return.
    AtExit,
    /// The same, and everything that can move it is followed to its end.
    AtExitFollowed,
    /// By the final hook, after everything that can change the registers; service time ends at `sys_exit`.
    AtFinal,
    /// By the final hook, where service time ends too: no program sees `sys_exit`.
    AtFinalQuietly,
}

impl Commit {
    /// Whether a final hook counts.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::AtFinal | Self::AtFinalQuietly)
    }
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: &'static str,
    /// The most that it may claim.
    pub fidelity: Fidelity,
    /// Its programs, in the order in which they are attached; the one that counts comes last and is detached first,
    /// so that every exit it sees has had its entry seen.
    pub programs: Vec<Program>,
    /// Where calls are counted.
    pub commit: Commit,
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
    /// The plan that the facts speak for, or the forced one.
    pub fn choose(facts: &Facts, wish: &Wish<'_>) -> Result<Self, PlanError> {
        Self::ranked(facts, wish).map(|mut plans| plans.remove(0))
    }

    /// All plans that the facts speak for, the best first, never none; only the forced one, if one is. What works is
    /// known once it has been tried.
    pub fn ranked(facts: &Facts, wish: &Wish<'_>) -> Result<Vec<Self>, PlanError> {
        if let Some(name) = wish.forced {
            return Self::forced(facts, wish, name);
        }
        let judged = candidates(facts);
        let fit = judged.iter().filter(|one| one.hopeful);
        let plans: Vec<Self> =
            fit.filter_map(|one| build::plans(one.name, facts, wish).ok()).flatten().collect();
        if plans.is_empty() {
            // The one that needs least says best what is missing.
            return Self::forced(facts, wish, "tracepoints");
        }
        Ok(plans)
    }

    /// All plans that the facts do not rule out, the best first; none where this process may load nothing.
    #[must_use]
    pub fn conceivable(facts: &Facts, wish: &Wish<'_>) -> Vec<Self> {
        let judged = candidates(facts);
        let left = judged.iter().filter(|one| one.works != Answer::No && candidates::may_load(facts));
        left.filter_map(|one| build::plans(one.name, facts, wish).ok()).flatten().collect()
    }

    fn forced(facts: &Facts, wish: &Wish<'_>, name: &str) -> Result<Vec<Self>, PlanError> {
        let Some(candidate) = candidates(facts).into_iter().find(|candidate| candidate.name == name) else {
            return Err(PlanError::Unknown(name.to_owned()));
        };
        let unfit = |why: String, remedy: Option<String>| PlanError::Unfit {
            name: name.to_owned(),
            why,
            remedy: remedy.unwrap_or_else(|| "`exitpath doctor` shows what this kernel allows".to_owned()),
        };
        let divert = wish.forced == Some("tracepoints") && Regime::of(facts).frame == Frame::Partial;
        let forced = wish.forced.is_some() && probes::can_be_forced(name, facts);
        if !candidate.hopeful && !divert && !forced {
            let may_not = !candidates::may_load(facts);
            let privileges = || judged_by_privileges(facts).filter(|_| may_not);
            return Err(unfit(candidate.because, candidate.remedy.or_else(privileges)));
        }
        build::plans(candidate.name, facts, wish).map_err(|why| unfit(why, None))
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

    /// The program whose missed runs cost counts: the one that counts.
    #[must_use]
    pub fn counting(&self) -> Option<&'static str> {
        self.programs.last().map(|program| program.name)
    }
}

/// What the plan that needs least needs more of.
fn judged_by_privileges(facts: &Facts) -> Option<String> {
    candidates(facts).into_iter().find(|one| one.name == "tracepoints")?.remedy
}

#[cfg(test)]
mod tests;
