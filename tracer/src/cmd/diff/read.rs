//! Recordings into runs, several at a time, each in bounded memory.

use std::{
    fs::File,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use indicatif::ProgressBar;

use super::{
    files::{Input, Kind},
    ring,
};
use crate::{
    cmd::inputs::{Extent, nothing},
    diff::{Gather, Run},
    error::CliError,
    recording::{Reader, RecordingError},
    snapshot::Snapshot,
};

/// Histogram cells of all runs that are held at most: some 600 MB.
const MOST_CELLS: usize = 60_000_000;
/// Intervals may overlap by this much, in ns: a reading takes time.
const TOLERANCE: u64 = 10_000_000;

/// What all runs hold together.
#[derive(Debug, Default)]
pub struct Total(AtomicUsize);

/// Reads all of them; `None` stands for one that was skipped. The first error in their order counts.
pub fn all(
    inputs: &[Input],
    threads: usize,
    total: &Total,
    bar: &ProgressBar,
) -> Result<Vec<Option<Run>>, CliError> {
    type Place = Mutex<Option<Result<Option<Run>, CliError>>>;
    let places: Vec<Place> = inputs.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = inputs.get(at) else { return };
            let read = one(input, total);
            if read.is_err() {
                next.store(inputs.len(), Ordering::Relaxed);
            }
            if let Ok(mut place) = places[at].lock() {
                *place = Some(read);
            }
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, inputs.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    places.into_iter().filter_map(|place| place.into_inner().ok().flatten()).collect()
}

fn one(input: &Input, total: &Total) -> Result<Option<Run>, CliError> {
    let run = match input.kind {
        Kind::Ring | Kind::Window => Some(ring::read(input)?),
        Kind::Named | Kind::InFolder => file(input)?,
    };
    let cells = run.as_ref().map_or(0, Run::cells);
    let held = total.0.fetch_add(cells, Ordering::Relaxed) + cells;
    if held > MOST_CELLS {
        return Err(CliError::usage(
            "cannot compare",
            "the recordings hold more than fits into memory",
            "compare fewer runs, or record fewer calls (-e)",
        ));
    }
    Ok(run)
}

fn file(input: &Input) -> Result<Option<Run>, CliError> {
    let Input { path, window, kind } = input;
    let name = path.display().to_string();
    let what = format!("cannot read {name}");
    let opened = File::open(path).map_err(|error| {
        CliError::usage(&what, &error.to_string(), "give recordings that can be read, or folders of them")
    })?;
    let mut reader = match Reader::new(opened) {
        Err(RecordingError::Foreign) if *kind == Kind::InFolder => {
            eprintln!("exitpath: {name}: left out, it is no recording of exitpath");
            return Ok(None);
        }
        reader => reader.map_err(|error| CliError::input(&what, &error))?,
    };
    let mut metadata = reader.metadata().clone();
    if !window.is_everything() {
        // A part of a run is not the run.
        metadata.run = None;
    }
    let mut gather = Gather::new(name.clone(), metadata);
    let (mut clock, mut held, mut seen) = (Clock::default(), Extent::default(), Extent::default());
    while let Some(snapshot) = reader.interval().map_err(|error| CliError::input(&what, &error))? {
        clock.check(&snapshot).map_err(|why| {
            CliError::usage(
                &what,
                &why,
                "its clock jumped, or it was put together from several: leave it out, or record again",
            )
        })?;
        seen.add(reader.metadata(), &snapshot);
        if window.holds(reader.metadata(), &snapshot) {
            held.add(reader.metadata(), &snapshot);
            gather.take(&snapshot);
        }
    }
    if held.span.is_none() && !window.is_everything() {
        let none = nothing(std::slice::from_ref(path), seen);
        if *kind == Kind::Named {
            return Err(none);
        }
        eprintln!("exitpath: {name}: left out, no interval of it began in this time");
        return Ok(None);
    }
    let mut run = gather.finish(notes(&reader));
    if !window.is_everything() {
        run.file = ring::of_time(path, held);
    }
    Ok(Some(run))
}

fn notes(reader: &Reader) -> Vec<String> {
    let mut notes: Vec<String> = reader.cut().iter().map(ToString::to_string).collect();
    if !reader.unknown().is_empty() {
        let names: Vec<_> = reader.unknown().iter().take(8).map(String::as_str).collect();
        notes.push(format!("left out what this version does not know: {}", names.join(", ").escape_debug()));
    }
    notes
}

/// Whether intervals follow each other.
#[derive(Debug, Default)]
struct Clock {
    number: u64,
    end: u64,
}

impl Clock {
    fn check(&mut self, snapshot: &Snapshot) -> Result<(), String> {
        self.number += 1;
        let Snapshot { start_ns, duration_ns, .. } = snapshot;
        if self.number > 1 && start_ns.saturating_add(TOLERANCE) < self.end {
            return Err(format!("interval {} begins before the one before it ends", self.number));
        }
        self.end = start_ns
            .checked_add(*duration_ns)
            .filter(|&end| end < 1 << 62)
            .ok_or_else(|| format!("interval {} ends in more than a hundred years", self.number))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_found() {
        let at = |start_ns, duration_ns| Snapshot { start_ns, duration_ns, ..Snapshot::default() };
        let all = |snapshots: &[Snapshot]| {
            let mut clock = Clock::default();
            snapshots.iter().try_for_each(|snapshot| clock.check(snapshot))
        };
        let second = 1_000_000_000;
        assert_eq!(all(&[at(0, second), at(second, second), at(5 * second, second)]), Ok(()));
        assert_eq!(all(&[at(0, second), at(second - 1000, second)]), Ok(()));
        assert!(all(&[at(0, second), at(second / 2, second)]).is_err());
        assert!(all(&[at(5 * second, second), at(0, second)]).is_err());
        assert!(all(&[at(1, u64::MAX)]).is_err() && all(&[at(0, 1 << 63)]).is_err());
    }
}
