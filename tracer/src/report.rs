//! The one model that all outputs draw from: what a snapshot says, named, sorted and claimed no higher than
//! the plan and the losses allow. Pure: no I/O, no clock.

mod claim;
mod cost;
#[cfg(test)]
pub(crate) mod fixture;
mod latency;
mod row;
mod view;

use std::collections::BTreeMap;

use tracer_common::{Loss, Path, Untimed, handlers::Diversion};

pub use claim::Claim;
pub use cost::Cost;
pub use latency::Latency;
pub use row::{CallName, Named, Row, error_name};
pub use view::{Grouping, InFlight, SortKey, View};

use crate::{
    histogram::{Histogram, total},
    metadata::Metadata,
    snapshot::{Series, Snapshot},
};

/// A result as outputs show it. All times are in ns.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What the recording says about itself: tool, kernel, machine, plan, filters.
    pub metadata: Metadata,
    /// What may be claimed of the paths, and why not more.
    pub claim: Claim,
    /// Which interval this is, from 1; `None` is the whole recording.
    pub interval: Option<u32>,
    /// When it began, in ns since the recording's start.
    pub start_ns: u64,
    /// How long it was, in ns.
    pub duration_ns: u64,
    /// CPUs that were online.
    pub cpus: u32,
    /// Returns to user mode in all series, shown or not.
    pub returns: u64,
    /// Of these, the timed ones.
    pub timed: u64,
    /// Returns by path, all series; paths never taken are left out.
    pub paths: Vec<PathTotal>,
    /// Failed tests that kept returns from SYSRET, all series; zeros left out.
    pub reasons: Vec<Named>,
    /// What stood behind them, all series; zeros left out.
    pub causes: Vec<Named>,
    /// What the rows are.
    pub grouping: Grouping,
    /// The rows, sorted; at most `--top` of them.
    pub rows: Vec<Row>,
    /// What `--top` left out.
    pub omitted: Omitted,
    /// From a thread's return by this path to its next entry.
    pub turnaround: Vec<Turnaround>,
    /// What is missing, by name: every kind, zeros included.
    pub loss: Vec<Named>,
    /// Returns without a latency although nothing was lost, by name: every kind, zeros included.
    pub untimed: Vec<Named>,
    /// On a partial frame: what kept calls off the fast path.
    pub diversions: Vec<Named>,
    /// What the tracer itself cost.
    pub cost: Cost,
    /// Runs of our programs that the kernel skipped, by program.
    pub missed: Vec<Named>,
    /// Calls that had not returned at the end, oldest first; `None` if not asked for.
    pub in_flight: Option<Vec<InFlight>>,
}

/// A path's share of the returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathTotal {
    /// The path.
    pub path: Path,
    /// Returns by it.
    pub returns: u64,
    /// Of all returns, 0 to 1.
    pub share: f64,
}

/// Rows that `--top` left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Omitted {
    /// How many rows.
    pub rows: usize,
    /// How many returns are in them.
    pub returns: u64,
}

/// The time that threads spent outside the kernel after a return by this path.
#[derive(Clone, Debug, PartialEq)]
pub struct Turnaround {
    /// The path of the return.
    pub path: Path,
    /// Its quantiles.
    pub latency: Latency,
    /// All of it.
    pub histogram: Histogram,
}

impl Report {
    /// The report of a snapshot: an interval, or several merged.
    #[must_use]
    pub fn new(metadata: &Metadata, snapshot: &Snapshot, view: &View) -> Self {
        let Snapshot {
            start_ns,
            duration_ns,
            cpus,
            series,
            moved: _,
            turnaround,
            losses,
            untimed,
            diversions,
            own_cost,
            missed,
        } = snapshot;
        let returns = snapshot.returns();
        let mut rows = row::rows(series, view.grouping, returns);
        view.sort.sort(&mut rows);
        let kept = view.top.unwrap_or(usize::MAX).min(rows.len());
        let left_out = rows.split_off(kept);
        let omitted =
            Omitted { rows: left_out.len(), returns: total(left_out.iter().map(|row| row.returns)) };
        let mut totals = Series::default();
        for one in series.values() {
            totals.merge(&Series {
                latency: Histogram::default(),
                work: Histogram::default(),
                errors: BTreeMap::new(),
                ..*one
            });
        }
        Self {
            claim: Claim::new(metadata, totals.ptraced, losses, missed),
            interval: None,
            start_ns: *start_ns,
            duration_ns: *duration_ns,
            cpus: *cpus,
            returns,
            timed: total(series.values().map(|one| one.latency.count)),
            paths: path_totals(snapshot, returns),
            reasons: row::reasons(&totals.reasons),
            causes: row::causes(&totals.causes),
            grouping: view.grouping,
            rows,
            omitted,
            turnaround: turnaround
                .iter()
                .filter_map(|(&path, histogram)| {
                    let latency = Latency::of(histogram)?;
                    Some(Turnaround { path, latency, histogram: histogram.clone() })
                })
                .collect(),
            loss: Loss::ALL.map(|kind| Named::new(kind.name(), losses[kind as usize])).to_vec(),
            untimed: Untimed::ALL.map(|kind| Named::new(kind.name(), untimed[kind as usize])).to_vec(),
            diversions: Diversion::ALL
                .map(|kind| Named::new(kind.name(), diversions[kind as usize]))
                .into_iter()
                .filter(|one| one.count > 0)
                .collect(),
            cost: Cost::new(own_cost, metadata.programs_a_call(), *cpus),
            missed: missed.iter().map(|(name, &count)| Named::new(name, count)).collect(),
            in_flight: None,
            metadata: metadata.clone(),
        }
    }

    /// The report of the interval with this number, counted from 1.
    #[must_use]
    pub fn of_interval(self, number: u32) -> Self {
        Self { interval: Some(number), ..self }
    }

    /// The report with the calls that had not returned at the end.
    #[must_use]
    pub fn with_in_flight(self, mut calls: Vec<InFlight>) -> Self {
        calls.sort_by_key(|call| (std::cmp::Reverse(call.age_ns), call.tid));
        Self { in_flight: Some(calls), ..self }
    }

    /// Whether anything is missing.
    #[must_use]
    pub fn has_loss(&self) -> bool {
        self.loss.iter().any(|kind| kind.count > 0)
    }
}

fn path_totals(snapshot: &Snapshot, all: u64) -> Vec<PathTotal> {
    let mut totals = [0_u64; Path::COUNT];
    for (key, one) in &snapshot.series {
        let sum = &mut totals[key.path() as usize];
        *sum = total([*sum, one.returns].into_iter());
    }
    Path::ALL
        .into_iter()
        .zip(totals)
        .filter(|&(_, returns)| returns > 0)
        .map(|(path, returns)| PathTotal { path, returns, share: row::share(returns, all) })
        .collect()
}

#[cfg(test)]
mod tests;
