//! Three opinions of one case: the oracle's, the tracer's and the workload's own.
//!
//! The oracle saw the instructions, so it is held against both others. How strictly the tracer is judged follows from
//! what it claims:
//!
//! - `exact`: for every call and path the same count, for the runtime's calls too.
//! - `amended`: the same.
//! - `bounds`: SYSRET may be too high and IRET too low, by the same number; and where returns are said to be uncertain, because
//!   a debugger was attached, as many the other way.
//!
//! With losses declared, returns may be missing, up to their number; skipped program runs excuse as many errors of any kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::compare::{Report, compare};
use crate::expect::{Abi, Expectation, Path};
use crate::selection::Selection;

/// A call and the path it returned by. Numbers that no table can have are one, -1.
pub type Key = (Abi, i64, Path);

/// The reason that a new task's first return carries.
const FORK_CHILD: &str = "fork-child";
/// The plan that cannot see calls with number -1.
const QUIET: &str = "quiet";
/// The weakest claim.
const BOUNDS: &str = "bounds";

/// What the oracle counted, all returns and new tasks' first ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// All.
    pub all: u64,
    /// New tasks' first ones among them.
    pub newborn: u64,
}

/// What is known of a case.
#[derive(Debug)]
pub struct Opinions<'a> {
    /// By instruction.
    pub oracle: &'a BTreeMap<Key, Seen>,
    /// By the tracer, if there was one.
    pub tracer: Option<&'a Report>,
    /// By the workload.
    pub workload: &'a Expectation,
    /// The calls that the tracer was told to look at; none means all.
    pub selected: Option<&'a Selection>,
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "notes")]
pub enum Verdict {
    /// Everybody agrees.
    Equal,
    /// The tracer differs as it said it may; how, line by line.
    Within(Vec<String>),
    /// Somebody is wrong; who and how, line by line.
    Wrong(Vec<String>),
    /// The case did not run to its end, or one of the opinions is missing.
    Failed(Vec<String>),
    /// This kernel has nothing to run for the case.
    Unsupported(Vec<String>),
}

/// Judges a case.
#[must_use]
pub fn judge(opinions: &Opinions<'_>) -> Verdict {
    let Opinions { oracle, tracer, workload, selected } = opinions;
    if workload.cases.is_empty() && !workload.unsupported.is_empty() {
        return Verdict::Unsupported(workload.unsupported.values().cloned().collect());
    }
    let mut oracle = renamed(oracle, workload);
    oracle.retain(|&(abi, nr, _), _| selected.is_none_or(|selected| selected.contains(&(abi, nr))));
    let mut wrong = against_workload(&oracle, workload);
    let mut differs = Verdict::Equal;
    if let Some(report) = tracer {
        let (blind, differences): (Vec<_>, Vec<_>) =
            against_tracer(&oracle, report).into_iter().partition(|one| one.is_blind_spot(report));
        let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
        if !allowed(&differences, report) {
            wrong.extend(lines);
        } else if !lines.is_empty() || !blind.is_empty() {
            let told = blind.iter().map(|one| format!("{one}: a blind spot of the plan"));
            differs = Verdict::Within(lines.into_iter().chain(told).collect());
        } else if report.plan.fidelity != BOUNDS {
            // Reasons, causes, errors and losses too: where the counts differ, these do.
            let rows = compare(workload, report).rows;
            let said = rows.iter().filter(|row| !row.right()).map(|row| format!("tracer: {row}"));
            wrong.extend(said);
        }
    }
    if wrong.is_empty() { differs } else { Verdict::Wrong(wrong) }
}

/// The oracle's counts by the numbers that the kernel ran: a debugger may change them behind the instruction.
fn renamed(oracle: &BTreeMap<Key, Seen>, workload: &Expectation) -> BTreeMap<Key, Seen> {
    let mut counts: BTreeMap<Key, Seen> = BTreeMap::new();
    for (&(abi, nr, path), seen) in oracle {
        let to = workload.renames.iter().find(|(from, _)| *from == nr).map_or(nr, |&(_, to)| to);
        let sum = counts.entry((abi, to, path)).or_default();
        sum.all += seen.all;
        sum.newborn += seen.newborn;
    }
    counts
}

/// The calls that the expectation names, by every path.
fn against_workload(oracle: &BTreeMap<Key, Seen>, workload: &Expectation) -> Vec<String> {
    let mut want: BTreeMap<Key, (u64, &str)> = BTreeMap::new();
    for row in &workload.returns {
        want.entry((row.abi, row.nr, row.path)).or_insert((0, &row.syscall)).0 += row.n;
    }
    let named: BTreeMap<(Abi, i64), &str> =
        want.iter().map(|(&(abi, nr, _), &(_, name))| ((abi, nr), name)).collect();
    let keys = oracle.keys().filter(|(abi, nr, _)| named.contains_key(&(*abi, *nr)));
    let keys: BTreeSet<&Key> = want.keys().chain(keys).collect();
    keys.into_iter()
        .filter_map(|key @ (abi, nr, path)| {
            let seen = oracle.get(key).map_or(0, |seen| seen.all);
            let want = want.get(key).map_or(0, |(n, _)| *n);
            let name = named.get(&(*abi, *nr)).copied().unwrap_or_default();
            let what = format!("{} {name} {}", abi.name(), path.name());
            (seen != want).then(|| format!("workload: {what}: oracle {seen}, expected {want}"))
        })
        .collect()
}

/// Where oracle and tracer differ.
#[derive(Debug)]
struct Difference {
    key: Key,
    what: &'static str,
    oracle: u64,
    tracer: u64,
}

impl Difference {
    /// What a plan says of itself that it never counts: without a tracepoint nothing tells number -1 from an interrupt.
    fn is_blind_spot(&self, report: &Report) -> bool {
        report.plan.name == QUIET && self.key.1 == -1 && self.tracer < self.oracle
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: (abi, nr, path), what, oracle, tracer } = self;
        let (abi, path) = (abi.name(), path.name());
        write!(f, "tracer: {abi} {nr} {path}{what}: oracle {oracle}, tracer {tracer}")
    }
}

const NEWBORN: &str = " fork-child";

fn against_tracer(oracle: &BTreeMap<Key, Seen>, report: &Report) -> Vec<Difference> {
    let mut tracer: BTreeMap<Key, Seen> = BTreeMap::new();
    for series in &report.series {
        // One instruction serves both ways to it.
        let path = if series.path == Path::SysretFast { Path::Sysret } else { series.path };
        let seen = tracer.entry((series.abi, series.nr, path)).or_default();
        seen.all += series.returns;
        seen.newborn += series.reasons.get(FORK_CHILD).copied().unwrap_or(0);
    }
    let keys: BTreeSet<&Key> = oracle.keys().chain(tracer.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let [oracle, tracer] = [oracle, &tracer].map(|counts| counts.get(key).copied().unwrap_or_default());
        for (what, oracle, tracer) in
            [("", oracle.all, tracer.all), (NEWBORN, oracle.newborn, tracer.newborn)]
        {
            if oracle != tracer {
                differences.push(Difference { key: *key, what, oracle, tracer });
            }
        }
    }
    differences
}

/// The loss that may also have added returns, or moved them: a program that did not run leaves a record as it was.
const RECURSION: &str = "recursion";

/// Programs whose skipped run leaves a new process or program unfollowed.
const FOLLOWS: [&str; 2] = ["fork_", "exec_"];

/// Whether the tracer differs no more than it says it may.
///
/// Under `bounds`, too many of a call on a fast path are those that really took a slow one. Too many on a slow path must be
/// `uncertain`: a debugger may have changed their registers. Skipped program runs excuse as many errors of any kind, other
/// losses as many missing returns.
fn allowed(differences: &[Difference], report: &Report) -> bool {
    let loss: u64 = report.loss.values().sum();
    if loss == 0 && report.plan.fidelity != BOUNDS {
        return differences.is_empty();
    }
    let mut calls: BTreeMap<(Abi, i64), Surplus> = BTreeMap::new();
    let mut any_way = 0;
    for Difference { key: (abi, nr, path), what, oracle, tracer } in differences {
        if *what == NEWBORN {
            // One that is missing is missing among the returns too.
            any_way += tracer.saturating_sub(*oracle);
            continue;
        }
        let call = calls.entry((*abi, *nr)).or_default();
        let surplus = i128::from(*tracer) - i128::from(*oracle);
        call.all += surplus;
        if !matches!(path, Path::Sysret | Path::SysretFast | Path::Sysretl) {
            call.slow += surplus.max(0) as u64;
        }
    }
    let mut missing = 0;
    for (&(abi, nr), call) in &calls {
        any_way += call.slow.saturating_sub(report.uncertain(abi, nr)).max(call.all.max(0) as u64);
        missing += (-call.all).max(0) as u64;
    }
    // A fork or exec that was not followed hides any number of calls; the report says so.
    let unfollowed = report
        .recursion_misses
        .iter()
        .any(|(name, &n)| n > 0 && FOLLOWS.iter().any(|of| name.starts_with(of)));
    any_way <= report.loss.get(RECURSION).copied().unwrap_or(0) && (unfollowed || any_way + missing <= loss)
}

/// By how much the tracer has more of a call than the oracle.
#[derive(Debug, Default)]
struct Surplus {
    /// By all paths.
    all: i128,
    /// By slow paths alone.
    slow: u64,
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
