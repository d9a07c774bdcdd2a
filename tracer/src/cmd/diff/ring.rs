//! Rings of a daemon as runs of a comparison.
//!
//! Hours and segments of a ring are no independent observations: they share the boot, the processes and whatever a host
//! does all day. So a window of a ring is one run, with blocks of its intervals inside, and of several rings each is a host.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::files::{Input, Kind};
use crate::{
    cmd::inputs::{Extent, Inputs, time::stamp},
    diff::{Gather, Run},
    error::CliError,
    ring::{Window, names},
};

/// Of the time between the first and the last interval this share may be missing before it is said.
const MISSING: f64 = 0.01;

/// Whether a daemon keeps its ring there.
pub fn is_ring(folder: &Path) -> bool {
    names(folder).is_ok_and(|names| !names.is_empty())
}

/// Refuses an interval that would count twice.
pub fn check<'a>(inputs: impl Iterator<Item = &'a Input>) -> Result<(), CliError> {
    let mut seen: Vec<(PathBuf, Window)> = Vec::new();
    for Input { path, window, kind } in inputs {
        if window.is_everything() && *kind != Kind::Ring {
            // The same recording twice is found by what it says of itself.
            continue;
        }
        let place = same(path);
        if seen.iter().any(|(other, before)| *other == place && before.meets(window)) {
            return Err(CliError::usage(
                &format!("cannot compare with {}", path.display()),
                "the same intervals of it are asked for twice, and each counts once",
                "give each its own time: exitpath diff RING@-2h..-1h -- RING@-1h..",
            ));
        }
        seen.push((place, *window));
    }
    Ok(())
}

/// Several windows of one ring on a side are not several hosts.
pub fn mark_windows(inputs: &mut [Input]) {
    let places: Vec<_> = inputs.iter().map(|input| same(&input.path)).collect();
    for (input, place) in inputs.iter_mut().zip(&places) {
        if input.kind == Kind::Ring && places.iter().filter(|other| *other == place).count() > 1 {
            input.kind = Kind::Window;
        }
    }
}

fn same(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A ring's window as a run.
pub fn read(input: &Input) -> Result<Run, CliError> {
    let mut inputs = Inputs::open(std::slice::from_ref(&input.path), input.window)?;
    let mut metadata = inputs.metadata.clone();
    // Which part of it this is, decides whether it is the same run.
    metadata.run = None;
    let mut gather = Gather::new(input.path.display().to_string(), metadata);
    let _: ControlFlow<()> = inputs.each(|snapshot| {
        gather.take(&snapshot);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut notes = inputs.notes().to_vec();
    let read = inputs.read();
    if let Some((began, ended)) = read.span {
        let missing = (ended - began) - read.recorded;
        if missing > MISSING * (ended - began) {
            notes.push(format!(
                "nothing was recorded in {missing:.0} s of these {:.0} s: the daemon did not run, or had nothing attached",
                ended - began
            ));
        }
    }
    if input.kind == Kind::Window {
        notes.push("one of several windows of one ring: that they differ little says nothing of other hosts, nor of a restart".to_owned());
    }
    let mut run = gather.finish(notes);
    run.file = of_time(&input.path, read);
    Ok(run)
}

/// A path, and which part of its time was read.
pub fn of_time(path: &Path, read: Extent) -> String {
    let path = path.display();
    read.span.map_or_else(
        || path.to_string(),
        |(began, ended)| format!("{path} from {} to {}", stamp(began), stamp(ended)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, from: Option<f64>, to: Option<f64>) -> Input {
        Input { path: PathBuf::from(path), window: Window { from, to }, kind: Kind::Ring }
    }

    #[test]
    fn an_interval_counts_once() {
        let whole = || input("a", None, None);
        let (early, late) = (input("a", None, Some(10.0)), input("a", Some(10.0), None));
        let refused = |inputs: &[Input]| check(inputs.iter()).is_err();
        assert!(!refused(&[early.clone(), late.clone()]) && !refused(&[whole(), input("b", None, None)]));
        assert!(refused(&[whole(), whole()]) && refused(&[early.clone(), whole()]));
        assert!(refused(&[input("a", Some(5.0), Some(11.0)), late.clone()]));
        let mut side = [early, late, input("b", None, None)];
        mark_windows(&mut side);
        assert_eq!(side.map(|input| input.kind), [Kind::Window, Kind::Window, Kind::Ring]);
    }
}
