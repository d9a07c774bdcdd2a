//! The segments of a ring, as a command reads them: while they are written, and while the oldest go.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::unreadable;
use crate::{
    error::CliError,
    metadata::Metadata,
    recording::{Reader, RecordingError},
    ring::{self, Window},
    snapshot::Snapshot,
};

/// The segments that hold an interval of the window, in the order of the ring, with their heads.
pub fn within(folder: &Path, window: &Window) -> Result<Vec<(PathBuf, Metadata)>, CliError> {
    let name = folder.display().to_string();
    let failed = |error: io::Error| unreadable(&name, &error.into());
    if ring::names(folder).map_err(failed)?.is_empty() {
        let why = "there is no segment of a ring in it";
        let remedy = "give the --ring of a daemon, or a file";
        return Err(CliError::usage(&format!("cannot read {name}"), why, remedy));
    }
    let mut held = Vec::new();
    for path in ring::segments(folder, window).map_err(failed)? {
        if let Some(mut reader) = open(&path)?
            && window.may_hold(reader.metadata())
            && (window.from.is_none() || holds(&mut reader, window))
        {
            held.push((path, reader.metadata().clone()));
        }
    }
    Ok(held)
}

/// Whether any interval belongs to the window; a damaged segment may have one, and is looked at later. One of another
/// kernel that ended just before the window must not keep the window from being read.
fn holds(reader: &mut Reader, window: &Window) -> bool {
    loop {
        match reader.interval() {
            Ok(Some(snapshot)) if window.holds(reader.metadata(), &snapshot) => return true,
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// A segment; none if it is gone, or has no head yet.
pub fn open(path: &Path) -> Result<Option<Reader<'static>>, CliError> {
    let name = path.display().to_string();
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| unreadable(&name, &error.into()))?,
    };
    match Reader::new(file) {
        Ok(reader) => Ok(Some(reader)),
        Err(RecordingError::Empty | RecordingError::CutInHead) => Ok(None),
        Err(error) => Err(unreadable(&name, &error)),
    }
}

/// When a ring's first interval began and its last one ended, in seconds since the epoch; for errors.
#[must_use]
pub fn extent(folder: &Path) -> Option<(f64, f64)> {
    let paths = ring::segments(folder, &Window::default()).ok()?;
    let mut readers = paths.iter().filter_map(|path| open(path).ok().flatten());
    let first = readers.next()?.metadata().started_at;
    let ends = paths.iter().rev().filter_map(|path| {
        let mut reader = open(path).ok().flatten()?;
        let mut end = None;
        while let Ok(Some(snapshot)) = reader.interval() {
            end = Some(span(reader.metadata(), &snapshot).1);
        }
        end
    });
    let last = { ends }.next()?;
    Some((first, last))
}

/// When an interval began and ended, in seconds since the epoch.
#[must_use]
pub fn span(metadata: &Metadata, snapshot: &Snapshot) -> (f64, f64) {
    let began = metadata.started_at + snapshot.start_ns as f64 / 1e9;
    (began, began + snapshot.duration_ns as f64 / 1e9)
}
