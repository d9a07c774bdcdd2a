//! The sides of a comparison: what they are, whether they can be compared, and what a reader must know of them.

use std::collections::{BTreeMap, BTreeSet};

use tracer_common::Loss;

use super::{DiffError, model::Side, run::Run};
use crate::{
    environment::{Difference, differences, obstacles},
    histogram::total,
};

/// Refuses sides that are empty, runs without returns, and runs that are there twice.
pub fn check(base: &[Run], new: &[Run]) -> Result<(), DiffError> {
    for (side, runs) in [("base", base), ("new", new)] {
        if runs.is_empty() {
            return Err(DiffError::EmptySide { side });
        }
    }
    let mut seen = BTreeMap::new();
    for run in base.iter().chain(new) {
        if run.returns() == 0 {
            return Err(DiffError::EmptyRun { file: run.file.clone() });
        }
        let id = run.metadata.run.as_ref().map(|run| run.id.clone()).filter(|id| !id.is_empty());
        // Recordings of before have no id.
        let id = id.unwrap_or_else(|| format!("{} {:x}", run.metadata.started_at, run.digest()));
        if let Some(first) = seen.insert(id, &run.file) {
            return Err(DiffError::SameRun { first: first.clone(), second: run.file.clone() });
        }
    }
    Ok(())
}

/// Refuses runs that answer different questions; with `force`, what they differ in.
pub fn comparable(base: &[Run], new: &[Run], force: bool) -> Result<Vec<Difference>, DiffError> {
    let Some(first) = base.first() else { return Ok(Vec::new()) };
    let mut forced: Vec<Difference> = Vec::new();
    for run in base.iter().chain(new).skip(1) {
        let found = obstacles(&first.metadata, &run.metadata);
        if !found.is_empty() && !force {
            let (first, second) = (first.file.clone(), run.file.clone());
            return Err(DiffError::Incomparable { first, second, differences: found });
        }
        let known = |one: &Difference| forced.contains(one);
        let fresh: Vec<_> = found.into_iter().filter(|one| !known(one)).collect();
        forced.extend(fresh);
    }
    Ok(forced)
}

/// A side, summed up.
#[must_use]
pub fn side(label: &str, runs: &[Run]) -> Side {
    let sum = |of: fn(&Run) -> u64| total(runs.iter().map(of));
    let losses = Loss::ALL.map(|kind| (kind.name(), total(runs.iter().map(|run| run.losses[kind as usize]))));
    Side {
        label: label.to_owned(),
        metadata: runs.first().map(|run| run.metadata.clone()).unwrap_or_default(),
        files: runs.iter().map(|run| run.file.clone()).collect(),
        runs: runs.len(),
        intervals: runs.iter().map(|run| run.intervals).sum(),
        duration_ns: sum(|run| total(run.durations.iter().copied())),
        returns: sum(Run::returns),
        loss: losses
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .map(|(name, count)| (name.to_owned(), count))
            .collect(),
    }
}

/// What must be said of a side before its numbers.
#[must_use]
pub fn notes(name: &str, runs: &[Run]) -> Vec<String> {
    let of_run = |run: &Run| run.notes.iter().map(|note| format!("{}: {note}", run.file)).collect::<Vec<_>>();
    let mut notes: Vec<String> = runs.iter().flat_map(of_run).collect();
    let Some((first, rest)) = runs.split_first() else { return notes };
    let whats: BTreeSet<String> = rest
        .iter()
        .flat_map(|run| differences(&first.metadata, &run.metadata))
        .map(|difference| difference.what)
        .collect();
    if !whats.is_empty() {
        let whats: Vec<_> = whats.into_iter().collect();
        notes.push(format!("the {name} runs differ among themselves in {}", whats.join(", ")));
    }
    notes
}
