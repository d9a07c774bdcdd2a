//! Machines that allow less than everything, made inside a guest: a capability gone, a file hidden, a sysctl set; and
//! what the tracer must make of each.
//!
//! What only a boot can change (lockdown, `nohz_full`) is for whoever boots the guest.

mod list;
mod outcome;
mod step;

pub use list::all;
pub use outcome::{Outcome, Plan};
pub use step::{Capability, Step};

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use anyhow::{Context, Result};

/// A machine with less.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name in the results.
    pub name: &'static str,
    /// How it is made, in order.
    pub steps: Vec<Step>,
    /// What is traced: nothing in particular, or a command.
    pub command: &'static [&'static str],
    /// What must come of it.
    pub want: Want,
}

/// What the tracer must make of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The plan and fidelity of the unrestricted machine.
    Same,
    /// The same, with a blind spot that has this text.
    SameBut(&'static str),
    /// This plan and fidelity.
    Plan(&'static str, &'static str),
    /// Code 3 and one line with this text.
    Refused(&'static str),
}

impl Environment {
    /// Runs a program in it.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let undo = self.steps.iter().filter_map(|step| step.set().transpose()).collect::<Result<Vec<_>>>()?;
        let steps = self.steps.clone();
        let mut command = Command::new(program);
        command.args(arguments);
        // SAFETY: between fork and exec of a process with one thread; the steps are system calls on strings made before.
        unsafe {
            command.pre_exec(move || {
                steps.iter().try_for_each(Step::enter).map_err(|error| io::Error::other(error.to_string()))
            });
        }
        let output = command.output().with_context(|| format!("{program} in environment {}", self.name));
        undo.into_iter().try_for_each(step::Undo::undo)?;
        output
    }

    /// What is wrong with an outcome; `None` if nothing is.
    #[must_use]
    pub fn judge(&self, base: &Outcome, seen: &Outcome) -> Option<String> {
        let ran = |name: &str, fidelity: &str, spot: &str| match seen {
            Outcome::Ran(plan) if plan.name == name && plan.fidelity == fidelity => {
                let said = spot.is_empty() || plan.blind_spots.iter().any(|one| one.contains(spot));
                (!said).then(|| format!("it does not say {spot:?}"))
            }
            other => Some(format!("{} instead of {name} ({fidelity})", other.brief())),
        };
        match (self.want, base, seen) {
            (Want::Same | Want::SameBut(_), Outcome::Refused(_), _) => {
                (base != seen).then(|| format!("{} instead of {}", seen.brief(), base.brief()))
            }
            (Want::Same, Outcome::Ran(plan), _) => ran(&plan.name, &plan.fidelity, ""),
            (Want::SameBut(spot), Outcome::Ran(plan), _) => ran(&plan.name, &plan.fidelity, spot),
            (Want::Plan(name, fidelity), ..) => ran(name, fidelity, ""),
            (Want::Refused(text), _, Outcome::Refused(line)) => {
                (!line.contains(text)).then(|| format!("the line does not say {text:?}"))
            }
            (Want::Refused(text), _, other) => {
                Some(format!("{} instead of a refusal with {text:?}", other.brief()))
            }
            (_, Outcome::Broken(why), _) => Some(format!("the unrestricted machine: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Outcome, Plan, Want};

    fn ran(name: &str, spot: &str) -> Outcome {
        let [name, fidelity] = [name, "exact"].map(str::to_owned);
        Outcome::Ran(Plan { name, fidelity, blind_spots: vec![spot.to_owned()] })
    }

    fn judge(want: Want, base: &Outcome, seen: &Outcome) -> Option<String> {
        Environment { name: "x", steps: Vec::new(), command: &[], want }.judge(base, seen)
    }

    #[test]
    fn what_was_wanted_is_right_and_nothing_else() {
        let (base, other) = (ran("final-hook", "a"), ran("tracepoints", "a"));
        let refused = Outcome::Refused("exitpath: no CAP_BPF".to_owned());
        assert_eq!(judge(Want::Same, &base, &base), None);
        assert_eq!(judge(Want::Plan("tracepoints", "exact"), &base, &other), None);
        assert_eq!(judge(Want::SameBut("a"), &base, &base), None);
        assert_eq!(judge(Want::Refused("CAP_BPF"), &base, &refused), None);
        assert_eq!(judge(Want::Same, &refused, &refused), None, "a boot under which nothing works");
        for (want, seen) in [
            (Want::Same, &other),
            (Want::SameBut("b"), &base),
            (Want::Plan("final-hook", "bounds"), &base),
            (Want::Refused("CAP_PERFMON"), &refused),
            (Want::Refused("CAP_BPF"), &base),
            (Want::Same, &refused),
            (Want::Same, &Outcome::Broken("panic".to_owned())),
        ] {
            assert!(judge(want, &base, seen).is_some(), "{want:?} {seen:?}");
        }
    }
}
