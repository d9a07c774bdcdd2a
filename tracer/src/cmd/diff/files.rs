//! Which files a side is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{ring::is_ring, window::split};
use crate::{error::CliError, ring::Window};

/// A side.
#[derive(Debug)]
pub struct Side {
    /// What outputs call it.
    pub label: String,
    /// What it is read from.
    pub inputs: Vec<Input>,
}

/// What a run is read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// A file, or the folder of a ring.
    pub path: PathBuf,
    /// The part of its time that is read.
    pub window: Window,
    /// What it is.
    pub kind: Kind,
}

/// What an input is, and what it means if there is nothing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file that was asked for by name: it must be a recording.
    Named,
    /// A file that lay in a folder: if it is no recording, or none of this time, it is left out with a line.
    InFolder,
    /// A ring: a host.
    Ring,
    /// A ring of which the same side has another window.
    Window,
}

impl Input {
    /// Whether it is a host.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.kind == Kind::Ring
    }
}

impl Side {
    /// Finds what arguments name: files, folders of recordings, rings, or patterns that the shell did not expand.
    /// `window` is the time of those that do not name their own.
    pub fn find(arguments: &[PathBuf], window: &Window, now: f64) -> Result<Self, CliError> {
        let mut inputs = Vec::new();
        for argument in arguments {
            let (path, own) = split(argument, now)?;
            let window = own.unwrap_or(*window);
            let found = find(&path)?;
            inputs.extend(found.into_iter().map(|(path, kind)| Input { path, window, kind }));
        }
        Ok(Self { label: label(arguments), inputs })
    }
}

type Found = Vec<(PathBuf, Kind)>;

fn find(path: &Path) -> Result<Found, CliError> {
    if path.is_dir() {
        return in_folder(path);
    }
    if !path.exists() && path.to_string_lossy().starts_with('-') {
        // Behind the `--` everything is a file: what looks like an option was meant as one.
        return Err(CliError::usage(
            &format!("cannot compare with {}", path.display()),
            "what stands behind -- are recordings, and this looks like an option",
            "put options first: exitpath diff --format lkml BASE -- NEW",
        ));
    }
    if path.exists() || !is_pattern(path) { Ok(vec![(path.to_owned(), Kind::Named)]) } else { matching(path) }
}

/// Its directory or its file; the folder that all arguments lie in.
fn label(arguments: &[PathBuf]) -> String {
    let Some((first, rest)) = arguments.split_first() else { return String::new() };
    let shown = |path: &Path| path.display().to_string();
    let folder = first.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        _ if rest.is_empty() => shown(first),
        Some(folder) if rest.iter().all(|other| other.parent() == Some(folder)) => shown(folder),
        _ => format!("{} and {} more", shown(first), rest.len()),
    }
}

fn is_recording(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".hlog", ".hlog.gz", ".hlog.zst"].iter().any(|end| name.ends_with(end))
}

/// A ring, or the recordings of a folder, sorted by name; what else lies in that is skipped, with a line.
fn in_folder(folder: &Path) -> Result<Found, CliError> {
    if is_ring(folder) {
        return Ok(vec![(folder.to_owned(), Kind::Ring)]);
    }
    let what = || format!("cannot read {}", folder.display());
    let unreadable =
        |error: std::io::Error| CliError::usage(&what(), &error.to_string(), "give a folder of recordings");
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_recording(&path) && !path.is_dir() {
            found.push(path);
        } else {
            others.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    if found.is_empty() {
        return Err(CliError::usage(
            &what(),
            "there is no recording in it (.hlog, .hlog.gz, .hlog.zst)",
            "give the folder of `exitpath record --runs N -o DIR`, or a daemon's --ring",
        ));
    }
    found.sort();
    others.sort();
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().take(4).map(String::as_str).collect();
        let more = if others.len() > 4 { ", ..." } else { "" };
        let names = names.join(", ");
        let count = others.len();
        eprintln!(
            "exitpath: {}: left out what is no recording ({count}): {}{more}",
            folder.display(),
            names.escape_debug()
        );
    }
    Ok(found.into_iter().map(|path| (path, Kind::InFolder)).collect())
}

pub fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn matching(pattern: &Path) -> Result<Found, CliError> {
    let text = pattern.to_string_lossy();
    let what = format!("cannot read {text}");
    let paths = glob::glob(&text).map_err(|error| {
        CliError::usage(&what, &format!("it is no pattern ({error})"), "quote it, or name the files")
    })?;
    let mut found = BTreeMap::new();
    for path in paths {
        let path = path.map_err(|error| {
            CliError::usage(&what, &error.to_string(), "give recordings that can be read")
        })?;
        if path.is_dir() {
            found.extend(in_folder(&path)?);
        } else {
            found.insert(path, Kind::Named);
        }
    }
    if found.is_empty() {
        return Err(CliError::usage(&what, "nothing matches it", "`ls` shows what is there"));
    }
    // What a pattern names is asked for, a folder that it names or not.
    let named = |kind| if kind == Kind::InFolder { Kind::Named } else { kind };
    Ok(found.into_iter().map(|(path, kind)| (path, named(kind))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_called_by_their_folder_or_file() {
        let label = |names: &[&str]| label(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(label(&["base"]), "base");
        assert_eq!(label(&["base/1.hlog"]), "base/1.hlog");
        assert_eq!(label(&["base/1.hlog", "base/2.hlog"]), "base");
        assert_eq!(label(&["base/1.hlog", "other/2.hlog"]), "base/1.hlog and 1 more");
        assert_eq!(label(&["1.hlog", "2.hlog"]), "1.hlog and 1 more");
    }

    #[test]
    fn folders_and_patterns_give_recordings_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["2.hlog", "1.hlog.zst", "notes.txt", "10.hlog.gz"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |side: Side| -> Vec<String> {
            let name = |input: &Input| input.path.file_name().unwrap().to_string_lossy().into_owned();
            side.inputs.iter().map(name).collect()
        };
        let find = |path: PathBuf| Side::find(&[path], &Window::default(), 0.0);
        let side = find(folder.path().to_owned()).unwrap();
        assert_eq!(names(side), ["1.hlog.zst", "10.hlog.gz", "2.hlog"]);
        let side = find(folder.path().join("1*.hlog*")).unwrap();
        assert_eq!(names(side), ["1.hlog.zst", "10.hlog.gz"]);
        assert!(find(folder.path().join("x*")).is_err());
        assert!(find(folder.path().join("[")).is_err());
        let empty = tempfile::tempdir().unwrap();
        assert!(find(empty.path().to_owned()).is_err());
    }
}
