//! A tracer's report against an expectation: equal, not close.
//!
//! For each call the expectation names, every path is compared, also those it does not name: a return that went to
//! the wrong path is then two wrong rows, not one missing. Calls it does not name are the runtime's, and ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::expect::{Abi, Expectation, Path, Returns};

/// The schema this module reads, up to the minor version.
const SCHEMA: &str = "exitpath.report/1";

/// The parts of `exitpath.report/1` that can be known beforehand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    schema: String,
    /// What was attached, and what may be claimed for it.
    #[serde(default)]
    pub plan: Plan,
    pub(crate) series: Vec<Series>,
    pub(crate) loss: BTreeMap<String, u64>,
    /// Returns without a latency, by reason.
    #[serde(default)]
    untimed: BTreeMap<String, u64>,
    /// Skipped runs by program; a report of an older exitpath may have none.
    #[serde(default)]
    pub(crate) recursion_misses: BTreeMap<String, u64>,
    /// What the tracer says of its own cost.
    #[serde(default)]
    own_cost: serde_json::Value,
}

/// The plan that a report was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// `exact`, `amended` or `bounds`.
    pub fidelity: String,
    /// What it cannot see, in words.
    #[serde(default)]
    pub blind_spots: Vec<String>,
}

/// One call's returns by one path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) abi: Abi,
    pub(crate) nr: i64,
    pub(crate) path: Path,
    pub(crate) returns: u64,
    /// Returns whose path may be another.
    #[serde(default)]
    pub(crate) uncertain: u64,
    #[serde(default)]
    pub(crate) reasons: BTreeMap<String, u64>,
    #[serde(default)]
    causes: BTreeMap<String, u64>,
    #[serde(default)]
    errors: BTreeMap<String, u64>,
}

impl Report {
    /// Returns of a call whose path may be another: a debugger may have changed their registers.
    pub(crate) fn uncertain(&self, abi: Abi, nr: i64) -> u64 {
        let series = self.series.iter().filter(|one| (one.abi, one.nr) == (abi, nr));
        series.map(|one| one.uncertain).sum()
    }

    /// Reads a report, and refuses one of another schema.
    pub fn parse(text: &str) -> Result<Self> {
        let report: Self =
            serde_json::from_str(text).context("this is no report of `exitpath --format json`")?;
        let schema = &report.schema;
        ensure!(
            schema == SCHEMA || schema.starts_with(&format!("{SCHEMA}.")),
            "the report's schema is {schema}, this test reads {SCHEMA}: build both from one tree"
        );
        Ok(report)
    }
}

/// One compared number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What was counted.
    pub what: String,
    /// What the report says.
    pub got: u64,
    /// What the workload did.
    pub want: u64,
    /// Only some of the returns are known to carry this label, so there may be more.
    pub at_least: bool,
}

impl Row {
    /// Whether the report is right.
    #[must_use]
    pub fn right(&self) -> bool {
        self.got == self.want || (self.at_least && self.got > self.want)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, got, want, at_least } = self;
        if self.right() {
            write!(f, "ok     {what} {got}")
        } else {
            let bound = if *at_least { "at least " } else { "" };
            write!(f, "WRONG  {what} got {got} want {bound}{want}")
        }
    }
}

/// All compared numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// One row a number, sorted by call.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// How many are wrong.
    #[must_use]
    pub fn wrong(&self) -> usize {
        self.rows.iter().filter(|row| !row.right()).count()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

type Label = fn(&Returns) -> Option<&String>;
type Labelled = fn(&Series) -> &BTreeMap<String, u64>;
/// Each kind of label: its name, where an expectation has it, where a report counts it.
const LABELS: [(&str, Label, Labelled); 3] = [
    ("reason", |row| row.reason.as_ref(), |series| &series.reasons),
    ("cause", |row| row.cause.as_ref(), |series| &series.causes),
    ("error", |row| row.error.as_ref(), |series| &series.errors),
];

/// The report as a full-frame kernel would have given it. What the cases expect is the exit instruction; that a
/// partial frame has two ways to SYSRET, and that a timer may push a call from one to the other, is the kernel's.
fn as_full_frame(got: &Report) -> Report {
    let mut got = got.clone();
    for series in &mut got.series {
        if series.path == Path::SysretFast {
            series.path = Path::Sysret;
        }
    }
    got
}

/// Holds a report against what the workload did.
#[must_use]
pub fn compare(want: &Expectation, got: &Report) -> Comparison {
    let has_fast = want.returns.iter().any(|row| row.path == Path::SysretFast);
    let got = &if has_fast { got.clone() } else { as_full_frame(got) };
    let mut names: BTreeMap<(Abi, i64), &str> = BTreeMap::new();
    for row in &want.returns {
        names.insert((row.abi, row.nr), &row.syscall);
    }
    let mut keys: BTreeSet<(Abi, i64, Path)> = want.returns.iter().map(|r| (r.abi, r.nr, r.path)).collect();
    keys.extend(
        got.series.iter().filter(|s| names.contains_key(&(s.abi, s.nr))).map(|s| (s.abi, s.nr, s.path)),
    );
    let mut rows = Vec::new();
    for (abi, nr, path) in keys {
        let name = format!("{} {} {}", abi.name(), names[&(abi, nr)], path.name());
        let expected: Vec<_> =
            want.returns.iter().filter(|r| (r.abi, r.nr, r.path) == (abi, nr, path)).collect();
        let series: Vec<_> = got.series.iter().filter(|s| (s.abi, s.nr, s.path) == (abi, nr, path)).collect();
        rows.push(Row {
            what: name.clone(),
            got: series.iter().map(|s| s.returns).sum(),
            want: expected.iter().map(|r| r.n).sum(),
            at_least: false,
        });
        for (kind, label, labelled) in LABELS {
            let mut known: BTreeMap<&String, u64> = BTreeMap::new();
            for row in &expected {
                if let Some(label) = label(row) {
                    *known.entry(label).or_default() += row.n;
                }
            }
            let at_least = expected.iter().any(|row| label(row).is_none());
            rows.extend(known.into_iter().map(|(label, want)| Row {
                what: format!("{name} {kind} {label}"),
                got: series.iter().filter_map(|s| labelled(s).get(label)).sum(),
                want,
                at_least,
            }));
        }
    }
    let none = |what: String, &got: &u64| Row { what, got, want: 0, at_least: false };
    rows.extend(got.loss.iter().map(|(name, got)| none(format!("loss {name}"), got)));
    // Its number is gone at the exit: one that the tracer does not pair is counted all the same, and loses its latency.
    // A dispatched call has none, since it fires no entry; nor has, under `quiet`, the command's own `execve`.
    let all_timed = got.plan.name != "quiet" && !want.cases.contains_key("user-dispatch");
    if all_timed && names.values().any(|name| *name == "rt_sigreturn") {
        let untimed = got.untimed.get_key_value("in-flight-at-start");
        rows.extend(untimed.map(|(name, got)| none(format!("untimed {name}"), got)));
    }
    Comparison { rows }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
