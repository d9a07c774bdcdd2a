//! The cases: what each runs, and the returns it must give.
//!
//! `gives` holds for a full-frame kernel (4.16 and later, late 4.9) with IDT entries. Where a partial-frame kernel or
//! FRED differs, the case says so. Only numbers that the runtimes do not use are listed, with one exception:
//! `execve`, which also starts the workload itself, before its first counted call.

mod blocked;
mod compat;
mod plain;
mod process;
mod signal;
mod unusual;

use anyhow::{Context, Result, ensure};

use crate::expect::{Expectation, Give};
use crate::sys::nr;

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
    /// What it gives.
    pub gives: &'static [Give],
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
    [plain::CASES, signal::CASES, blocked::CASES, process::CASES, compat::CASES, unusual::CASES]
        .into_iter()
        .flatten()
}

/// One `CASE=COUNT` of a command line.
pub fn parse(argument: &str) -> Result<(&'static Case, u64)> {
    let (name, count) = argument
        .split_once('=')
        .with_context(|| format!("`{argument}` is not CASE=COUNT: write for example getppid=1000"))?;
    let case = all()
        .find(|case| case.name == name)
        .with_context(|| format!("there is no case `{name}`: `workload --list` shows all"))?;
    let count = count.parse().with_context(|| format!("`{count}` in `{argument}` is not a count"))?;
    Ok((case, count))
}

/// Runs the cases in the order given; the expectation is right only if this succeeds.
pub fn run(runs: &[(&Case, u64)]) -> Result<Expectation> {
    for &(case, count) in runs {
        if count > 0 {
            (case.run)(count).with_context(|| format!("case {}", case.name))?;
        }
    }
    let expectation = Expectation::of(runs);
    ensure!(!expectation.cases.is_empty(), "no case given: name at least one CASE=COUNT");
    Ok(expectation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, parse};

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<_> = all().map(|case| case.name).collect();
        assert_eq!(names.len(), all().count());
        for name in names {
            assert_eq!(parse(&format!("{name}=3")).expect("known").1, 3);
        }
        assert!(parse("getppid").is_err());
        assert!(parse("nosuch=1").is_err());
        assert!(parse("getppid=-1").is_err());
    }
}
