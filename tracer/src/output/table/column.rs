//! The columns of the table: what each shows, and which stay when the terminal is narrow.

use clap::ValueEnum;

use super::human;
use crate::report::{Latency, Named, Report, Row};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Column {
    /// Name of the call.
    Name,
    /// Exit instruction.
    Path,
    /// Returns to user mode.
    Returns,
    /// Of all returns.
    Share,
    /// Returns with a latency.
    Timed,
    /// Failed calls.
    Errors,
    /// Latencies added up.
    Total,
    /// Mean latency.
    Mean,
    /// Smallest latency.
    Min,
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    #[value(name = "p99.9")]
    P999,
    /// Largest latency.
    Max,
    /// Median exit work, `sys_exit` to the final hook.
    #[value(name = "work-p50")]
    WorkP50,
    /// 99th percentile of exit work.
    #[value(name = "work-p99")]
    WorkP99,
    /// Failed tests, and causes in parentheses.
    Reasons,
    /// Causes.
    Causes,
    /// Failed calls by errno.
    Errno,
}

/// What is shown if nothing else is asked for.
const DEFAULT: [Column; 11] = [
    Column::Name,
    Column::Path,
    Column::Returns,
    Column::Share,
    Column::Errors,
    Column::Total,
    Column::P50,
    Column::P90,
    Column::P99,
    Column::P999,
    Column::Max,
];

/// The order in which default columns give way; the others always stay.
const DROPPED_FIRST: [Column; 7] =
    [Column::Share, Column::P90, Column::P999, Column::Errors, Column::Total, Column::Max, Column::Reasons];

/// Spaces between columns.
pub(super) const GAP: usize = 2;

/// The narrowest column of reasons that is worth showing.
const REASONS_WIDTH: usize = 16;

/// The columns of one table.
pub(super) struct Chosen {
    /// From left to right.
    pub columns: Vec<Column>,
    /// Left out for want of width, in the order they went.
    pub dropped: Vec<Column>,
}

/// The columns that were asked for, or those of the default that have something to show and fit.
pub(super) fn choose(report: &Report, asked: Option<&[Column]>, width: Option<usize>) -> Chosen {
    if let Some(asked) = asked {
        return Chosen { columns: with_counts(report, asked), dropped: Vec::new() };
    }
    let mut columns = DEFAULT.to_vec();
    columns.retain(|column| report.timed > 0 || !column.is_time());
    if report.rows.iter().any(|row| !row.reasons.is_empty() || !row.causes.is_empty()) {
        columns.push(Column::Reasons);
    }
    let mut columns = with_counts(report, &columns);
    let mut dropped = Vec::new();
    let mut candidates = DROPPED_FIRST.into_iter();
    while width.is_some_and(|width| needed(report, &columns) > width) {
        let Some(next) = candidates.next() else { break };
        if columns.contains(&next) {
            columns.retain(|&column| column != next);
            dropped.push(next);
        }
    }
    Chosen { columns, dropped }
}

/// No quantile without its count: returns, and where fewer of them were timed, that number too.
fn with_counts(report: &Report, columns: &[Column]) -> Vec<Column> {
    let mut columns = columns.to_vec();
    if !columns.iter().any(|column| column.is_time()) {
        return columns;
    }
    let partly = report.rows.iter().any(|row| row.timed != 0 && row.timed != row.returns);
    let has = |columns: &[Column], one| columns.contains(&one);
    let after = |columns: &[Column], kinds: &[Column]| {
        columns.iter().rposition(|column| kinds.contains(column)).map_or(0, |position| position + 1)
    };
    if !has(&columns, Column::Returns) && !has(&columns, Column::Timed) {
        columns.insert(after(&columns, &[Column::Name, Column::Path]), Column::Returns);
    }
    if partly && !has(&columns, Column::Timed) {
        columns.insert(after(&columns, &[Column::Returns, Column::Share]), Column::Timed);
    }
    columns
}

fn needed(report: &Report, columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width(report) + GAP).sum::<usize>() - GAP
}

impl Column {
    /// The title, which is also the name that `--columns` takes.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Path => "path",
            Self::Returns => "returns",
            Self::Share => "share",
            Self::Timed => "timed",
            Self::Errors => "errors",
            Self::Total => "total",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
            Self::WorkP50 => "work-p50",
            Self::WorkP99 => "work-p99",
            Self::Reasons => "reasons",
            Self::Causes => "causes",
            Self::Errno => "errno",
        }
    }

    /// Whether it is text: left-aligned.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Name | Self::Path) || self.is_list()
    }

    /// Whether it is a list, which wraps.
    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::Reasons | Self::Causes | Self::Errno)
    }

    const fn is_time(self) -> bool {
        matches!(
            self,
            Self::Total
                | Self::Mean
                | Self::Min
                | Self::P50
                | Self::P90
                | Self::P99
                | Self::P999
                | Self::Max
                | Self::WorkP50
                | Self::WorkP99
        )
    }

    /// The width that the column needs, all names being ASCII; a list can wrap.
    pub(super) fn width(self, report: &Report) -> usize {
        let widest = report.rows.iter().map(|row| self.text(row).len()).max().unwrap_or(0);
        let widest = if self.is_list() { widest.min(REASONS_WIDTH) } else { widest };
        widest.max(self.title().len())
    }

    /// The cell of a row; items of a list are separated by `, `.
    pub(super) fn text(self, row: &Row) -> String {
        let time = |value: fn(&Latency) -> u64| {
            row.latency.as_ref().map_or_else(|| "-".to_owned(), |latency| human::time(value(latency)))
        };
        let work = |value: fn(&Latency) -> u64| {
            row.work.as_ref().map_or_else(|| "-".to_owned(), |latency| human::time(value(latency)))
        };
        match self {
            Self::Name => row.name(),
            Self::Path => row.path(),
            Self::Returns => human::count(row.returns),
            Self::Share => human::percent(row.share),
            Self::Timed => human::count(row.timed),
            Self::Errors => human::count(row.failed()),
            Self::Total => time(|latency| latency.sum),
            Self::Mean => {
                row.latency.as_ref().map_or_else(|| "-".to_owned(), |latency| human::mean_time(latency.mean))
            }
            Self::Min => time(|latency| latency.min),
            Self::P50 => time(|latency| latency.p50),
            Self::P90 => time(|latency| latency.p90),
            Self::P99 => time(|latency| latency.p99),
            Self::P999 => time(|latency| latency.p999),
            Self::Max => time(|latency| latency.max),
            Self::WorkP50 => work(|latency| latency.p50),
            Self::WorkP99 => work(|latency| latency.p99),
            Self::Reasons if row.causes.is_empty() => list(&row.reasons),
            Self::Reasons => {
                format!("{} ({})", list(&row.reasons), list(&row.causes)).trim_start().to_owned()
            }
            Self::Causes => list(&row.causes),
            Self::Errno => list(&row.errors),
        }
    }
}

fn list(counts: &[Named]) -> String {
    let items: Vec<_> =
        counts.iter().map(|one| format!("{} {}", one.name, human::count(one.count))).collect();
    items.join(", ")
}
