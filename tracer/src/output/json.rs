//! One JSON object, schema `exitpath.report/1`; docs/JSON.md documents every key.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::report::{CallName, Claim, Cost, Grouping, InFlight, Latency, Named, Report, Row};

/// Name and version of the schema. A new key keeps the version; a changed or dropped one does not.
pub const SCHEMA: &str = "exitpath.report/1";

/// Writes a report as one indented object.
///
/// # Errors
///
/// Those of the writer.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &object(report))?;
    writeln!(to)
}

/// Writes a report as one object on one line.
///
/// # Errors
///
/// Those of the writer.
pub fn write_line(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *to, &object(report))?;
    writeln!(to)
}

/// The object.
#[must_use]
pub fn object(report: &Report) -> Value {
    let metadata = &report.metadata;
    let Claim { fidelity, note } = &report.claim;
    let mut object = json!({
        "schema": SCHEMA,
        "tool": metadata.tool,
        "kernel": metadata.kernel,
        "machine": metadata.machine,
        "conditions": metadata.conditions,
        "run": metadata.run,
        "plan": {
            "name": metadata.plan.name,
            "fidelity": fidelity,
            "attached": metadata.plan.attached,
            "blind_spots": metadata.plan.blind_spots,
        },
        "fidelity_note": note,
        "started_at": metadata.started_at,
        "interval": report.interval,
        "start_ns": report.start_ns,
        "duration_ns": report.duration_ns,
        "cpus": report.cpus,
        "clock": metadata.clock,
        "precision": metadata.precision,
        "filters": metadata.filters,
        "sample": metadata.sample,
        "counts_only": metadata.counts_only,
        "divert": metadata.divert,
        "command": metadata.command,
        "returns": report.returns,
        "timed": report.timed,
        "paths": report.paths.iter().map(|one| (one.path.name().to_owned(), one.returns.into())).collect::<Map<_, _>>(),
        "reasons": counts(&report.reasons),
        "causes": counts(&report.causes),
        "grouping": grouping(report.grouping),
        "series": report.rows.iter().map(series).collect::<Vec<_>>(),
        "omitted": { "series": report.omitted.rows, "returns": report.omitted.returns },
        "turnaround_ns": report.turnaround.iter()
            .map(|one| (one.path.name().to_owned(), times(&one.latency, true)))
            .collect::<Map<_, _>>(),
        "loss": counts(&report.loss),
        "untimed": counts(&report.untimed),
        "recursion_misses": counts(&report.missed),
        "own_cost": cost(&report.cost),
    });
    if let (false, Value::Object(object)) = (report.diversions.is_empty(), &mut object) {
        object.insert("diversions".to_owned(), counts(&report.diversions));
    }
    if let (Some(calls), Value::Object(object)) = (&report.in_flight, &mut object) {
        object.insert("in_flight".to_owned(), calls.iter().map(in_flight).collect());
    }
    object
}

const fn grouping(grouping: Grouping) -> &'static str {
    match grouping {
        Grouping::SyscallPath => "syscall-path",
        Grouping::Syscall => "syscall",
        Grouping::Path => "path",
    }
}

fn series(row: &Row) -> Value {
    let call = row.call.as_ref();
    let mut object = json!({
        "abi": call.map(|call| call.abi.name()),
        "nr": call.map(|call| call.nr),
        "syscall": call.map(|call| &call.name),
        "path": row.path(),
        "returns": row.returns,
        "timed": row.timed,
        "uncertain": row.uncertain,
        "reasons": counts(&row.reasons),
        "causes": counts(&row.causes),
        "errors": counts(&row.errors),
        "latency_ns": row.latency.as_ref().map(|latency| times(latency, false)),
        "exit_work_ns": row.work.as_ref().map(|latency| times(latency, true)),
    });
    if let (true, Value::Object(object)) = (row.paths.len() > 1, &mut object) {
        let paths: Map<_, _> =
            row.paths.iter().map(|&(path, returns)| (path.name().to_owned(), returns.into())).collect();
        object.insert("paths".to_owned(), paths.into());
    }
    object
}

fn times(latency: &Latency, with_count: bool) -> Value {
    let Latency { count, min, max, sum, mean, p50, p90, p99, p999, overflow } = *latency;
    let mut object = Map::new();
    if with_count {
        object.insert("count".to_owned(), count.into());
    }
    for (name, value) in [("min", min), ("max", max), ("sum", sum)] {
        object.insert(name.to_owned(), value.into());
    }
    object.insert("mean".to_owned(), rounded(mean).into());
    for (name, value) in [("p50", p50), ("p90", p90), ("p99", p99), ("p999", p999), ("overflow", overflow)] {
        object.insert(name.to_owned(), value.into());
    }
    object.into()
}

fn cost(cost: &Cost) -> Value {
    let Cost {
        runs,
        run_ns,
        window_ns,
        reader_ns,
        map_bytes,
        possible_cpus,
        ns_per_run,
        ns_per_call,
        cpu_share,
    } = *cost;
    json!({
        "runs": runs,
        "run_ns": run_ns,
        "ns_per_run": ns_per_run.map(rounded),
        "ns_per_call": ns_per_call.map(rounded),
        "window_ns": window_ns,
        "cpu_share": cpu_share,
        "reader_ns": reader_ns,
        "map_bytes": map_bytes,
        "possible_cpus": possible_cpus,
    })
}

fn in_flight(call: &InFlight) -> Value {
    let InFlight { tid, comm, call, age_ns } = call;
    let call = CallName::new(*call);
    json!({ "tid": tid, "comm": comm, "syscall": call.name, "abi": call.abi.name(), "age_ns": age_ns })
}

fn counts(counts: &[Named]) -> Value {
    counts.iter().map(|one| (one.name.clone(), one.count.into())).collect::<Map<_, _>>().into()
}

/// To the picosecond: more digits of a mean say nothing.
fn rounded(ns: f64) -> f64 {
    (ns * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
