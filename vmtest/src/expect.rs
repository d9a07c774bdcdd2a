//! What a workload must be seen to have done: returns to user mode by ABI, system call and path.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cases::Case;

/// The ABI of an entry, spelled as in `exitpath.report/1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Abi {
    /// `syscall` from 64-bit code.
    #[serde(rename = "x86_64")]
    X86_64,
    /// `syscall` with bit 30 set in the number.
    #[serde(rename = "x32")]
    X32,
    /// `int $0x80`, `sysenter` or `syscall` of the 32-bit ABI.
    #[serde(rename = "i386")]
    I386,
}

/// The instruction a call left by, spelled as in `exitpath.report/1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// `sysretq` after the full-frame checks.
    Sysret,
    /// `sysretq` of the partial-frame fast path.
    SysretFast,
    /// `iretq`.
    Iret,
    /// `sysretl` of the fast 32-bit entries.
    Sysretl,
    /// `eretu` under FRED.
    Eretu,
    /// Xen PV's hypercall.
    Xenpv,
}

impl Abi {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::X32 => "x32",
            Self::I386 => "i386",
        }
    }
}

impl Path {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sysret => "sysret",
            Self::SysretFast => "sysret-fast",
            Self::Iret => "iret",
            Self::Sysretl => "sysretl",
            Self::Eretu => "eretu",
            Self::Xenpv => "xenpv",
        }
    }
}

/// One line of an expectation: `n` returns, and the labels that all `n` must carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Returns {
    /// The entry's ABI.
    pub abi: Abi,
    /// The number in that ABI's table (x32 without bit 30; -1 for all that no table can have), as reports have it; it
    /// identifies the call, the name is for readers.
    pub nr: i64,
    /// The call's name.
    pub syscall: String,
    /// The exit.
    pub path: Path,
    /// How many; 0 states that there must be none.
    pub n: u64,
    /// The failed test, as DESIGN section 1 spells it (`fork-child`, `tf`, `int80`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What lay behind it (`signal`, `restart`, `exec`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The error all of them returned (`ENOENT`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Everything one run of the workload must be seen to have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Case name to count, as asked for.
    pub cases: BTreeMap<String, u64>,
    /// The sums over all cases, in a fixed order.
    pub returns: Vec<Returns>,
    /// Cases that this kernel has nothing to run for, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unsupported: BTreeMap<String, String>,
    /// Numbers changed on the way in: RAX at the instruction, then the number in `returns`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub renames: BTreeSet<(i64, i64)>,
    /// Whether a case is in it that the plan `tracepoints` cannot see right.
    #[serde(default)]
    pub beyond_tracepoints: bool,
}

impl Expectation {
    /// Adds up what the cases give.
    #[must_use]
    pub fn of(runs: &[(&Case, u64)]) -> Self {
        let mut cases = BTreeMap::new();
        let mut sums: BTreeMap<Returns, u64> = BTreeMap::new();
        for &(case, count) in runs {
            *cases.entry(case.name.to_owned()).or_default() += count;
            for give in case.gives {
                let n = give.each * count + if count > 0 { give.once } else { 0 };
                *sums.entry(give.row()).or_default() += n;
            }
        }
        Self {
            cases,
            returns: rows(sums),
            unsupported: BTreeMap::new(),
            renames: runs.iter().flat_map(|(case, _)| case.renames).copied().collect(),
            beyond_tracepoints: runs.iter().any(|(case, _)| case.beyond_tracepoints),
        }
    }

    /// With returns that were counted while the cases ran.
    #[must_use]
    pub fn with(self, observed: &[(Give, u64)]) -> Self {
        let mut sums: BTreeMap<Returns, u64> =
            self.returns.into_iter().map(|row| (Returns { n: 0, ..row.clone() }, row.n)).collect();
        for (give, n) in observed {
            *sums.entry(give.row()).or_default() += n;
        }
        Self { returns: rows(sums), ..self }
    }
}

fn rows(sums: BTreeMap<Returns, u64>) -> Vec<Returns> {
    sums.into_iter().map(|(row, n)| Returns { n, ..row }).collect()
}

/// What one case gives for each unit of its count, as a constant of the case table.
#[derive(Debug, Clone, Copy)]
pub struct Give {
    /// The entry's ABI.
    pub abi: Abi,
    /// The call's number and name.
    pub call: (i64, &'static str),
    /// The exit on a full-frame kernel with IDT entries.
    pub path: Path,
    /// Returns for each unit of the count.
    pub each: u64,
    /// Returns once for the whole case, such as the helper's fork.
    pub once: u64,
    /// Reason all of them carry.
    pub reason: Option<&'static str>,
    /// Cause all of them carry.
    pub cause: Option<&'static str>,
    /// Error all of them return.
    pub error: Option<&'static str>,
}

impl Give {
    /// `each` returns of a 64-bit call by `path` for each unit.
    #[must_use]
    pub const fn new(call: (i64, &'static str), path: Path, each: u64) -> Self {
        Self { abi: Abi::X86_64, call, path, each, once: 0, reason: None, cause: None, error: None }
    }

    /// One return by SYSRET for each unit.
    #[must_use]
    pub const fn sysret(call: (i64, &'static str)) -> Self {
        Self::new(call, Path::Sysret, 1)
    }

    /// One return by IRET for each unit.
    #[must_use]
    pub const fn iret(call: (i64, &'static str)) -> Self {
        Self::new(call, Path::Iret, 1)
    }

    /// The same through the i386 ABI.
    #[must_use]
    pub const fn i386(self) -> Self {
        Self { abi: Abi::I386, ..self }
    }

    /// The same through the x32 ABI.
    #[must_use]
    pub const fn x32(self) -> Self {
        Self { abi: Abi::X32, ..self }
    }

    /// The same for `each` returns.
    #[must_use]
    pub const fn times(self, each: u64) -> Self {
        Self { each, ..self }
    }

    /// The same number once for the case instead of once a unit.
    #[must_use]
    pub const fn once(self) -> Self {
        Self { once: self.each, each: 0, ..self }
    }

    /// With a reason.
    #[must_use]
    pub const fn reason(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// With a cause.
    #[must_use]
    pub const fn cause(self, cause: &'static str) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// With an error.
    #[must_use]
    pub const fn error(self, error: &'static str) -> Self {
        Self { error: Some(error), ..self }
    }

    fn row(&self) -> Returns {
        Returns {
            abi: self.abi,
            nr: self.call.0,
            syscall: self.call.1.to_owned(),
            path: self.path,
            n: 0,
            reason: self.reason.map(str::to_owned),
            cause: self.cause.map(str::to_owned),
            error: self.error.map(str::to_owned),
        }
    }
}
