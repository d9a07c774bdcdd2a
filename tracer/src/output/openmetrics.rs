//! `OpenMetrics` text, version 1.0.0, which Prometheus reads.
//!
//! Histograms are classic, with few buckets: every second power of two. Latencies are whole nanoseconds, so that
//! "at most 2^k - 1 ns" cuts exactly between two of `HdrHistogram`'s cells: the buckets are exact.

mod family;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use family::{Family, Kind, Labels};

use crate::{
    histogram::Histogram,
    report::{Named, Report, Row},
};

/// Writes a report as one exposition.
///
/// # Errors
///
/// Those of the writer.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    infos(report, to)?;
    calls(report, to)?;
    paths(report, to)?;
    own(report, to)?;
    writeln!(to, "# EOF")
}

fn infos(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let metadata = &report.metadata;
    let build = [("tool", metadata.tool.clone())];
    Family::new("exitpath_build", Kind::Info, "The tool that recorded.").begin(to)?.value(&build, 1)?;
    let kernel = [
        ("release", metadata.kernel.release.clone()),
        ("frame", metadata.kernel.frame.clone()),
        ("decision", metadata.kernel.decision.clone()),
        ("plan", metadata.plan.name.clone()),
        ("fidelity", report.claim.fidelity.clone()),
    ];
    Family::new("exitpath_kernel", Kind::Info, "The traced kernel, and what may be claimed of its paths.")
        .begin(to)?
        .value(&kernel, 1)?;
    Family::new("exitpath_recorded_seconds", Kind::Gauge, "How long was recorded.")
        .begin(to)?
        .seconds(&[], report.duration_ns)?;
    Family::new(
        "exitpath_sampling_interval",
        Kind::Gauge,
        "One call in this many is timed; all returns are counted.",
    )
    .begin(to)?
    .value(&[], u64::from(metadata.sample))
}

fn calls(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut returns =
        Family::new("exitpath_returns", Kind::Counter, "System calls that returned to user mode.")
            .begin(to)?;
    for row in &report.rows {
        returns.value(&labels(row), row.returns)?;
    }
    let help = "Service time of system calls, sys_enter to sys_exit.";
    let mut durations = Family::new("exitpath_syscall_duration_seconds", Kind::Histogram, help).begin(to)?;
    for row in report.rows.iter().filter(|row| row.timed > 0) {
        buckets(&mut durations, &labels(row), &row.histogram)?;
    }
    let mut errors = BTreeMap::new();
    for row in &report.rows {
        for error in &row.errors {
            let mut labels: Vec<_> = labels(row).into_iter().filter(|&(name, _)| name != "path").collect();
            labels.push(("errno", error.name.clone()));
            let sum: &mut u64 = errors.entry(labels).or_default();
            *sum = sum.saturating_add(error.count);
        }
    }
    let mut family =
        Family::new("exitpath_syscall_errors", Kind::Counter, "Failed system calls.").begin(to)?;
    for (labels, count) in errors {
        family.value(&labels, count)?;
    }
    Ok(())
}

fn paths(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let help = "Failed tests that kept returns from SYSRET; a return may have failed several.";
    named("exitpath_exit_reasons", "reason", help, &report.reasons, to)?;
    let help = "What stood behind returns that did not leave by SYSRET, where it was seen.";
    named("exitpath_exit_causes", "cause", help, &report.causes, to)?;
    let help = "From a thread's return by this path to its next entry.";
    let mut family = Family::new("exitpath_turnaround_seconds", Kind::Histogram, help).begin(to)?;
    for one in &report.turnaround {
        buckets(&mut family, &[("path", one.path.name().to_owned())], &one.histogram)?;
    }
    Ok(())
}

fn own(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let help = "What is missing from the result.";
    named("exitpath_events_missed", "reason", help, &report.loss, to)?;
    let help = "Returns without a latency although nothing was lost, and calls that never returned.";
    named("exitpath_untimed", "reason", help, &report.untimed, to)?;
    let cost = &report.cost;
    let counters = [
        ("exitpath_bpf_run_seconds", "Time in the tracer's BPF programs while it was measured.", cost.run_ns),
        ("exitpath_bpf_window_seconds", "For how long that was measured.", cost.window_ns),
        ("exitpath_reader_cpu_seconds", "CPU time of the process that reads the maps.", cost.reader_ns),
    ];
    for (name, help, ns) in counters {
        Family::new(name, Kind::Counter, help).begin(to)?.seconds(&[], ns)?;
    }
    Family::new(
        "exitpath_bpf_runs",
        Kind::Counter,
        "Runs of the tracer's BPF programs while they were measured.",
    )
    .begin(to)?
    .value(&[], cost.runs)
}

fn named(
    name: &str,
    label: &'static str,
    help: &str,
    counts: &[Named],
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut family = Family::new(name, Kind::Counter, help).begin(to)?;
    for one in counts {
        family.value(&[(label, one.name.clone())], one.count)?;
    }
    Ok(())
}

fn labels(row: &Row) -> Vec<(&'static str, String)> {
    let mut labels = Vec::new();
    if let Some(call) = &row.call {
        labels.push(("syscall", call.name.clone()));
    }
    labels.push(("path", row.path()));
    if let Some(call) = &row.call {
        labels.push(("abi", call.abi.name().to_owned()));
    }
    labels
}

/// Buckets end at 2^k - 1 ns, k = 7, 9, ... 35: 127 ns to 34 s.
fn edges() -> impl Iterator<Item = u64> {
    (7..=35).step_by(2).map(|bits| (1 << bits) - 1)
}

/// Values up to each edge in ns, cumulative, and all values.
#[must_use]
pub fn classic(histogram: &Histogram) -> (Vec<(u64, u64)>, u64) {
    let mut cells = histogram.cells.iter().peekable();
    let mut below = 0_u64;
    let counts = edges().map(|edge| {
        while let Some((_, &count)) =
            cells.next_if(|&(&cell, _)| histogram.precision.highest(usize::from(cell)) <= edge)
        {
            below = below.saturating_add(count);
        }
        (edge, below)
    });
    let counts = counts.collect();
    (counts, cells.fold(below, |sum, (_, &count)| sum.saturating_add(count)))
}

fn buckets(family: &mut Family<'_>, labels: &Labels, histogram: &Histogram) -> io::Result<()> {
    let (counts, all) = classic(histogram);
    for (edge, below) in counts {
        family.bucket(labels, Some(edge), below)?;
    }
    family.bucket(labels, None, all)?;
    family.totals(labels, all, histogram.sum)
}

#[cfg(test)]
mod tests;
