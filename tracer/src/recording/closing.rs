//! The closing line of an interval: everything that an HDR line has no field for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracer_common::handlers::Diversion;
use tracer_common::{Cause, Loss, Path, Reason, SeriesKey, SyscallId, Untimed, layout::cell_errno};

use super::bins;
use crate::{
    histogram::Histogram,
    report::CallName,
    snapshot::{OwnCost, Series, Snapshot},
};

/// A note in a recording. A newer minor version may have others: they read as none of these.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// Closes an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Closing>,
    /// Closes the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// The recording was finished.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    /// Intervals in it.
    pub intervals: u64,
}

pub(super) type Counts = BTreeMap<String, u64>;

/// The closing line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Closing {
    pub start_ns: u64,
    pub duration_ns: u64,
    pub cpus: u32,
    #[serde(default)]
    pub series: Vec<SeriesNote>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<SeriesNote>,
    #[serde(default)]
    pub turnaround: Vec<TurnaroundNote>,
    #[serde(default)]
    pub loss: Counts,
    #[serde(default)]
    pub untimed: Counts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub diversions: Counts,
    #[serde(default)]
    pub own_cost: OwnCost,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missed: Counts,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SeriesNote {
    /// Of the HDR line, if there is one.
    pub tag: String,
    pub abi: String,
    pub nr: u16,
    pub path: String,
    pub returns: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ptraced: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: Counts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: Counts,
    /// By errno, or `other`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: Counts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_work: Option<Exact>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TurnaroundNote {
    pub tag: String,
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Exact>,
}

/// What a histogram's buckets do not say.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Exact {
    pub count: u64,
    pub sum: u64,
    pub min: u64,
    pub max: u64,
    /// Values in the HDR line. A live reading may differ from `count` by the returns that happened meanwhile.
    pub binned: u64,
    /// Of these, the values above the range, which stand in its last bucket.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overflow: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The tag of a series.
pub(super) fn series_tag(key: SeriesKey) -> String {
    let call = CallName::new(key.call());
    format!("{}.{}.{}", call.abi.name(), call.name, key.path().name())
}

/// The tag of a series' exit work.
pub(super) fn work_tag(key: SeriesKey) -> String {
    format!("exit-work.{}", series_tag(key))
}

/// The tag of returns that an earlier interval counted in this series, and that have moved since.
pub(super) fn moved_tag(key: SeriesKey) -> String {
    format!("moved.{}", series_tag(key))
}

/// The tag of a turnaround line.
pub(super) fn turnaround_tag(path: Path) -> String {
    format!("turnaround.{}", path.name())
}

fn counts<'a>(all: impl Iterator<Item = (&'a str, u64)>) -> Counts {
    all.filter(|&(_, count)| count > 0).map(|(name, count)| (name.to_owned(), count)).collect()
}

fn exact(histogram: &Histogram) -> Option<Exact> {
    let Histogram { precision: _, count, sum, min, max, ref cells } = *histogram;
    let binned = bins::binned(cells);
    let empty = [count, sum, min, max, binned].iter().all(|&number| number == 0);
    (!empty).then(|| Exact { count, sum, min, max, binned, overflow: histogram.overflow() })
}

impl Closing {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let Snapshot {
            start_ns,
            duration_ns,
            cpus,
            series,
            moved,
            turnaround,
            losses,
            untimed,
            diversions,
            own_cost,
            missed,
        } = snapshot;
        Self {
            start_ns: *start_ns,
            duration_ns: *duration_ns,
            cpus: *cpus,
            series: series.iter().map(|(&key, one)| SeriesNote::of(key, one)).collect(),
            moved: moved
                .iter()
                .map(|(&key, one)| SeriesNote { tag: moved_tag(key), ..SeriesNote::of(key, one) })
                .collect(),
            turnaround: turnaround
                .iter()
                .map(|(&path, one)| TurnaroundNote {
                    tag: turnaround_tag(path),
                    path: path.name().to_owned(),
                    latency: exact(one),
                })
                .collect(),
            loss: counts(Loss::ALL.into_iter().map(|kind| (kind.name(), losses[kind as usize]))),
            untimed: counts(Untimed::ALL.into_iter().map(|kind| (kind.name(), untimed[kind as usize]))),
            diversions: counts(
                Diversion::ALL.into_iter().map(|kind| (kind.name(), diversions[kind as usize])),
            ),
            own_cost: *own_cost,
            missed: counts(missed.iter().map(|(name, &count)| (name.as_str(), count))),
        }
    }
}

impl SeriesNote {
    fn of(key: SeriesKey, series: &Series) -> Self {
        let Series { returns, ptraced, reasons, causes, errors, latency, work } = series;
        let SyscallId { abi, nr } = key.call();
        let all_causes = [Cause::None].into_iter().chain(Cause::ALL);
        Self {
            tag: series_tag(key),
            abi: abi.name().to_owned(),
            nr,
            path: key.path().name().to_owned(),
            returns: *returns,
            ptraced: *ptraced,
            reasons: counts(Reason::ALL.into_iter().map(|kind| (kind.name(), reasons[kind as usize]))),
            causes: counts(all_causes.map(|kind| (kind.name(), causes[kind as usize]))),
            errors: errors
                .iter()
                .map(|(&cell, &count)| {
                    (cell_errno(cell).map_or_else(|| "other".to_owned(), |errno| errno.to_string()), count)
                })
                .collect(),
            latency: exact(latency),
            exit_work: exact(work),
        }
    }
}
