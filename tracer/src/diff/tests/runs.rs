//! Runs to compare.

use tracer_common::{Abi, Path, SeriesKey, SyscallId};

use crate::{
    diff::{Gather, Run},
    histogram::{Histogram, Precision},
    metadata::{self, Metadata},
    snapshot::{Series, Snapshot},
};

/// The key of a call.
pub fn key(nr: u16, path: Path) -> SeriesKey {
    SeriesKey::new(SyscallId { abi: Abi::X86_64, nr }, path)
}

/// A series of one interval: so many calls, spread evenly over a tenth around a time in ns; one in twenty fails.
pub fn series(count: u64, around: f64) -> Series {
    let mut latency = Histogram::new(Precision::Two);
    for at in 0..count {
        latency.record((around * (0.95 + 0.1 * (at as f64 + 0.5) / count as f64)) as u64);
    }
    Series { returns: count, errors: [(2, count / 20)].into(), latency, ..Series::new(Precision::Two) }
}

/// A run of intervals of one second.
pub fn run(id: &str, intervals: impl IntoIterator<Item = Vec<(SeriesKey, Series)>>) -> Run {
    let run = metadata::Run { id: id.to_owned(), ..metadata::Run::default() };
    let head = Metadata { precision: 2, run: Some(run), ..Metadata::default() };
    let mut gather = Gather::new(format!("{id}.hlog"), head);
    for (number, series) in intervals.into_iter().enumerate() {
        gather.take(&Snapshot {
            start_ns: number as u64 * 1_000_000_000,
            duration_ns: 1_000_000_000,
            series: series.into_iter().collect(),
            ..Snapshot::default()
        });
    }
    gather.finish(Vec::new())
}

/// Runs that differ by about 1 %, of six intervals that differ by about 1 %, of calls (key, count, ns).
pub fn side(name: &str, runs: usize, calls: &[(SeriesKey, u64, f64)]) -> Vec<Run> {
    // Weyl's sequence: spread evenly, and the same every time.
    let jitter = |number: usize| 0.02 * ((number as f64 * 0.618_034 + 0.3).fract() - 0.5);
    let offset = name.len();
    (0..runs)
        .map(|number| {
            let interval = |second: usize| -> Vec<(SeriesKey, Series)> {
                let factor =
                    1.0 + jitter(offset + 7 * number) + jitter(offset + 3 * number + 11 * second) / 2.0;
                calls.iter().map(|&(key, count, ns)| (key, series(count, ns * factor))).collect()
            };
            run(&format!("{name}{number}"), (0..6).map(interval))
        })
        .collect()
}
