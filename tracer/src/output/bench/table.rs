//! The table: under what conditions, a row a bench, and what to make of it.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};

use super::super::human;
use crate::{
    bench::{
        Disturbance,
        results::{Against, Results, Row},
        rounds::Condition,
    },
    metadata::Metadata,
    report::CallName,
};

/// A batch of which the clock is more than this share is said to be too short.
const CLOCK_SHARE: f64 = 0.001;

/// Writes the results as a table; `width` in columns, `None` for no limit.
///
/// # Errors
///
/// Those of the writer.
pub fn write(
    results: &Results,
    metadata: &Metadata,
    width: Option<usize>,
    to: &mut dyn Write,
) -> io::Result<()> {
    head(results, metadata, to)?;
    if !results.rows.is_empty() {
        writeln!(to)?;
        rows(results, width, to)?;
        writeln!(to)?;
    }
    for one in &results.against {
        against(one, to)?;
    }
    foot(results, to)
}

fn head(results: &Results, metadata: &Metadata, to: &mut dyn Write) -> io::Result<()> {
    let kernel = &metadata.kernel;
    writeln!(
        to,
        "Linux {}, {} frame, decided in {}; CPU {} of {} ({}); {} rounds",
        kernel.release,
        kernel.frame,
        kernel.decision,
        results.cpu,
        metadata.machine.cpus,
        metadata.machine.cpu_model,
        results.rounds,
    )?;
    let rate = results.rate;
    writeln!(
        to,
        "clock: {} at {:.6} GHz, +-{:.3} ppm against CLOCK_MONOTONIC_RAW over {}; reading it twice {}, \
         an empty turn of the loop {} (neither is taken off)",
        results.clock.name(),
        rate.ticks_per_ns,
        rate.error * 1e6,
        human::time(rate.over_ns),
        ns(results.clock_ns),
        ns(results.loop_ns),
    )
}

/// The columns, and which are left out first where the terminal is narrow: the larger numbers. 0 stays.
const COLUMNS: [(&str, u8); 13] = [
    ("bench", 0),
    ("call", 3),
    ("path", 0),
    ("calls", 4),
    ("batches", 7),
    ("min", 2),
    ("p50", 0),
    ("p99", 1),
    ("usecs/op", 0),
    ("ops/sec", 6),
    ("cycles/op", 0),
    ("instr/op", 5),
    ("disturbed", 0),
];
/// The first columns hold text.
const TEXTS: usize = 3;

fn rows(results: &Results, width: Option<usize>, to: &mut dyn Write) -> io::Result<()> {
    let cycles = results.rows.iter().any(|row| row.cycles.is_some());
    let mut kept: Vec<usize> = (0..COLUMNS.len())
        .filter(|&at| cycles || !["cycles/op", "instr/op"].contains(&COLUMNS[at].0))
        .collect();
    let mut dropped = Vec::new();
    loop {
        let text = grid(results, &kept);
        let widest = text.lines().map(str::len).max().unwrap_or(0);
        let next = kept.iter().copied().max_by_key(|&at| COLUMNS[at].1).filter(|&at| COLUMNS[at].1 > 0);
        match next {
            Some(next) if width.is_some_and(|width| widest > width) => {
                kept.retain(|&at| at != next);
                dropped.push(COLUMNS[next].0);
            }
            _ => {
                writeln!(to, "{text}")?;
                break;
            }
        }
    }
    if !dropped.is_empty() {
        writeln!(
            to,
            "left out to fit the width: {} (a wider terminal or --format json has them)",
            dropped.join(", ")
        )?;
    }
    Ok(())
}

fn grid(results: &Results, kept: &[usize]) -> String {
    let conditions = results.rows.iter().any(|row| row.condition != Condition::Bare);
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(kept.iter().map(|&at| COLUMNS[at].0));
    for row in &results.rows {
        let cells = cells(row, conditions);
        table.add_row(kept.iter().map(|&at| cells[at].clone()));
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if number == 0 { 0 } else { 2 }, 0));
        let left = kept[number] < TEXTS;
        column.set_cell_alignment(if left { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.trim_fmt()
}

fn cells(row: &Row, conditions: bool) -> [String; COLUMNS.len()] {
    let name = if conditions && row.condition != Condition::Bare {
        format!("{} ({})", row.bench.name, row.condition.name())
    } else {
        row.bench.name.to_owned()
    };
    let summary = &row.summary;
    let counted =
        |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.1}"));
    [
        name,
        CallName::new(row.bench.call).label(),
        row.route.path.name().to_owned(),
        human::count(row.calls),
        format!("{}x{}", summary.batches, human::count(row.batch)),
        ns(summary.min),
        ns(summary.p50),
        ns(summary.p99),
        format!("{:.6}", row.mean() / 1e3),
        human::count(row.rate().round() as u64),
        counted(row.cycles.map(|(cycles, _)| cycles)),
        counted(row.cycles.map(|(_, instructions)| instructions)),
        human::count(row.disturbed.iter().sum()),
    ]
}

fn against(one: &Against, to: &mut dyn Write) -> io::Result<()> {
    let what = match one.condition {
        Condition::Traced => "with exitpath recording",
        Condition::Diverted => "on the slow path",
        Condition::Bare => "bare",
    };
    writeln!(
        to,
        "{} {what}: {} against {}, {}{} a call, x{:.2} ({} rounds, medians)",
        one.name,
        ns(one.with),
        ns(one.bare),
        if one.added < 0.0 { "-" } else { "+" },
        ns(one.added.abs()),
        one.ratio(),
        one.rounds,
    )
}

fn foot(results: &Results, to: &mut dyn Write) -> io::Result<()> {
    match &results.tracer {
        Some(Ok(plan)) => writeln!(to, "recorder: plan {plan}, attached and detached in every round")?,
        Some(Err(why)) => writeln!(to, "not traced: {why}")?,
        None => {}
    }
    for row in &results.rows {
        let kinds: Vec<_> = Disturbance::ALL
            .into_iter()
            .map(|kind| (kind.name(), row.disturbed[kind as usize]))
            .filter(|&(_, count)| count > 0)
            .map(|(name, count)| format!("{name} {}", human::count(count)))
            .collect();
        if !kinds.is_empty() {
            let (name, condition) = (row.bench.name, row.condition.name());
            let batches = human::count(row.summary.batches as u64);
            writeln!(to, "disturbed: {name} ({condition}): {} of {batches} batches", kinds.join(", "))?;
        }
        let share = row.clock_share(results.clock_ns);
        if share > CLOCK_SHARE {
            let (name, share) = (row.bench.name, human::percent(share));
            let calls = human::count(row.batch);
            writeln!(to, "short: {name}: reading the clock is {share} of a batch ({calls} a batch)")?;
        }
    }
    for (name, why) in &results.skipped {
        writeln!(to, "skipped: {name}: {why}")?;
    }
    if let Some(why) = &results.no_cycles {
        writeln!(to, "cycles: {why}")?;
    }
    for warning in &results.warnings {
        writeln!(to, "warning: {warning}")?;
    }
    Ok(())
}

/// A time in ns, finer than other tables show it: differences of a per cent count here.
fn ns(ns: f64) -> String {
    for (unit, size) in [("ns", 1.0), ("us", 1e3), ("ms", 1e6)] {
        if ns / size < 999.995 {
            return format!("{:.2}{unit}", ns / size);
        }
    }
    format!("{:.2}s", ns / 1e9)
}
