//! The rows of a report.

use std::collections::BTreeMap;

use tracer_common::{
    Abi, Cause, NR_INVALID, Path, Reason, SeriesKey, SyscallId,
    layout::{ERROR_OTHER, cell_errno},
};

use super::{Grouping, Latency};
use crate::{
    errno,
    histogram::{Histogram, total},
    snapshot::Series,
    syscalls,
};

/// A count with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name that outputs use.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl Named {
    pub(super) fn new(name: &str, count: u64) -> Self {
        Self { name: name.to_owned(), count }
    }
}

/// One row: a series, or several added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The call; `None` where all calls of a path are added up.
    pub call: Option<CallName>,
    /// Returns by path: one path, but where all paths of a call are added up.
    pub paths: Vec<(Path, u64)>,
    /// Returns to user mode, timed or not.
    pub returns: u64,
    /// Of all returns, 0 to 1.
    pub share: f64,
    /// Returns with a latency.
    pub timed: u64,
    /// Returns that may have left by another path: their task had a ptracer.
    pub uncertain: u64,
    /// Failed tests that kept returns from SYSRET; a return may have failed several. Zeros left out.
    pub reasons: Vec<Named>,
    /// What stood behind these returns, where it was seen; one a return. Zeros left out.
    pub causes: Vec<Named>,
    /// Failed calls by errno name. Zeros left out.
    pub errors: Vec<Named>,
    /// Service time, `sys_enter` to `sys_exit`; `None` if no return was timed.
    pub latency: Option<Latency>,
    /// Exit work, `sys_exit` to the final hook; `None` in plans without one.
    pub work: Option<Latency>,
    /// All of the service time.
    pub histogram: Histogram,
}

/// A system call and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallName {
    /// Its table.
    pub abi: Abi,
    /// Its number there; -1 for every number that no table can have.
    pub nr: i32,
    /// Its name: `syscall_N` for a number without one, `invalid` for -1.
    pub name: String,
}

impl CallName {
    /// The name of a call.
    #[must_use]
    pub fn new(call: SyscallId) -> Self {
        let nr = if call.nr == NR_INVALID { -1 } else { i32::from(call.nr) };
        Self { abi: call.abi, nr, name: syscalls::label(call.abi, u32::from(call.nr)).to_string() }
    }

    /// The name with its ABI, if that is not the native one: `getppid (i386)`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.abi {
            Abi::X86_64 => self.name.clone(),
            Abi::X32 | Abi::I386 => format!("{} ({})", self.name, self.abi.name()),
        }
    }
}

impl Row {
    /// Failed calls.
    #[must_use]
    pub fn failed(&self) -> u64 {
        total(self.errors.iter().map(|one| one.count))
    }

    /// What the row is called; `all` where all calls of a path are added up.
    #[must_use]
    pub fn name(&self) -> String {
        self.call.as_ref().map_or_else(|| "all".to_owned(), CallName::label)
    }

    /// The names of its paths: `sysret`, or `sysret+iret`.
    #[must_use]
    pub fn path(&self) -> String {
        let names: Vec<_> = self.paths.iter().map(|(path, _)| path.name()).collect();
        names.join("+")
    }
}

/// A share, 0 to 1; 0 of nothing is 0.
pub(super) fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// The rows of series, in the order of ABI, number and path.
pub(super) fn rows(series: &BTreeMap<SeriesKey, Series>, grouping: Grouping, all: u64) -> Vec<Row> {
    let mut groups: BTreeMap<_, (Series, BTreeMap<Path, u64>)> = BTreeMap::new();
    for (key, one) in series {
        let call = (grouping != Grouping::Path).then(|| key.call());
        let path = (grouping != Grouping::Syscall).then(|| key.path());
        let order = call.map(|call| (call.abi, call.nr));
        let (sum, paths) = groups
            .entry((order, path))
            .or_insert_with(|| (Series::new(one.latency.precision), BTreeMap::new()));
        sum.merge(one);
        let sum = paths.entry(key.path()).or_default();
        *sum = total([*sum, one.returns].into_iter());
    }
    groups
        .into_iter()
        .map(|((call, _), (sum, paths))| {
            let call = call.map(|(abi, nr)| CallName::new(SyscallId { abi, nr }));
            row(call, paths.into_iter().collect(), sum, all)
        })
        .collect()
}

fn row(call: Option<CallName>, paths: Vec<(Path, u64)>, sum: Series, all: u64) -> Row {
    let Series { returns, ptraced, reasons, causes, errors, latency, work } = sum;
    Row {
        call,
        paths,
        returns,
        share: share(returns, all),
        timed: latency.count,
        uncertain: ptraced,
        reasons: self::reasons(&reasons),
        causes: self::causes(&causes),
        errors: errors
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .map(|(cell, count)| Named { name: error_name(cell), count })
            .collect(),
        latency: Latency::of(&latency),
        work: Latency::of(&work),
        histogram: latency,
    }
}

pub(super) fn reasons(counts: &[u64; Reason::COUNT]) -> Vec<Named> {
    named(Reason::ALL.into_iter().map(|kind| (kind.name(), counts[kind as usize])))
}

pub(super) fn causes(counts: &[u64; Cause::COUNT]) -> Vec<Named> {
    named(Cause::ALL.into_iter().map(|kind| (kind.name(), counts[kind as usize])))
}

fn named(counts: impl Iterator<Item = (&'static str, u64)>) -> Vec<Named> {
    counts.filter(|&(_, count)| count > 0).map(|(name, count)| Named::new(name, count)).collect()
}

/// The name of an error cell: `ENOENT`; `errno-N` without a name, `other` for the cell of all others.
#[must_use]
pub fn error_name(cell: u8) -> String {
    match cell_errno(cell) {
        Some(errno) => errno::name(errno).map_or_else(|| format!("errno-{errno}"), str::to_owned),
        None if cell == ERROR_OTHER => "other".to_owned(),
        None => format!("cell-{cell}"),
    }
}
