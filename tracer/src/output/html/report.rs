//! The page of one recording: its data, as `html/report.js` takes them.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{LIMIT, curves, own_size, points};
use crate::{
    histogram::Histogram,
    output::human,
    report::{CallName, Cost, InFlight, Latency, Named, Report, Row},
};

const SCRIPT: &str = include_str!("report.js");
/// Where a curve is drawn: close together where tails are.
const QUANTILES: [f64; 33] = [
    0.0001, 0.001, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7,
    0.75, 0.8, 0.85, 0.9, 0.92, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999,
];
/// What a value of a curve takes.
const POINT_BYTES: usize = 7;

/// Writes the page. So that it stays below [`LIMIT`], curves are thinned, and then rows left out, the last ones first.
///
/// # Errors
///
/// Those of the writer.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let title = format!("exitpath: Linux {}", report.metadata.kernel.release);
    super::write(&title, SCRIPT, &data(report), to)
}

fn data(report: &Report) -> Value {
    let metadata = &report.metadata;
    let mut data = json!({
        "title": format!("System calls by exit path, Linux {}", metadata.kernel.release),
        "subtitle": format!(
            "{} on {} CPUs ({}); exitpath {}",
            human::time(report.duration_ns), report.cpus, metadata.machine.cpu_model, env!("CARGO_PKG_VERSION")
        ),
        "returns": report.returns,
        "timed": report.timed,
        "rate": (report.duration_ns > 0).then(|| human::rate(report.returns, report.duration_ns)),
        "fidelity": report.claim.fidelity,
        "note": report.claim.note,
        "countsOnly": metadata.counts_only,
        "sample": metadata.sample,
        "paths": report.paths.iter().map(|one| json!([one.path.name(), one.returns, one.share])).collect::<Vec<_>>(),
        "reasons": counts(&report.reasons),
        "causes": counts(&report.causes),
        "loss": counts(&report.loss),
        "untimed": counts(&report.untimed),
        "missed": counts(&report.missed),
        "diversions": counts(&report.diversions),
        "cost": cost(&report.cost),
        "about": about(report),
        "inFlight": report.in_flight.as_ref().map(|calls| calls.iter().map(in_flight).collect::<Vec<_>>()),
        "omitted": [report.omitted.rows as u64, report.omitted.returns],
        "leftOut": 0,
        "quantiles": [],
        "turnaround": [],
        "rows": [],
    });
    let room = LIMIT.saturating_sub(own_size(SCRIPT) + data.to_string().len() + 8_000);
    let bare: usize = report.rows.iter().map(|one| row(one, &Value::Null).to_string().len() + 1).sum();
    let every = curves(report.rows.len(), QUANTILES.len(), POINT_BYTES, room.saturating_sub(bare));
    let quantiles: Vec<_> = QUANTILES.into_iter().step_by(every.unwrap_or(1)).collect();
    let curve = |histogram: &Histogram| {
        points(quantiles.iter().map(|&at| histogram.quantile(at).map_or(f64::NAN, |ns| ns as f64)))
    };
    data["quantiles"] = quantiles.clone().into();
    data["turnaround"] = report
        .turnaround
        .iter()
        .map(|one| json!([one.path.name(), times(&one.latency), curve(&one.histogram)]))
        .collect();
    let mut left = room;
    let mut rows = Vec::new();
    for one in &report.rows {
        let drawn = every.filter(|_| one.timed > 0).map(|_| curve(&one.histogram));
        let row = row(one, &drawn.unwrap_or_default());
        let size = row.to_string().len() + 1;
        let Some(rest) = left.checked_sub(size) else { break };
        left = rest;
        rows.push(row);
    }
    data["leftOut"] = (report.rows.len() - rows.len()).into();
    data["rows"] = rows.into();
    data
}

fn row(row: &Row, curve: &Value) -> Value {
    json!({
        "call": row.name(),
        "path": row.path(),
        "returns": row.returns,
        "share": super::significant(row.share),
        "timed": row.timed,
        "uncertain": row.uncertain,
        "failed": row.failed(),
        "errors": counts(&row.errors),
        "reasons": counts(&row.reasons),
        "causes": counts(&row.causes),
        "service": row.latency.as_ref().map(times),
        "work": row.work.as_ref().map(times),
        "curve": curve,
    })
}

/// Count, sum, mean, min, p50, p90, p99, p99.9, max, values above the range.
fn times(latency: &Latency) -> Value {
    let Latency { count, min, max, sum, mean, p50, p90, p99, p999, overflow } = *latency;
    json!([count, sum, super::significant(mean), min, p50, p90, p99, p999, max, overflow])
}

fn counts(counts: &[Named]) -> Vec<Value> {
    counts.iter().map(|one| json!([one.name, one.count])).collect()
}

fn in_flight(call: &InFlight) -> Value {
    let InFlight { tid, comm, call, age_ns } = call;
    json!([tid, comm, CallName::new(*call).label(), age_ns])
}

fn cost(cost: &Cost) -> Vec<(&'static str, String)> {
    let unknown = || "not measured".to_owned();
    vec![
        ("programs, a call", cost.ns_per_call.map_or_else(unknown, human::mean_time)),
        ("programs, of CPU time", cost.cpu_share.map_or_else(unknown, human::percent)),
        ("reader, CPU time", human::time(cost.reader_ns)),
        (
            "maps",
            format!("{:.1} MiB for {} CPUs", cost.map_bytes as f64 / f64::from(1 << 20), cost.possible_cpus),
        ),
    ]
}

/// What the recording says about itself.
fn about(report: &Report) -> Vec<(&'static str, String)> {
    let metadata = &report.metadata;
    let (kernel, machine, plan) = (&metadata.kernel, &metadata.machine, &metadata.plan);
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let mitigations: Vec<_> =
        machine.mitigations.iter().map(|(name, state)| format!("{name}: {state}")).collect();
    vec![
        ("kernel", format!("Linux {} {}", kernel.release, kernel.version)),
        ("frame", format!("{}, decided in {}", kernel.frame, kernel.decision)),
        ("command line", kernel.command_line.clone()),
        ("plan", format!("{} ({})", plan.name, report.claim.fidelity)),
        ("attached", plan.attached.join(", ")),
        ("cannot see", or(plan.blind_spots.join("; "), "nothing known")),
        ("filters", or(metadata.filters.join(" "), "none")),
        ("command", or(metadata.command.join(" "), "the whole machine")),
        ("processor", format!("{}, microcode {}", machine.cpu_model, machine.microcode)),
        ("governor", machine.governor.clone().unwrap_or_else(|| "none".to_owned())),
        ("SMT", machine.smt.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("mitigations", or(mitigations.join("; "), "none said")),
        ("clock, precision", format!("{}, {} digits", metadata.clock, metadata.precision)),
        ("recorded by", metadata.tool.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{View, fixture::report};

    #[test]
    fn the_data_hold_every_row_and_loss() {
        let report = report(&View::default());
        let data = data(&report);
        assert_eq!(data["rows"].as_array().unwrap().len(), report.rows.len());
        assert_eq!(data["loss"].as_array().unwrap().len(), report.loss.len());
        assert_eq!(data["leftOut"], 0);
        insta::assert_json_snapshot!(data["rows"][0]);
    }

    #[test]
    fn many_rows_are_cut_to_the_limit() {
        let mut report = report(&View::default());
        report.rows = (0..6_000).map(|at| report.rows[at % 9].clone()).collect();
        let mut bytes = Vec::new();
        write(&report, &mut bytes).unwrap();
        assert!(bytes.len() < LIMIT, "{}", bytes.len());
        assert!(data(&report)["leftOut"].as_u64() > Some(1_000));
    }
}
