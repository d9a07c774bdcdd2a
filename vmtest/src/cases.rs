//! The cases: what each runs, and the returns it must give.
//!
//! `gives` holds for a full-frame kernel (4.16 and later, late 4.9) with IDT entries. Where a partial-frame kernel or
//! FRED differs, the case says so. Only numbers that the runtimes do not use are listed, with one exception:
//! `execve`, which also starts the workload itself, before its first counted call.

mod blocked;
mod compat;
mod compete;
mod crowd;
mod elsewhere;
mod hotplug;
mod numbers;
mod plain;
mod process;
mod rseq;
mod seccomp;
mod signal;
mod sigreturn;
mod traced;
mod unusual;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::expect::{Expectation, Give};
use crate::observed::{self, Unsupported};
use crate::sys::{self, nr};

/// A piece of workload.
#[derive(Debug)]
pub struct Case {
    /// The name on the command line.
    pub name: &'static str,
    /// What one unit is.
    pub what: &'static str,
    /// The section of the exit-path specification (`EXIT_PATHS`) that says so.
    pub section: &'static str,
    /// Runs `count` units; fails when the kernel answered a call otherwise than the case relies on.
    pub run: fn(u64) -> Result<()>,
    /// What it gives. A number whose split over paths the kernel decides is left out, or comes from [`observed`].
    pub gives: &'static [Give],
    /// The count that shows what the case is for; in an emulated guest it takes below 5 s.
    pub natural: u64,
    /// Numbers that a tracer (the process) changes on the way in: RAX at the instruction, then the number that the
    /// kernel runs and reports, and that `gives` holds. Another case may make the first number itself: what looks at
    /// instructions must look case by case.
    pub renames: &'static [(i64, i64)],
    /// The plan `tracepoints` is known to see other paths than were taken (`EXIT_PATHS` 3.0 and 3.6): run there, but not
    /// compared.
    pub beyond_tracepoints: bool,
}

impl Case {
    /// What most cases are: a small count will do, nothing is renamed, every plan sees it right.
    pub(crate) const USUAL: Self = Self {
        name: "",
        what: "",
        section: "",
        run: |_| Ok(()),
        gives: &[],
        natural: 20,
        renames: &[],
        beyond_tracepoints: false,
    };
}

const OPEN: (i64, &str) = (nr::OPEN, "open");
const KILL: (i64, &str) = (nr::KILL, "kill");
const TKILL: (i64, &str) = (nr::TKILL, "tkill");
const SIGRETURN: (i64, &str) = (nr::RT_SIGRETURN, "rt_sigreturn");
const FORK: (i64, &str) = (nr::FORK, "fork");
const VFORK: (i64, &str) = (nr::VFORK, "vfork");
const CLONE: (i64, &str) = (nr::CLONE, "clone");
const CLONE3: (i64, &str) = (nr::CLONE3, "clone3");
const WAIT4: (i64, &str) = (nr::WAIT4, "wait4");
const EXECVE: (i64, &str) = (nr::EXECVE, "execve");
const EXECVEAT: (i64, &str) = (nr::EXECVEAT, "execveat");
const EXIT: (i64, &str) = (nr::EXIT, "exit");
const GETPPID: (i64, &str) = (nr::GETPPID, "getppid");
const GETPPID_32: (i64, &str) = (nr::GETPPID_32, "getppid");
const GETPGRP: (i64, &str) = (nr::GETPGRP, "getpgrp");
const READV: (i64, &str) = (nr::READV, "readv");
const PAUSE: (i64, &str) = (nr::PAUSE, "pause");
const NANOSLEEP: (i64, &str) = (nr::NANOSLEEP, "nanosleep");
const SIGPROCMASK: (i64, &str) = (nr::RT_SIGPROCMASK, "rt_sigprocmask");

/// Why a call did not leave by SYSRET, in DESIGN's words.
const FORK_CHILD: &str = "fork-child";
/// What lay behind it.
const BY_SIGNAL: &str = "signal";

/// A helper process: one fork, one wait.
const HELPER: [Give; 3] =
    [Give::sysret(FORK).once(), Give::iret(FORK).once().reason(FORK_CHILD), Give::sysret(WAIT4).once()];

/// Every case, family by family.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        plain::CASES,
        numbers::CASES,
        signal::CASES,
        sigreturn::CASES,
        blocked::CASES,
        process::CASES,
        crowd::CASES,
        compete::CASES,
        compat::CASES,
        unusual::CASES,
        traced::CASES,
        seccomp::CASES,
        elsewhere::CASES,
        hotplug::CASES,
        rseq::CASES,
    ]
    .into_iter()
    .flatten()
}

/// One `CASE=COUNT` of a command line; the count may be `natural`.
pub fn parse(argument: &str) -> Result<(&'static Case, u64)> {
    let (name, count) = argument
        .split_once('=')
        .with_context(|| format!("`{argument}` is not CASE=COUNT: write for example getppid=1000"))?;
    let case = all()
        .find(|case| case.name == name)
        .with_context(|| format!("there is no case `{name}`: `workload --list` shows all"))?;
    if count == "natural" {
        return Ok((case, case.natural));
    }
    let count = count.parse().with_context(|| format!("`{count}` in `{argument}` is not a count"))?;
    Ok((case, count))
}

/// Runs the cases in the order given; the expectation is right only if this succeeds. A case that this kernel has
/// nothing to run for is named there, with the reason, and expects nothing.
pub fn run(runs: &[(&'static Case, u64)]) -> Result<Expectation> {
    ensure!(!runs.is_empty(), "no case given: name at least one CASE=COUNT");
    let mut ran = Vec::new();
    let mut unsupported = BTreeMap::new();
    for &(case, count) in runs {
        if count > 0
            && let Err(error) = (case.run)(count)
        {
            match error.downcast::<Unsupported>() {
                Ok(Unsupported(why)) => {
                    sys::say(&format!("workload: case {} runs nothing here: {why}", case.name));
                    unsupported.insert(case.name.to_owned(), why);
                    continue;
                }
                Err(error) => return Err(error.context(format!("case {}", case.name))),
            }
        }
        ran.push((case, count));
    }
    Ok(Expectation { unsupported, ..Expectation::of(&ran).with(&observed::take()) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, parse};
    use crate::expect::Expectation;

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<_> = all().map(|case| case.name).collect();
        assert_eq!(names.len(), all().count());
        for name in names {
            assert_eq!(parse(&format!("{name}=3")).expect("known").1, 3);
        }
        assert!(parse("getppid").is_err());
        assert_eq!(parse("getppid=natural").expect("known").1, 20);
        assert!(parse("nosuch=1").is_err());
        assert!(parse("getppid=-1").is_err());
    }

    #[test]
    fn every_case_says_what_it_is_for_and_how_often() {
        for case in all() {
            assert!(!case.what.is_empty() && !case.section.is_empty() && case.natural > 0, "{case:?}");
            for (from, to) in case.renames {
                assert_ne!(from, to, "{case:?}");
            }
        }
    }

    #[test]
    fn what_a_comparison_must_know_is_in_the_expectation() {
        let of = |name: &str| Expectation::of(&[parse(&format!("{name}=1")).expect("a case")]);
        assert!(!of("getppid").beyond_tracepoints && of("ptrace-rip").beyond_tracepoints);
        assert!(of("getppid").renames.is_empty());
        assert_eq!(of("ptrace-rename").renames, BTreeSet::from([(111, 110)]));
    }
}
