//! Answers of the server, laid into blocks.

use std::collections::{BTreeMap, BTreeSet};

use tracer_common::{Abi, Loss, NR_INVALID, Path, SeriesKey, SyscallId};

use super::{
    answer::Series as Answered,
    native::{Placed, place},
};
use crate::{
    daemon::totals::OTHER,
    histogram::{Histogram, Precision},
    snapshot::{Series, Snapshot},
    syscalls,
};

/// The blocks of a host.
#[derive(Debug)]
pub struct Parts {
    first: f64,
    step: f64,
    blocks: Vec<Part>,
    width: f64,
    other: u64,
    unknown: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Part {
    /// Scraped in it as the kernel that is meant.
    is_there: bool,
    /// Scraped in it as another one: what was counted may be that one's.
    is_foreign: bool,
    snapshot: Snapshot,
    /// Failed calls by name.
    errors: BTreeMap<String, u64>,
    work: BTreeMap<Path, Histogram>,
}

impl Parts {
    /// Empty ones, of which the first ends at `first`, each `step` seconds long.
    #[must_use]
    pub fn new(blocks: usize, first: f64, step: f64) -> Self {
        Self {
            first,
            step,
            blocks: vec![Part::default(); blocks],
            width: 0.0,
            other: 0,
            unknown: BTreeSet::new(),
        }
    }

    /// Width of the widest bucket as a share of its lower bound; 0 before there was one.
    #[must_use]
    pub const fn width(&self) -> f64 {
        self.width
    }

    fn block(&mut self, at: f64) -> Option<&mut Part> {
        let block = ((at - self.first) / self.step).round();
        if block >= 0.0 { self.blocks.get_mut(block as usize) } else { None }
    }

    /// Whether the host was there, as the kernel that is meant.
    pub fn is_there(&mut self, answered: &Answered, meant: bool) {
        for &(at, _) in &answered.values {
            let Some(part) = self.block(at) else { continue };
            if meant { part.is_there = true } else { part.is_foreign = true }
        }
    }

    /// Returns of a series.
    pub fn returns(&mut self, answered: &Answered) {
        let key = self.key(answered);
        let is_other = answered.labels.get("syscall").is_some_and(|call| call == OTHER);
        for &(at, value) in &answered.values {
            let count = value.round() as u64;
            match key {
                Some(key) => {
                    let Some(part) = self.block(at) else { continue };
                    add(&mut series(&mut part.snapshot, key).returns, count);
                }
                None if is_other => add(&mut self.other, count),
                None => {}
            }
        }
    }

    /// Service time of a series.
    pub fn service(&mut self, answered: &Answered) {
        let Some(key) = self.key(answered) else { return };
        self.each(answered, |part, histogram| series(&mut part.snapshot, key).latency.merge(histogram));
    }

    /// Failed calls of a name, by whatever path.
    pub fn errors(&mut self, answered: &Answered) {
        let Some(name) = answered.labels.get("syscall").filter(|name| *name != OTHER) else { return };
        for &(at, value) in &answered.values {
            if let Some(part) = self.block(at) {
                add(part.errors.entry(name.clone()).or_default(), value.round() as u64);
            }
        }
    }

    /// What is missing. Rounded up: no loss is none.
    pub fn losses(&mut self, answered: &Answered) {
        let reason = answered.labels.get("reason");
        let Some(kind) = Loss::ALL.into_iter().find(|kind| reason.is_some_and(|name| name == kind.name()))
        else {
            return;
        };
        for &(at, value) in &answered.values {
            if let Some(part) = self.block(at) {
                add(&mut part.snapshot.losses[kind as usize], value.ceil() as u64);
            }
        }
    }

    /// Turnaround after a path.
    pub fn turnaround(&mut self, answered: &Answered) {
        let Some(path) = path(answered) else { return };
        self.each(answered, |part, histogram| {
            let all = part.snapshot.turnaround.entry(path);
            all.or_insert_with(|| Histogram::new(Precision::Two)).merge(histogram);
        });
    }

    /// Exit work of a path.
    pub fn work(&mut self, answered: &Answered) {
        let Some(path) = path(answered) else { return };
        self.each(answered, |part, histogram| {
            part.work.entry(path).or_insert_with(|| Histogram::new(Precision::Two)).merge(histogram);
        });
    }

    fn each(&mut self, answered: &Answered, mut take: impl FnMut(&mut Part, &Histogram)) {
        for (at, native) in &answered.histograms {
            let Placed { histogram, width } = place(native);
            self.width = self.width.max(width);
            if let Some(part) = self.block(*at).filter(|_| histogram.count > 0) {
                take(part, &histogram);
            }
        }
    }

    fn key(&mut self, answered: &Answered) -> Option<SeriesKey> {
        let label = |name: &str| answered.labels.get(name).map_or("", String::as_str);
        let (abi, call) = (label("abi"), label("syscall"));
        if call == OTHER {
            return None;
        }
        let found = Abi::ALL
            .into_iter()
            .find(|one| one.name() == abi)
            .and_then(|abi| Some(SeriesKey::new(SyscallId { abi, nr: number(abi, call)? }, path(answered)?)));
        if found.is_none() {
            self.unknown.insert(format!("{call} ({abi}, {})", label("path")));
        }
        found
    }

    /// The blocks in which the host was there as the kernel that is meant, and their exit work by path.
    #[must_use]
    pub fn blocks(&self) -> (Vec<Snapshot>, BTreeMap<Path, Vec<Histogram>>) {
        let mut work: BTreeMap<Path, Vec<Histogram>> = BTreeMap::new();
        let mut snapshots = Vec::new();
        for (number, part) in self.blocks.iter().enumerate().filter(|(_, part)| part.counts()) {
            let mut snapshot = part.snapshot.clone();
            snapshot.start_ns = (number as f64 * self.step * 1e9) as u64;
            snapshot.duration_ns = (self.step * 1e9) as u64;
            for (name, &count) in &part.errors {
                spread(&mut snapshot, name, count);
            }
            for (&path, histogram) in &part.work {
                let blocks = work.entry(path).or_default();
                blocks.resize_with(snapshots.len(), Histogram::default);
                blocks.push(histogram.clone());
            }
            snapshots.push(snapshot);
        }
        for blocks in work.values_mut() {
            blocks.resize_with(snapshots.len(), Histogram::default);
        }
        (snapshots, work)
    }

    /// What a reader must know.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let (all, there) = (self.blocks.len(), self.blocks.iter().filter(|part| part.counts()).count());
        if there < all {
            notes.push(format!("{there} of {all} blocks of time count: it was not scraped in the others, or ran another kernel"));
        }
        if self.other > 0 {
            notes.push(format!(
                "left out {} returns that its daemon counted as `other` (--max-labels)",
                self.other
            ));
        }
        if !self.unknown.is_empty() {
            let names: Vec<_> = self.unknown.iter().take(8).map(String::as_str).collect();
            notes.push(format!("left out what this version does not know: {}", names.join(", ")));
        }
        notes
    }
}

impl Part {
    const fn counts(&self) -> bool {
        self.is_there && !self.is_foreign
    }
}

fn series(snapshot: &mut Snapshot, key: SeriesKey) -> &mut Series {
    snapshot.series.entry(key).or_insert_with(|| Series::new(Precision::Two))
}

fn path(answered: &Answered) -> Option<Path> {
    let name = answered.labels.get("path")?;
    Path::ALL.into_iter().find(|path| path.name() == name)
}

/// The other way of [`syscalls::label`].
fn number(abi: Abi, name: &str) -> Option<u16> {
    if name == syscalls::INVALID {
        return Some(NR_INVALID);
    }
    let unnamed = || name.strip_prefix("syscall_")?.parse().ok().filter(|&nr| nr < NR_INVALID);
    syscalls::number(abi, name).or_else(unnamed)
}

/// A server may answer anything: never more than fits.
const fn add(to: &mut u64, count: u64) {
    *to = to.saturating_add(count);
}

/// The daemon counts errors by call alone. Each of its paths gets its share of them, by returns.
fn spread(snapshot: &mut Snapshot, name: &str, count: u64) {
    let is_of = |key: &SeriesKey| syscalls::label(key.call().abi, key.call().nr.into()).to_string() == name;
    let all = crate::histogram::total(
        snapshot.series.iter().filter(|(key, _)| is_of(key)).map(|(_, one)| one.returns),
    );
    let (mut seen, mut given) = (0_u64, 0_u64);
    for (_, one) in snapshot.series.iter_mut().filter(|(key, _)| is_of(key)) {
        seen = seen.saturating_add(one.returns);
        let upto = (count as f64 * seen as f64 / all.max(1) as f64).round() as u64;
        // Which error it was is not compared.
        one.errors.insert(0, upto - given);
        given = upto;
    }
}

#[cfg(test)]
mod tests;
