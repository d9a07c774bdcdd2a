//! The order of rows.

use std::cmp::Reverse;

use clap::ValueEnum;

use super::model::{Metric, Row, Subject, Verdict};

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Slower first, then faster, inconclusive, equivalent; in each the largest change of the mean first.
    #[default]
    Verdict,
    /// The largest change of the mean in ns first.
    Difference,
    /// The largest change of the mean as a ratio first.
    Ratio,
    /// The most returns first.
    Returns,
    /// By name.
    Name,
    /// By path.
    Path,
}

impl Sort {
    /// Sorts rows; equal ones stay in the order of ABI, number and path.
    pub fn sort(self, rows: &mut [Row]) {
        let mean = |row: &Row| row.change(Metric::Mean).cloned();
        let ratio = |row: &Row| mean(row).map_or(0.0, |change| change.ratio.value.ln().abs());
        let difference = |row: &Row| mean(row).map_or(0.0, |change| change.difference.value.abs());
        match self {
            Self::Verdict => rows.sort_by(|one, other| {
                place(one.verdict).cmp(&place(other.verdict)).then(ratio(other).total_cmp(&ratio(one)))
            }),
            Self::Difference => rows.sort_by(|one, other| difference(other).total_cmp(&difference(one))),
            Self::Ratio => rows.sort_by(|one, other| ratio(other).total_cmp(&ratio(one))),
            Self::Returns => rows.sort_by_key(|row| Reverse(row.base.returns.max(row.new.returns))),
            Self::Name => rows.sort_by_key(|row| name(&row.subject)),
            Self::Path => rows.sort_by_key(|row| row.subject.path()),
        }
    }
}

const fn place(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Slower => 0,
        Verdict::Faster => 1,
        Verdict::Inconclusive => 2,
        Verdict::Equivalent => 3,
    }
}

fn name(subject: &Subject) -> String {
    subject.name()
}
