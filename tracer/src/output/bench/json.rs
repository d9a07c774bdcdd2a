//! The results as JSON; docs/JSON.md documents every key.

use serde_json::{Map, Value, json};

use crate::{
    bench::{
        Disturbance,
        results::{Against, Results, Row},
    },
    report::CallName,
};

/// The object under `bench`.
#[must_use]
pub fn object(results: &Results) -> Value {
    let Results {
        cpu,
        rounds,
        clock,
        rate,
        clock_ns,
        loop_ns,
        no_cycles,
        warnings,
        skipped,
        rows,
        against,
        tracer,
    } = results;
    json!({
        "cpu": cpu,
        "rounds": rounds,
        "clock": {
            "source": clock.name(),
            "ticks_per_ns": rate.ticks_per_ns,
            "error_ppm": rounded(rate.error * 1e6),
            "over_ns": rate.over_ns,
            "pair_ns": rounded(*clock_ns),
        },
        "loop_ns": rounded(*loop_ns),
        "no_cycles": no_cycles,
        "warnings": warnings,
        "skipped": skipped.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect::<Vec<_>>(),
        "tracer": tracer.as_ref().map(|tracer| match tracer {
            Ok(plan) => json!({ "plan": plan }),
            Err(why) => json!({ "not_traced": why }),
        }),
        "benches": rows.iter().map(|one| row(one, *clock_ns)).collect::<Vec<_>>(),
        "against_bare": against.iter().map(compared).collect::<Vec<_>>(),
    })
}

fn row(row: &Row, clock_ns: f64) -> Value {
    let call = CallName::new(row.bench.call);
    let summary = &row.summary;
    let disturbed: Map<String, Value> = Disturbance::ALL
        .into_iter()
        .map(|kind| (kind.name().to_owned(), row.disturbed[kind as usize].into()))
        .collect();
    json!({
        "name": row.bench.name,
        "condition": row.condition.name(),
        "abi": call.abi.name(),
        "nr": call.nr,
        "syscall": call.name,
        "path": row.route.path.name(),
        "calls": row.calls,
        "untimed_calls": row.untimed_calls,
        "total_ns": row.ns.round(),
        "usecs_per_op": rounded(row.mean()) / 1e3,
        "ops_per_sec": row.rate().round(),
        "batches": summary.batches,
        "calls_per_batch": row.batch,
        "batch_ns": {
            "min": rounded(summary.min),
            "p50": rounded(summary.p50),
            "p99": rounded(summary.p99),
            "max": rounded(summary.max),
            "mean": rounded(row.mean()),
        },
        "clock_share": row.clock_share(clock_ns),
        "disturbed": disturbed,
        "cycles_per_op": row.cycles.map(|(cycles, _)| rounded(cycles)),
        "instructions_per_op": row.cycles.map(|(_, instructions)| rounded(instructions)),
    })
}

fn compared(one: &Against) -> Value {
    json!({
        "name": one.name,
        "condition": one.condition.name(),
        "rounds": one.rounds,
        "bare_ns": rounded(one.bare),
        "with_ns": rounded(one.with),
        "added_ns": rounded(one.added),
        "ratio": rounded(one.ratio()),
    })
}

/// To the picosecond: more digits say nothing.
fn rounded(ns: f64) -> f64 {
    (ns * 1e3).round() / 1e3
}
