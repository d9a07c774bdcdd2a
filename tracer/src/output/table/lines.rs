//! The lines above and below the rows.

use std::io::{self, Write};

use super::{Ink, Style, human};
use crate::report::{CallName, Cost, InFlight, Named, Report};

/// What was traced, how well, for how long; all returns and the path mix.
pub(super) fn head(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let (metadata, kernel) = (&report.metadata, &report.metadata.kernel);
    if let Some(number) = report.interval {
        let end = report.start_ns.saturating_add(report.duration_ns);
        writeln!(to, "interval {number}: {} to {}", human::time(report.start_ns), human::time(end))?;
    }
    let line = format!(
        "Linux {}, {} frame, decided in {}; plan {} ({}); {} on {} CPUs",
        kernel.release,
        kernel.frame,
        kernel.decision,
        metadata.plan.name,
        report.claim.fidelity,
        human::time(report.duration_ns),
        report.cpus,
    );
    writeln!(to, "{}", style.paint(Ink::Bold, &line))?;
    if metadata.counts_only {
        writeln!(to, "{}", style.paint(Ink::Yellow, "counts only, no latency"))?;
    }
    if metadata.sample > 1 {
        let line = format!(
            "sampled 1 in {}: all returns counted, {} timed",
            metadata.sample,
            human::count(report.timed)
        );
        writeln!(to, "{}", style.paint(Ink::Yellow, &line))?;
    }
    if !metadata.filters.is_empty() {
        writeln!(to, "filters: {}", metadata.filters.join(" "))?;
    }
    if !metadata.command.is_empty() {
        writeln!(to, "command: {}", metadata.command.join(" "))?;
    }
    write!(to, "{} returns", human::count(report.returns))?;
    if report.duration_ns > 0 && report.returns > 0 {
        write!(to, " ({})", human::rate(report.returns, report.duration_ns))?;
    }
    let mix: Vec<_> = report
        .paths
        .iter()
        .map(|one| {
            format!("{} {} ({})", one.path.name(), human::percent(one.share), human::count(one.returns))
        })
        .collect();
    if !mix.is_empty() {
        write!(to, ": {}", mix.join(", "))?;
    }
    writeln!(to)
}

/// Turnaround, loss, what was not timed, own cost, notes.
pub(super) fn foot(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for one in &report.turnaround {
        let time = &one.latency;
        writeln!(
            to,
            "turnaround after {}: n {}, min {}, p50 {}, p90 {}, p99 {}, max {}",
            one.path.name(),
            human::count(time.count),
            human::time(time.min),
            human::time(time.p50),
            human::time(time.p90),
            human::time(time.p99),
            human::time(time.max),
        )?;
    }
    if report.has_loss() {
        writeln!(to, "{}", style.paint(Ink::Red, &format!("loss: {}", nonzero(&report.loss))))?;
    } else {
        writeln!(to, "loss: none")?;
    }
    let untimed = nonzero(&report.untimed);
    if !untimed.is_empty() {
        writeln!(to, "untimed: {untimed}")?;
    }
    let missed = nonzero(&report.missed);
    if !missed.is_empty() {
        writeln!(to, "skipped program runs: {missed}")?;
    }
    let diversions = nonzero(&report.diversions);
    if !diversions.is_empty() {
        writeln!(to, "off the fast path: {diversions}")?;
    }
    writeln!(to, "own cost: {}", cost(&report.cost))?;
    if report.cost.map_bytes > 0 {
        let mebibytes = report.cost.map_bytes as f64 / f64::from(1 << 20);
        writeln!(to, "maps: {mebibytes:.1} MiB for {} possible CPUs", report.cost.possible_cpus)?;
    }
    if let Some(note) = &report.claim.note {
        writeln!(to, "{}", style.paint(Ink::Yellow, &format!("note: bounds, because {note}")))?;
    }
    if let Some(calls) = &report.in_flight {
        in_flight(calls, to)?;
    }
    Ok(())
}

fn nonzero(counts: &[Named]) -> String {
    let items: Vec<_> = counts
        .iter()
        .filter(|one| one.count > 0)
        .map(|one| format!("{} {}", one.name, human::count(one.count)))
        .collect();
    items.join(", ")
}

fn cost(cost: &Cost) -> String {
    let mut parts = Vec::new();
    if let Some(ns) = cost.ns_per_call {
        let (runs, window) = (human::count(cost.runs), human::time(cost.window_ns));
        parts.push(format!("{} a call ({runs} program runs measured in {window})", human::mean_time(ns)));
    } else {
        parts.push("programs not measured".to_owned());
    }
    if let Some(share) = cost.cpu_share {
        parts.push(format!("programs {} of CPU time", human::percent(share)));
    }
    parts.push(format!("reader {}", human::time(cost.reader_ns)));
    parts.join(", ")
}

fn in_flight(calls: &[InFlight], to: &mut dyn Write) -> io::Result<()> {
    if calls.is_empty() {
        return writeln!(to, "in flight at the end: none");
    }
    writeln!(to, "in flight at the end:")?;
    for one in calls {
        let InFlight { tid, comm, call, age_ns } = one;
        let comm = comm.as_deref().unwrap_or("?");
        let age = age_ns.map_or_else(|| "an unknown time".to_owned(), human::time);
        writeln!(to, "  {tid:>7}  {comm:<15}  {} for {age}", CallName::new(*call).label())?;
    }
    Ok(())
}
