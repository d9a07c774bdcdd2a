//! A closing line and the HDR lines before it make an interval again.

use std::collections::{BTreeMap, BTreeSet};

use tracer_common::handlers::Diversion;
use tracer_common::{
    Abi, Cause, Loss, Path, Reason, SeriesKey, SyscallId, Untimed,
    layout::{ERROR_OTHER, cell_errno, error_cell},
};

use super::{
    bins,
    closing::{Closing, Counts, Exact, SeriesNote, TurnaroundNote},
};
use crate::{
    histogram::{Histogram, Precision},
    snapshot::{Series, Snapshot},
};

/// The HDR lines of an interval whose closing line has not come yet, and how they join with it.
pub(super) struct Joiner<'a> {
    pub precision: Precision,
    /// Encoded histograms by tag.
    pub lines: &'a mut BTreeMap<String, String>,
    /// Of the lines' histograms.
    pub decoder: &'a mut bins::Decoder,
    /// Names that this version does not know.
    pub unknown: &'a mut BTreeSet<String>,
}

impl Joiner<'_> {
    /// The interval, or what is wrong with it.
    pub(super) fn join(mut self, closing: Closing) -> Result<Snapshot, String> {
        let Closing {
            start_ns,
            duration_ns,
            cpus,
            series,
            moved,
            turnaround,
            loss,
            untimed,
            diversions,
            own_cost,
            missed,
        } = closing;
        let mut snapshot = Snapshot { start_ns, duration_ns, cpus, own_cost, missed, ..Snapshot::default() };
        for note in series {
            let tag = note.tag.clone();
            if let Some((key, one)) = self.series(note)?
                && snapshot.series.insert(key, one).is_some()
            {
                return Err(format!("series {tag} stands in it twice"));
            }
        }
        for note in moved {
            if let Some((key, one)) = self.series(note)? {
                snapshot.moved.insert(key, one);
            }
        }
        for TurnaroundNote { tag, path, latency } in turnaround {
            let histogram = self.histogram(&tag, latency.as_ref())?;
            if let Some(path) = self.known(&path, Path::ALL, Path::name)
                && snapshot.turnaround.insert(path, histogram).is_some()
            {
                return Err(format!("{tag} stands in it twice"));
            }
        }
        snapshot.losses = self.fill(loss, Loss::ALL, Loss::name, |kind| kind as usize);
        snapshot.untimed = self.fill(untimed, Untimed::ALL, Untimed::name, |kind| kind as usize);
        snapshot.diversions = self.fill(diversions, Diversion::ALL, Diversion::name, |kind| kind as usize);
        match self.lines.keys().next() {
            Some(tag) => Err(format!("it does not mention {tag}, whose histogram stands before it")),
            None => Ok(snapshot),
        }
    }

    fn series(&mut self, note: SeriesNote) -> Result<Option<(SeriesKey, Series)>, String> {
        let SeriesNote { tag, abi, nr, path, returns, ptraced, reasons, causes, errors, latency, exit_work } =
            note;
        let latency = self.histogram(&tag, latency.as_ref())?;
        let work = self.histogram(&format!("exit-work.{tag}"), exit_work.as_ref())?;
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
            work,
        };
        Ok(Some((SeriesKey::new(SyscallId { abi, nr }, path), series)))
    }

    fn histogram(&mut self, tag: &str, exact: Option<&Exact>) -> Result<Histogram, String> {
        let empty = Histogram::new(self.precision);
        let Some(&Exact { count, sum, min, max, binned, overflow }) = exact else { return Ok(empty) };
        let mut histogram = Histogram { count, sum, min, max, ..empty };
        if binned > 0 {
            let text = self.lines.remove(tag).ok_or_else(|| format!("the histogram of {tag} is missing"))?;
            histogram.cells = self
                .decoder
                .decode(&text, self.precision, overflow)
                .map_err(|why| format!("{tag}: {why}"))?;
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
