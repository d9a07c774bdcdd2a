//! Intervals in, blocks out: a run is reduced while it is read, so that memory does not grow with its length.
//!
//! A block is a stretch of consecutive intervals, because neighbouring intervals resemble each other: resampling them
//! one by one would promise more than they say. Blocks double in length whenever there are more than [`MOST`], which
//! keeps between 6 and 12 of them, about the square root of the intervals of a minute.

mod moved;

use std::collections::BTreeMap;

use tracer_common::{Path, SeriesKey};

use super::run::{Run, Times, Track};
use crate::{
    histogram::{Histogram, total},
    metadata::Metadata,
    snapshot::{Series, Snapshot},
};

/// The most blocks of a run.
pub const MOST: usize = 12;

/// Adds intervals up to blocks.
#[derive(Debug, Default)]
pub struct Gather {
    run: Run,
    /// Intervals in the last block.
    last: usize,
    series: BTreeMap<SeriesKey, Vec<Part>>,
    turnaround: BTreeMap<Path, Vec<Sums>>,
}

/// A series' share of a block.
#[derive(Clone, Debug, Default)]
struct Part {
    returns: u64,
    errors: u64,
    service: Sums,
    work: Sums,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    count: u64,
    sum: u64,
    cells: Vec<(u16, u64)>,
}

impl Gather {
    /// Of nothing yet.
    #[must_use]
    pub fn new(file: String, metadata: Metadata) -> Self {
        Self { run: Run { file, metadata, block: 1, ..Run::default() }, ..Self::default() }
    }

    /// Takes the next interval.
    pub fn take(&mut self, snapshot: &Snapshot) {
        if self.run.durations.is_empty() || self.last == self.run.block {
            if self.run.durations.len() == MOST {
                self.halve();
            }
            self.run.durations.push(0);
            self.last = 0;
        }
        self.last += 1;
        self.run.intervals += 1;
        let block = self.run.durations.len() - 1;
        add(&mut self.run.durations[block], snapshot.duration_ns);
        for (loss, one) in self.run.losses.iter_mut().zip(&snapshot.losses) {
            add(loss, *one);
        }
        for (&key, one) in &snapshot.series {
            let parts = self.series.entry(key).or_default();
            parts.resize_with(block + 1, Part::default);
            parts[block].add(one);
        }
        for (key, one) in &snapshot.moved {
            if let Some(parts) = self.series.get_mut(key) {
                moved::take_back(parts, one);
            }
        }
        for (&path, one) in &snapshot.turnaround {
            let parts = self.turnaround.entry(path).or_default();
            parts.resize_with(block + 1, Sums::default);
            parts[block].add(one);
        }
    }

    /// Two neighbouring blocks become one.
    fn halve(&mut self) {
        self.run.block *= 2;
        self.run.durations = self.run.durations.chunks(2).map(|pair| total(pair.iter().copied())).collect();
        for parts in self.series.values_mut() {
            *parts = in_pairs(std::mem::take(parts), Part::merge);
        }
        for parts in self.turnaround.values_mut() {
            *parts = in_pairs(std::mem::take(parts), Sums::merge);
        }
        // MOST is even: the last block is a whole pair.
        self.last = self.run.block;
    }

    /// The run, with what is to be said of it.
    #[must_use]
    pub fn finish(self, notes: Vec<String>) -> Run {
        let Self { mut run, last: _, series, turnaround } = self;
        let blocks = run.durations.len();
        run.series = series
            .into_iter()
            .filter(|(_, parts)| parts.iter().any(|part| part.returns > 0))
            .map(|(key, mut parts)| {
                parts.resize_with(blocks, Part::default);
                (key, track(parts))
            })
            .collect();
        run.turnaround = turnaround
            .into_iter()
            .map(|(path, mut parts)| {
                parts.resize_with(blocks, Sums::default);
                (path, times(parts))
            })
            .filter(|(_, times)| !times.is_empty())
            .collect();
        run.notes = notes;
        run
    }
}

impl Part {
    fn add(&mut self, one: &Series) {
        add(&mut self.returns, one.returns);
        add(&mut self.errors, total(one.errors.values().copied()));
        self.service.add(&one.latency);
        self.work.add(&one.work);
    }

    fn merge(&mut self, other: Self) {
        add(&mut self.returns, other.returns);
        add(&mut self.errors, other.errors);
        self.service.merge(other.service);
        self.work.merge(other.work);
    }
}

impl Sums {
    fn add(&mut self, one: &Histogram) {
        if one.count == 0 && one.cells.is_empty() {
            return;
        }
        add(&mut self.count, one.count);
        add(&mut self.sum, one.sum);
        // Most cells are there already: the vector is made anew only for those that are not.
        let (mut at, mut new) = (0, Vec::new());
        for (&cell, &count) in &one.cells {
            while self.cells.get(at).is_some_and(|held| held.0 < cell) {
                at += 1;
            }
            match self.cells.get_mut(at) {
                Some((held, sum)) if *held == cell => add(sum, count),
                _ => new.push((cell, count)),
            }
        }
        if !new.is_empty() {
            self.cells = union(&self.cells, new.into_iter());
        }
    }

    fn merge(&mut self, other: Self) {
        add(&mut self.count, other.count);
        add(&mut self.sum, other.sum);
        self.cells = union(&self.cells, other.cells.into_iter());
    }
}

fn in_pairs<T>(parts: Vec<T>, merge: fn(&mut T, T)) -> Vec<T> {
    let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
    let mut rest = parts.into_iter();
    while let Some(mut first) = rest.next() {
        if let Some(second) = rest.next() {
            merge(&mut first, second);
        }
        pairs.push(first);
    }
    pairs
}

/// Both are sorted by cell.
fn union(one: &[(u16, u64)], other: impl Iterator<Item = (u16, u64)>) -> Vec<(u16, u64)> {
    let mut sum = Vec::with_capacity(one.len() + 8);
    let mut rest = one.iter().copied().peekable();
    for (cell, count) in other {
        while let Some(before) = rest.next_if(|held| held.0 < cell) {
            sum.push(before);
        }
        let held = rest.next_if(|held| held.0 == cell).map_or(0, |held| held.1);
        sum.push((cell, held.saturating_add(count)));
    }
    sum.extend(rest);
    sum
}

const fn add(to: &mut u64, from: u64) {
    *to = to.saturating_add(from);
}

fn track(parts: Vec<Part>) -> Track {
    let returns = parts.iter().map(|part| part.returns).collect();
    let errors = parts.iter().map(|part| part.errors).collect();
    let (service, work): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.service, part.work)).unzip();
    Track { returns, errors, service: times(service), work: times(work) }
}

fn times(parts: Vec<Sums>) -> Times {
    if parts.iter().all(|part| part.count == 0 && part.cells.is_empty()) {
        return Times::default();
    }
    let mut times = Times { starts: vec![0], ..Times::default() };
    for Sums { count, sum, cells } in parts {
        times.counts.push(count);
        times.sums.push(sum);
        for (cell, number) in cells.into_iter().filter(|&(_, number)| number > 0) {
            times.cells.push(cell);
            times.numbers.push(number);
        }
        times.starts.push(times.cells.len() as u32);
    }
    times.cells.shrink_to_fit();
    times.numbers.shrink_to_fit();
    times
}
