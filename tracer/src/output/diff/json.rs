//! One JSON object, schema `exitpath.diff/1`; docs/JSON.md documents every key.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::{
    diff::{
        Advice, CallShift, Change, Comparison, CurvePoint, Estimate, FalsePositives, Level, Method, PathMix,
        Row, Side, Subject, TotalShift, Unit,
    },
    environment::Difference,
    report::CallName,
};

/// Name and version of the schema. A new key keeps the version; a changed or dropped one does not.
pub const SCHEMA: &str = "exitpath.diff/1";

/// Writes a comparison as one indented object.
///
/// # Errors
///
/// Those of the writer.
pub fn write(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &object(comparison))?;
    writeln!(to)
}

/// The object.
#[must_use]
pub fn object(comparison: &Comparison) -> Value {
    let Comparison {
        base,
        new,
        method,
        environment,
        forced,
        notes,
        advice,
        service,
        paths,
        exit_work,
        turnaround,
        omitted,
        mix,
        calls,
        total,
        aa,
        repeat,
    } = comparison;
    json!({
        "schema": SCHEMA,
        "tool": format!("exitpath {}", super::VERSION),
        "repeat": repeat,
        "base": side(base),
        "new": side(new),
        "method": self::method(method),
        "environment": differences(environment),
        "forced": differences(forced),
        "notes": notes,
        "advice": advice.as_ref().map(|Advice { runs, spread, effect, text }| {
            json!({ "runs": runs, "spread": number(*spread), "effect": number(*effect), "text": text })
        }),
        "total": total.as_ref().map(self::total),
        "mix": mix.iter().map(|PathMix { path, base, new, difference }| json!({
            "path": path.name(),
            "base": number(*base),
            "new": number(*new),
            "difference": estimate(*difference),
        })).collect::<Vec<_>>(),
        "calls": calls.iter().map(call).collect::<Vec<_>>(),
        "service": rows(service),
        "paths": rows(paths),
        "exit_work": rows(exit_work),
        "turnaround": rows(turnaround),
        "omitted": omitted,
        "aa": aa.map(|FalsePositives { shuffles, any, tests, found }| {
            json!({ "shuffles": shuffles, "any": any, "tests": tests, "found": found })
        }),
    })
}

fn side(side: &Side) -> Value {
    let Side { label, metadata, files, runs, intervals, duration_ns, returns, loss } = side;
    json!({
        "label": label,
        "files": files,
        "runs": runs,
        "intervals": intervals,
        "duration_ns": duration_ns,
        "returns": returns,
        "loss": loss.iter().map(|(name, count)| (name.clone(), (*count).into())).collect::<Map<_, _>>(),
        "metadata": metadata,
    })
}

fn method(method: &Method) -> Value {
    let Method { unit, seed, resamples, confidence, fdr, min_effect_ratio, min_effect_ns, tests, block } =
        *method;
    json!({
        "unit": match unit { Unit::Runs => "runs", Unit::Blocks => "blocks", Unit::Hosts => "hosts" },
        "seed": seed,
        "resamples": resamples,
        "confidence": confidence,
        "fdr": fdr,
        "min_effect": { "ratio": min_effect_ratio, "ns": min_effect_ns },
        "tests": tests,
        "block": block,
    })
}

fn differences(differences: &[Difference]) -> Vec<Value> {
    let object =
        |Difference { what, base, new }: &Difference| json!({ "what": what, "base": base, "new": new });
    differences.iter().map(object).collect()
}

fn total(total: &TotalShift) -> Value {
    let TotalShift { base, new, shift, workload, paths, within, paradox } = *total;
    json!({
        "base": number(base),
        "new": number(new),
        "shift": estimate(shift),
        "workload": estimate(workload),
        "paths": estimate(paths),
        "within": estimate(within),
        "paradox": paradox,
    })
}

fn call(shift: &CallShift) -> Value {
    let CallShift { call, base_timed, new_timed, base, new, shift, mix, within, paradox } = shift;
    let CallName { abi, nr, name } = call;
    json!({
        "abi": abi.name(),
        "nr": nr,
        "syscall": name,
        "base": { "timed": base_timed, "mean": number(*base) },
        "new": { "timed": new_timed, "mean": number(*new) },
        "shift": estimate(*shift),
        "mix": estimate(*mix),
        "within": estimate(*within),
        "paradox": paradox,
    })
}

fn rows(rows: &[Row]) -> Vec<Value> {
    rows.iter().map(row).collect()
}

fn row(row: &Row) -> Value {
    let Row { subject, base, new, changes, verdict, because, curve } = row;
    let call = match subject {
        Subject::Series(call, _) => Some(call),
        Subject::Path(_) => None,
    };
    json!({
        "abi": call.map(|call| call.abi.name()),
        "nr": call.map(|call| call.nr),
        "syscall": call.map(|call| &call.name),
        "path": subject.path().name(),
        "verdict": verdict.name(),
        "because": because,
        "base": level(base),
        "new": level(new),
        "metrics": changes.iter().map(|one| (one.metric.name().to_owned(), change(one))).collect::<Map<_, _>>(),
        "curve": curve.iter().map(point).collect::<Vec<_>>(),
    })
}

fn level(level: &Level) -> Value {
    let Level { runs, returns, timed, errors } = *level;
    json!({ "runs": runs, "returns": returns, "timed": timed, "errors": errors })
}

fn change(change: &Change) -> Value {
    let Change { metric: _, base, new, difference, ratio, p, q, resolution, below_resolution, verdict: _ } =
        *change;
    json!({
        "base": number(base),
        "new": number(new),
        "difference": estimate(difference),
        "ratio": estimate(ratio),
        "p": p.map(number),
        "q": q.map(number),
        "resolution": resolution.map(number),
        "below_resolution": below_resolution,
        "verdict": super::quantity::verdict(change),
    })
}

fn point(point: &CurvePoint) -> Value {
    let CurvePoint { quantile, base, new, shift } = *point;
    json!({ "quantile": quantile, "base": number(base), "new": number(new), "shift": estimate(shift) })
}

fn estimate(estimate: Estimate) -> Value {
    let Estimate { value, low, high } = estimate;
    json!({ "value": number(value), "low": number(low), "high": number(high) })
}

/// To a millionth; null for what is no number.
fn number(value: f64) -> Value {
    let rounded = (value * 1e6).round() / 1e6;
    // JSON has no other spelling of nothing, and -0.0 is 0.
    if rounded.is_finite() { (rounded + 0.0).into() } else { Value::Null }
}
