//! How a report is to be seen: grouped by what, sorted by what, how much of it.

use std::cmp::Reverse;

use clap::ValueEnum;
use tracer_common::SyscallId;

use super::{Latency, Row};

/// The view of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What a row is.
    pub grouping: Grouping,
    /// The order of the rows.
    pub sort: SortKey,
    /// At most this many rows.
    pub top: Option<usize>,
}

/// What a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Grouping {
    /// A series: a system call of an ABI by a path.
    #[default]
    SyscallPath,
    /// A system call of an ABI, all paths together.
    Syscall,
    /// A path, all calls together.
    Path,
}

/// What rows are sorted by: numbers downwards, names upwards, rows without the number last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SortKey {
    /// Latencies added up.
    #[default]
    Total,
    /// Returns.
    Returns,
    /// Median latency.
    P50,
    /// 99th percentile.
    P99,
    /// Largest latency.
    Max,
    /// Mean latency.
    Mean,
    /// Failed calls.
    Errors,
    /// Name of the call.
    Name,
    /// Path.
    Path,
}

/// A call that had not returned at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The thread.
    pub tid: u32,
    /// Its name, where it could be read.
    pub comm: Option<String>,
    /// The call.
    pub call: SyscallId,
    /// How long it had been in it, in ns; `None` if the call is not timed.
    pub age_ns: Option<u64>,
}

impl SortKey {
    /// Sorts rows; those that are equal by the key, by returns, then in the order of ABI, number and path.
    pub fn sort(self, rows: &mut [Row]) {
        rows.sort_by_key(|row| Reverse(row.returns));
        let by = |rows: &mut [Row], key: fn(&Row) -> u64| rows.sort_by_key(|row| Reverse(key(row)));
        let by_latency = |rows: &mut [Row], key: fn(&Latency) -> u64| {
            rows.sort_by_key(|row| Reverse(row.latency.as_ref().map(key)));
        };
        match self {
            Self::Total => by_latency(rows, |latency| latency.sum),
            Self::Returns => {}
            Self::P50 => by_latency(rows, |latency| latency.p50),
            Self::P99 => by_latency(rows, |latency| latency.p99),
            Self::Max => by_latency(rows, |latency| latency.max),
            // Nanosecond means order by their bits as they order by value: none is negative.
            Self::Mean => by_latency(rows, |latency| latency.mean.to_bits()),
            Self::Errors => by(rows, Row::failed),
            Self::Name => rows.sort_by_key(Row::name),
            Self::Path => rows.sort_by_key(|row| row.paths.iter().map(|&(path, _)| path).collect::<Vec<_>>()),
        }
    }
}
