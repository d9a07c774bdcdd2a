//! The page of a comparison: its data, as `html/diff.js` takes them.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{quantity, words};
use crate::{
    diff::{CallShift, Change, Comparison, CurvePoint, Estimate, Row, Side, TotalShift, Unit},
    environment::Difference,
    metadata::Metadata,
    output::{
        html::{self, LIMIT, curves, points, significant},
        human,
    },
};

const SCRIPT: &str = include_str!("../html/diff.js");
/// What a point of a curve takes: five numbers.
const POINT_BYTES: usize = 36;

/// Writes the page. So that it stays below [`LIMIT`], curves are thinned, and then rows left out, the last ones first.
///
/// # Errors
///
/// Those of the writer.
pub fn write(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    let (mut data, left_out) = data(comparison);
    if left_out > 0
        && let Some(Value::Array(notes)) = data.get_mut("notes")
    {
        notes.push(format!("{left_out} rows do not fit into this page: --format json has all").into());
    }
    let title = format!("{} against {}", comparison.base.label, comparison.new.label);
    html::write(&title, SCRIPT, &data, to)
}

fn data(comparison: &Comparison) -> (Value, usize) {
    let Comparison {
        base, new, method, environment, forced, notes, advice, mix, calls, total, repeat, ..
    } = comparison;
    let text: Vec<_> = std::iter::once(words::method(method)).chain(words::aa(comparison)).collect();
    let tally = words::Tally::of(&comparison.service);
    let mut data = json!({
        "title": format!("{} \u{2192} {}", base.label, new.label),
        "subtitle": format!(
            "Linux {} against {}, system calls by exit path; exitpath {}",
            base.metadata.kernel.release, new.metadata.kernel.release, super::VERSION
        ),
        "legend": "Differences are new less base: negative is faster; ratios are the change in percent of base",
        "confidence": words::share(method.confidence),
        "floor": { "ratio": method.min_effect_ratio, "ns": method.min_effect_ns },
        "tally": {
            "slower": tally.slower,
            "faster": tally.faster,
            "equivalent": tally.equivalent,
            "inconclusive": tally.inconclusive,
        },
        "total": total.as_ref().map(self::total),
        "forced": differences(forced),
        "notes": notes.iter().cloned().chain(words::omitted(comparison)).collect::<Vec<_>>(),
        "paradoxes": calls.iter().filter(|call| call.paradox)
            .map(|call| words::paradox(call, &comparison.service)).collect::<Vec<_>>(),
        "advice": advice.as_ref().map(|advice| &advice.text),
        "mix": mix.iter().map(|one| {
            let Estimate { value, low, high } = one.difference;
            json!([one.path.name(), one.base, one.new, value, low, high])
        }).collect::<Vec<_>>(),
        "calls": calls.iter().filter(|call| call.paradox || call.mix.value != 0.0).map(call).collect::<Vec<_>>(),
        "sides": [side("base", base), side("new", new)],
        "environment": differences(environment),
        "method": text,
        "repeat": repeat,
        "quantiles": [],
        "tables": [],
    });
    let room = LIMIT.saturating_sub(html::own_size(SCRIPT) + data.to_string().len());
    let mut tables = Tables::new(comparison, room);
    data["tables"] = [
        ("service", "Service time by call and path", "mean", &comparison.service),
        ("paths", "Service time by path", "mean", &comparison.paths),
        ("turnaround", "Turnaround by path: a thread's return to its next entry", "p5", &comparison.turnaround),
        ("exit_work", "Exit work by call and path: sys_exit to the last hook", "mean", &comparison.exit_work),
    ]
    .map(|(id, title, metric, rows)| {
        json!({ "id": id, "title": title, "metric": metric, "rows": tables.rows(rows) })
    })
    .into();
    data["quantiles"] = tables.quantiles.iter().map(|one| points(one.iter().copied())).collect();
    (data, tables.left_out)
}

/// What fits.
struct Tables {
    /// Bytes for rows.
    room: usize,
    /// Every n-th point of a curve; `None` is no curve.
    every: Option<usize>,
    /// The quantiles that curves have.
    quantiles: Vec<Vec<f64>>,
    left_out: usize,
}

impl Tables {
    fn new(comparison: &Comparison, room: usize) -> Self {
        let Comparison { service, paths, exit_work, turnaround, .. } = comparison;
        let rows = || [service, paths, exit_work, turnaround].into_iter().flatten();
        let bare: usize = rows().map(|row| self::row(row, Value::Null).to_string().len() + 1).sum();
        let points = rows().map(|row| row.curve.len()).max().unwrap_or(0);
        let many = rows().filter(|row| !row.curve.is_empty()).count();
        let every = curves(many, points, POINT_BYTES, room.saturating_sub(bare));
        Self { room, every, quantiles: Vec::new(), left_out: 0 }
    }

    fn rows(&mut self, rows: &[Row]) -> Vec<Value> {
        let mut kept = Vec::new();
        for row in rows {
            let curve =
                self.every.filter(|_| !row.curve.is_empty()).map(|every| self.curve(&row.curve, every));
            let value = self::row(row, curve.unwrap_or_default());
            let size = value.to_string().len() + 1;
            if size > self.room {
                self.left_out += rows.len() - kept.len();
                self.room = 0;
                break;
            }
            self.room -= size;
            kept.push(value);
        }
        kept
    }

    /// A curve: which quantiles, base, new, shift, low, high.
    fn curve(&mut self, curve: &[CurvePoint], every: usize) -> Value {
        let last = curve.len() - 1;
        let kept: Vec<_> =
            (0..curve.len()).filter(|&at| at % every == 0 || at == last).map(|at| curve[at]).collect();
        let quantiles: Vec<_> = kept.iter().map(|point| point.quantile).collect();
        let grid = self.quantiles.iter().position(|one| *one == quantiles).unwrap_or_else(|| {
            self.quantiles.push(quantiles);
            self.quantiles.len() - 1
        });
        let column = |pick: fn(&CurvePoint) -> f64| points(kept.iter().map(pick));
        json!([
            grid,
            column(|point| point.base),
            column(|point| point.new),
            column(|point| point.shift.value),
            column(|point| point.shift.low),
            column(|point| point.shift.high),
        ])
    }
}

fn row(row: &Row, curve: Value) -> Value {
    let Row { subject, base, new, changes, verdict, because, curve: _ } = row;
    json!({
        "call": subject.name(),
        "path": subject.path().name(),
        "verdict": verdict.name(),
        "because": because,
        "n": [base.timed, new.timed],
        "runs": [base.runs, new.runs],
        "errors": [base.errors, new.errors],
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "curve": curve,
    })
}

fn change(change: &Change) -> Value {
    let Change { metric, base, new, difference, ratio, p, q, resolution, below_resolution, verdict: _ } =
        *change;
    let number = |value: Option<f64>| value.map_or(Value::Null, significant);
    json!([
        metric.name(),
        significant(base),
        significant(new),
        significant(difference.value),
        significant(difference.low),
        significant(difference.high),
        significant(ratio.value),
        significant(ratio.low),
        significant(ratio.high),
        number(p),
        number(q),
        number(resolution),
        u8::from(below_resolution),
        quantity::verdict(change),
    ])
}

fn total(total: &TotalShift) -> Value {
    let TotalShift { base, new, shift, workload, paths, within, paradox: _ } = *total;
    let part = |name: &str, one: Estimate| json!([name, one.value, one.low, one.high]);
    json!({
        "base": base,
        "fresh": new,
        "parts": [
            part("all of it", shift),
            part("other calls were made", workload),
            part("calls left by other paths", paths),
            part("the same call by the same path", within),
        ],
    })
}

fn call(call: &CallShift) -> Value {
    let CallShift { call, base_timed, new_timed, base, new, shift, mix, within, paradox: _ } = call;
    let mut values: Vec<Value> = vec![
        call.label().into(),
        (*base_timed).into(),
        (*new_timed).into(),
        significant(*base),
        significant(*new),
    ];
    for Estimate { value, low, high } in [shift, mix, within] {
        values.extend([value, low, high].map(|value| significant(*value)));
    }
    values.into()
}

fn differences(differences: &[Difference]) -> Vec<[&str; 3]> {
    differences.iter().map(|Difference { what, base, new }| [&**what, base, new]).collect()
}

fn side(name: &str, side: &Side) -> Value {
    let Side { label, metadata, files, runs, intervals, duration_ns, returns, loss } = side;
    let Metadata { plan, filters, command, .. } = metadata;
    let loss: Vec<_> = loss.iter().map(|(name, count)| format!("{name} {}", human::count(*count))).collect();
    let [_, kernel, machine] = words::side(side, Unit::Runs);
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let recordings = match &**files {
        [] => String::new(),
        [one] => one.clone(),
        [first, .., last] => format!("{first} ... {last}"),
    };
    json!([
        name,
        label,
        [
            (
                "runs",
                format!("{} with {}", words::plural(*runs, "run"), words::plural(*intervals, "interval"))
            ),
            ("recordings", recordings),
            ("recorded", format!("{}, {} returns", human::time(*duration_ns), human::count(*returns))),
            ("loss", or(loss.join(", "), "none")),
            ("plan", format!("{} ({})", plan.name, plan.fidelity)),
            ("filters", or(filters.join(" "), "none")),
            ("command", or(command.join(" "), "the whole machine")),
            ("kernel", kernel),
            ("machine", machine),
        ]
    ])
}
