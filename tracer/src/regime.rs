//! Which exit code this kernel runs: a pure function of the facts.

use tracer_common::ExitRules;

use crate::{
    kernel::{Answer, Facts},
    metadata::KernelInfo,
};

/// Whether the kernel keeps all registers on every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The partial-frame fast path of 4.4 to 4.15 is there.
    Partial,
    /// All registers are saved.
    Full,
}

/// Where the exit instruction is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// In `entry_64.S` (up to 6.6).
    Asm,
    /// In `do_syscall_64` (6.7 and later, ca282b486a57).
    C,
}

/// A kernel's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a kernel")]
pub struct Regime {
    /// By symbol, never by version: stable kernels lost the fast path at other times.
    pub frame: Frame,
    /// By version: it only decides the order of the tests and the address test.
    pub decision: Decision,
    /// FRED is active.
    pub fred: bool,
    /// Xen PV guest.
    pub xenpv: bool,
    /// Page-table isolation.
    pub pti: bool,
    /// 57-bit addresses.
    pub la57: bool,
}

impl Regime {
    /// Reads the facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let yes = |name| facts.get(name).is_yes();
        Self {
            frame: if yes("partial-frame") { Frame::Partial } else { Frame::Full },
            decision: if facts.kernel_version() >= (6, 7) { Decision::C } else { Decision::Asm },
            fred: yes("fred"),
            xenpv: yes("xenpv"),
            pti: yes("pti"),
            la57: yes("la57"),
        }
    }

    /// The constants of the decision.
    #[must_use]
    pub const fn exit_rules(&self) -> ExitRules {
        let (limit, canonical) = match (self.decision, self.la57) {
            (Decision::C, false) => (ExitRules::TASK_SIZE_MAX_47, 0),
            (Decision::C, true) => (ExitRules::TASK_SIZE_MAX_56, 0),
            (Decision::Asm, false) => (1 << 47, 48),
            (Decision::Asm, true) => (1 << 56, 57),
        };
        ExitRules { ip_limit: limit, canonical_bits: canonical, fred: self.fred, xenpv: self.xenpv }
    }

    /// As outputs show it.
    #[must_use]
    pub fn describe(&self, facts: &Facts) -> KernelInfo {
        KernelInfo {
            release: facts.release.clone(),
            version: facts.version.clone(),
            frame: self.frame.name().to_owned(),
            decision: self.decision.name().to_owned(),
            fred: self.fred,
            xenpv: self.xenpv,
            pti: self.pti,
            la57: self.la57,
            command_line: facts.command_line.clone(),
            ..KernelInfo::default()
        }
    }

    /// Answers that the regime needed and did not get.
    #[must_use]
    pub fn doubts(facts: &Facts) -> Vec<String> {
        ["partial-frame", "fred", "xenpv", "la57"]
            .into_iter()
            .map(|name| (name, facts.get(name)))
            .filter(|(_, fact)| fact.answer == Answer::Unknown)
            .map(|(name, fact)| format!("{name} is not known ({}), taken as no", fact.why))
            .collect()
    }
}

impl Frame {
    /// The word that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Full => "full",
        }
    }
}

impl Decision {
    /// The word that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asm => "asm",
            Self::C => "c",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Fact;

    fn facts(release: &str, yes: &[&'static str]) -> Facts {
        Facts {
            release: release.into(),
            answers: yes.iter().map(|&name| (name, Fact::yes("test"))).collect(),
            ..Facts::default()
        }
    }

    #[test]
    fn the_frame_is_decided_by_symbol_and_not_by_version() {
        // Late 4.9 has no fast path, 4.14.5 has.
        assert_eq!(Regime::of(&facts("4.9.337", &[])).frame, Frame::Full);
        assert_eq!(Regime::of(&facts("4.14.5", &["partial-frame"])).frame, Frame::Partial);
    }

    #[test]
    fn rules_by_version_and_paging() {
        let rules = |release, yes: &[&'static str]| Regime::of(&facts(release, yes)).exit_rules();
        assert_eq!(rules("6.1.0-56-cloud-amd64", &[]).canonical_bits, 48);
        assert_eq!(rules("5.10.0", &["la57"]).canonical_bits, 57);
        assert_eq!(rules("6.12.117", &[]).ip_limit, (1 << 47) - 4096);
        assert_eq!(rules("7.3.4+deb13", &["la57"]).ip_limit, (1 << 56) - 4096);
        assert!(rules("7.3.4", &["fred"]).fred);
    }

    #[test]
    fn unknown_answers_are_said() {
        let mut unknown = facts("6.18", &[]);
        unknown.answers.push(("fred", Fact::unknown("no cpuinfo")));
        assert!(Regime::doubts(&unknown).iter().any(|doubt| doubt.contains("fred")));
    }
}
