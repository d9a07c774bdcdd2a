//! One line a row of the report, RFC 4180, always the same columns.

use std::io::{self, Write};

use crate::report::{Latency, Named, Report, Row};

/// The columns. Units stand in the names; lists are `name=n;name=n`; what does not apply is empty. `loss` and
/// `fidelity` are those of the whole report: they belong to every number.
const COLUMNS: [&str; 25] = [
    "interval",
    "abi",
    "nr",
    "syscall",
    "path",
    "returns",
    "share",
    "timed",
    "uncertain",
    "min_ns",
    "p50_ns",
    "p90_ns",
    "p99_ns",
    "p999_ns",
    "max_ns",
    "mean_ns",
    "sum_ns",
    "overflow",
    "errors",
    "errno",
    "reasons",
    "causes",
    "loss",
    "fidelity",
    "sample",
];

/// Writes the header line.
///
/// # Errors
///
/// Those of the writer.
pub fn write_header(to: &mut dyn Write) -> io::Result<()> {
    write!(to, "{}\r\n", COLUMNS.join(","))
}

/// Writes the rows of a report.
///
/// # Errors
///
/// Those of the writer.
pub fn write_rows(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    for row in &report.rows {
        let fields = fields(report, row).map(|field| quoted(&field));
        write!(to, "{}\r\n", fields.join(","))?;
    }
    Ok(())
}

fn fields(report: &Report, row: &Row) -> [String; COLUMNS.len()] {
    let call = row.call.as_ref();
    let time = |value: fn(&Latency) -> String| row.latency.as_ref().map(value).unwrap_or_default();
    [
        report.interval.map(|number| number.to_string()).unwrap_or_default(),
        call.map(|call| call.abi.name().to_owned()).unwrap_or_default(),
        call.map(|call| call.nr.to_string()).unwrap_or_default(),
        call.map(|call| call.name.clone()).unwrap_or_default(),
        row.path(),
        row.returns.to_string(),
        format!("{:.6}", row.share),
        row.timed.to_string(),
        row.uncertain.to_string(),
        time(|one| one.min.to_string()),
        time(|one| one.p50.to_string()),
        time(|one| one.p90.to_string()),
        time(|one| one.p99.to_string()),
        time(|one| one.p999.to_string()),
        time(|one| one.max.to_string()),
        time(|one| format!("{:.3}", one.mean)),
        time(|one| one.sum.to_string()),
        time(|one| one.overflow.to_string()),
        row.failed().to_string(),
        list(&row.errors),
        list(&row.reasons),
        list(&row.causes),
        list(&report.loss),
        report.claim.fidelity.clone(),
        report.metadata.sample.to_string(),
    ]
}

fn list(counts: &[Named]) -> String {
    let items: Vec<_> = counts.iter().map(|one| format!("{}={}", one.name, one.count)).collect();
    items.join(";")
}

/// A field, in quotes where RFC 4180 asks for them.
pub(super) fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Grouping, View, fixture::report};

    fn text(view: &View) -> String {
        let mut bytes = Vec::new();
        write_header(&mut bytes).unwrap();
        write_rows(&report(view), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn all_rows_have_all_columns() {
        for grouping in [Grouping::SyscallPath, Grouping::Syscall, Grouping::Path] {
            for line in text(&View { grouping, ..View::default() }).split_terminator("\r\n") {
                assert_eq!(line.split(',').count(), COLUMNS.len(), "{line}");
            }
        }
    }

    #[test]
    fn literally() {
        insta::assert_snapshot!(text(&View::default()).replace("\r\n", "\n"));
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("a\"b\n"), "\"a\"\"b\n\"");
    }
}
