//! The closing line of an interval: everything that an HDR line has no field for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tracer_common::{
    Abi, Cause, Loss, Path, Reason, SeriesKey, SyscallId, Untimed,
    layout::{ERROR_OTHER, cell_errno, error_cell},
};

use super::bins;
use crate::{
    histogram::{Histogram, Precision},
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

type Counts = BTreeMap<String, u64>;

/// The closing line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Closing {
    start_ns: u64,
    duration_ns: u64,
    cpus: u32,
    #[serde(default)]
    series: Vec<SeriesNote>,
    #[serde(default)]
    turnaround: Vec<TurnaroundNote>,
    #[serde(default)]
    loss: Counts,
    #[serde(default)]
    untimed: Counts,
    #[serde(default)]
    own_cost: OwnCost,
}

#[derive(Debug, Serialize, Deserialize)]
struct SeriesNote {
    /// Of the HDR line, if there is one.
    tag: String,
    abi: String,
    nr: u16,
    path: String,
    returns: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    ptraced: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    reasons: Counts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    causes: Counts,
    /// By errno, or `other`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    errors: Counts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency: Option<Exact>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TurnaroundNote {
    tag: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency: Option<Exact>,
}

/// What a histogram's buckets do not say.
#[derive(Debug, Serialize, Deserialize)]
struct Exact {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    /// Values in the HDR line. A live reading may differ from `count` by the returns that happened meanwhile.
    binned: u64,
    /// Of these, the values above the range, which stand in its last bucket.
    #[serde(default, skip_serializing_if = "is_zero")]
    overflow: u64,
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
        let Snapshot { start_ns, duration_ns, cpus, series, turnaround, losses, untimed, own_cost } =
            snapshot;
        Self {
            start_ns: *start_ns,
            duration_ns: *duration_ns,
            cpus: *cpus,
            series: series.iter().map(|(&key, one)| SeriesNote::of(key, one)).collect(),
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
            own_cost: *own_cost,
        }
    }
}

impl SeriesNote {
    fn of(key: SeriesKey, series: &Series) -> Self {
        let Series { returns, ptraced, reasons, causes, errors, latency } = series;
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
        }
    }
}

/// The HDR lines of an interval whose closing line has not come yet, and how they join with it.
pub(super) struct Joiner<'a> {
    pub precision: Precision,
    /// Encoded histograms by tag.
    pub lines: &'a mut BTreeMap<String, String>,
    /// Names that this version does not know.
    pub unknown: &'a mut BTreeSet<String>,
}

impl Joiner<'_> {
    /// The interval, or what is wrong with it.
    pub(super) fn join(mut self, closing: Closing) -> Result<Snapshot, String> {
        let Closing { start_ns, duration_ns, cpus, series, turnaround, loss, untimed, own_cost } = closing;
        let mut snapshot = Snapshot { start_ns, duration_ns, cpus, own_cost, ..Snapshot::default() };
        for note in series {
            let tag = note.tag.clone();
            if let Some((key, one)) = self.series(note)?
                && snapshot.series.insert(key, one).is_some()
            {
                return Err(format!("series {tag} stands in it twice"));
            }
        }
        for TurnaroundNote { tag, path, latency } in turnaround {
            let histogram = self.histogram(&tag, latency)?;
            if let Some(path) = self.known(&path, Path::ALL, Path::name)
                && snapshot.turnaround.insert(path, histogram).is_some()
            {
                return Err(format!("{tag} stands in it twice"));
            }
        }
        snapshot.losses = self.fill(loss, Loss::ALL, Loss::name, |kind| kind as usize);
        snapshot.untimed = self.fill(untimed, Untimed::ALL, Untimed::name, |kind| kind as usize);
        match self.lines.keys().next() {
            Some(tag) => Err(format!("it does not mention {tag}, whose histogram stands before it")),
            None => Ok(snapshot),
        }
    }

    fn series(&mut self, note: SeriesNote) -> Result<Option<(SeriesKey, Series)>, String> {
        let SeriesNote { tag, abi, nr, path, returns, ptraced, reasons, causes, errors, latency } = note;
        let latency = self.histogram(&tag, latency)?;
        let abi = self.known(&abi, Abi::ALL, Abi::name);
        let path = self.known(&path, Path::ALL, Path::name);
        let (Some(abi), Some(path)) = (abi, path) else { return Ok(None) };
        if nr > tracer_common::NR_INVALID {
            return Err(format!("series {tag} has number {nr}, which no system call has"));
        }
        let causes_known: [Cause; Cause::COUNT] = std::array::from_fn(|bits| Cause::from_bits(bits as u32));
        let series = Series {
            returns,
            ptraced,
            reasons: self.fill(reasons, Reason::ALL, Reason::name, |kind| kind as usize),
            causes: self.fill(causes, causes_known, Cause::name, |kind| kind as usize),
            errors: self.errors(errors),
            latency,
        };
        Ok(Some((SeriesKey::new(SyscallId { abi, nr }, path), series)))
    }

    fn histogram(&mut self, tag: &str, exact: Option<Exact>) -> Result<Histogram, String> {
        let empty = Histogram::new(self.precision);
        let Some(Exact { count, sum, min, max, binned, overflow }) = exact else { return Ok(empty) };
        let mut histogram = Histogram { count, sum, min, max, ..empty };
        if binned > 0 {
            let text = self.lines.remove(tag).ok_or_else(|| format!("the histogram of {tag} is missing"))?;
            histogram.cells =
                bins::decode(&text, self.precision, overflow).map_err(|why| format!("{tag}: {why}"))?;
            let found = bins::binned(&histogram.cells);
            if found != binned {
                return Err(format!("it says {binned} values for {tag}, whose histogram holds {found}"));
            }
        }
        Ok(histogram)
    }

    fn errors(&mut self, errors: Counts) -> BTreeMap<u8, u64> {
        let mut cells = BTreeMap::new();
        for (name, count) in errors {
            let cell = name.parse::<u32>().map(|errno| error_cell(-i64::from(errno)));
            match cell {
                Ok(cell) if cell_errno(cell).is_some_and(|errno| errno.to_string() == name) => {
                    cells.insert(cell, count);
                }
                _ if name == "other" => {
                    cells.insert(ERROR_OTHER, count);
                }
                _ => {
                    self.unknown.insert(name);
                }
            }
        }
        cells
    }

    fn fill<K: Copy, const N: usize>(
        &mut self,
        counts: Counts,
        all: [K; N],
        name: fn(K) -> &'static str,
        index: fn(K) -> usize,
    ) -> [u64; N] {
        let mut filled = [0; N];
        for (written, count) in counts {
            if let Some(kind) = self.known(&written, all, name) {
                filled[index(kind)] = count;
            }
        }
        filled
    }

    fn known<K: Copy, const N: usize>(
        &mut self,
        written: &str,
        all: [K; N],
        name: fn(K) -> &'static str,
    ) -> Option<K> {
        let kind = all.into_iter().find(|&kind| name(kind) == written);
        if kind.is_none() {
            self.unknown.insert(written.to_owned());
        }
        kind
    }
}
