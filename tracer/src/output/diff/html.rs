//! The page of a comparison: its data, as `html/diff.js` takes them.

mod rows;

use std::io::{self, Write};

use serde_json::{Value, json};

use rows::Tables;

use super::words;
use crate::{
    diff::{CallShift, Comparison, Estimate, Side, TotalShift, Unit},
    environment::Difference,
    metadata::Metadata,
    output::{
        html::{self, LIMIT, points, significant},
        human,
    },
};

const SCRIPT: &str = include_str!("../html/diff.js");

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
    let left_out = words::omitted(comparison).map(|text| format!("{text}, and not counted above"));
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
        "notes": notes.iter().cloned().chain(left_out).collect::<Vec<_>>(),
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
