//! One line a row and metric, RFC 4180, always the same columns.

use std::io::{self, Write};

use crate::{
    diff::{Change, Comparison, Estimate, Row, Side, Subject},
    output::csv::quoted,
};

/// The columns. Times are in ns, rates a second, errors a share; ratios are new over base; what does not apply is empty.
/// A row without a metric (on one side only, say) has one line with an empty `metric`. Losses, and what differs although it
/// must not (`--force`), are those of the whole comparison: they belong to every number.
const COLUMNS: [&str; 32] = [
    "table",
    "abi",
    "nr",
    "syscall",
    "path",
    "verdict",
    "because",
    "base_runs",
    "new_runs",
    "base_returns",
    "new_returns",
    "base_timed",
    "new_timed",
    "base_errors",
    "new_errors",
    "metric",
    "base",
    "new",
    "difference",
    "difference_low",
    "difference_high",
    "ratio",
    "ratio_low",
    "ratio_high",
    "p",
    "q",
    "resolution",
    "below_resolution",
    "metric_verdict",
    "base_loss",
    "new_loss",
    "forced",
];

/// Writes the comparison.
///
/// # Errors
///
/// Those of the writer.
pub fn write(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    write!(to, "{}\r\n", COLUMNS.join(","))?;
    let Comparison { base, new, forced, service, paths, exit_work, turnaround, .. } = comparison;
    let loss = |side: &Side| {
        let items: Vec<_> = side.loss.iter().map(|(name, count)| format!("{name}={count}")).collect();
        items.join(";")
    };
    let forced: Vec<_> = forced.iter().map(|one| &*one.what).collect();
    let whole = [loss(base), loss(new), forced.join(";")];
    for (table, rows) in
        [("service", service), ("path", paths), ("exit-work", exit_work), ("turnaround", turnaround)]
    {
        for row in rows {
            if row.changes.is_empty() {
                line(table, row, None, &whole, to)?;
            }
            for change in &row.changes {
                line(table, row, Some(change), &whole, to)?;
            }
        }
    }
    Ok(())
}

fn line(
    table: &str,
    row: &Row,
    change: Option<&Change>,
    whole: &[String; 3],
    to: &mut dyn Write,
) -> io::Result<()> {
    let (abi, nr, name) = match &row.subject {
        Subject::Series(call, _) => (call.abi.name(), call.nr.to_string(), call.name.clone()),
        Subject::Path(_) => ("", String::new(), String::new()),
    };
    let (base, new) = (&row.base, &row.new);
    let mut fields = vec![
        table.to_owned(),
        abi.to_owned(),
        nr,
        name,
        row.subject.path().name().to_owned(),
        row.verdict.name().to_owned(),
        row.because.clone(),
    ];
    fields.extend([base.runs, new.runs].map(|runs| runs.to_string()));
    fields.extend(
        [base.returns, new.returns, base.timed, new.timed, base.errors, new.errors]
            .map(|count| count.to_string()),
    );
    match change {
        Some(change) => fields.extend(changed(change)),
        None => fields.extend(std::iter::repeat_n(String::new(), COLUMNS.len() - whole.len() - fields.len())),
    }
    fields.extend_from_slice(whole);
    let fields: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
    write!(to, "{}\r\n", fields.join(","))
}

fn changed(change: &Change) -> Vec<String> {
    let Change { metric, base, new, difference, ratio, p, q, resolution, below_resolution, verdict: _ } =
        change;
    let mut fields = vec![metric.name().to_owned(), number(*base), number(*new)];
    for Estimate { value, low, high } in [difference, ratio] {
        fields.extend([value, low, high].map(|value| number(*value)));
    }
    fields.extend([p, q, resolution].map(|value| value.map(number).unwrap_or_default()));
    fields.extend([below_resolution.to_string(), super::quantity::verdict(change).to_owned()]);
    fields
}

/// To six places and without trailing zeros; empty for what is no number.
fn number(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    if rounded.is_finite() { rounded.to_string() } else { String::new() }
}
