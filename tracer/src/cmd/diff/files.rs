//! Which files a side is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::error::CliError;

/// The files of a side.
#[derive(Debug)]
pub struct Side {
    /// What outputs call it.
    pub label: String,
    /// Its files, and whether one that is no recording may be skipped.
    pub files: Vec<(PathBuf, Foreign)>,
}

/// What a file that is no recording means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It was asked for by name: an error.
    Refused,
    /// It lay in a folder: a line on standard error.
    Skipped,
}

impl Side {
    /// Finds the files of arguments: files, folders of recordings, or patterns that the shell did not expand.
    pub fn find(arguments: &[PathBuf]) -> Result<Self, CliError> {
        let mut files = Vec::new();
        for argument in arguments {
            if argument.is_dir() {
                files.extend(in_folder(argument)?.into_iter().map(|file| (file, Foreign::Skipped)));
            } else if !argument.exists() && argument.to_string_lossy().starts_with('-') {
                // Behind the `--` everything is a file: what looks like an option was meant as one.
                return Err(CliError::usage(
                    &format!("cannot compare with {}", argument.display()),
                    "what stands behind -- are recordings, and this looks like an option",
                    "put options first: exitpath diff --format lkml BASE -- NEW",
                ));
            } else if argument.exists() || !is_pattern(argument) {
                files.push((argument.clone(), Foreign::Refused));
            } else {
                files.extend(matching(argument)?);
            }
        }
        Ok(Self { label: label(arguments), files })
    }
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

/// The recordings of a folder, sorted by name. What else lies in it is skipped, with a line.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
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
            "give the folder of `exitpath record --runs N -o DIR`",
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
    Ok(found)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn matching(pattern: &Path) -> Result<Vec<(PathBuf, Foreign)>, CliError> {
    let text = pattern.to_string_lossy();
    let what = format!("cannot read {text}");
    let paths = glob::glob(&text).map_err(|error| {
        CliError::usage(&what, &format!("it is no pattern ({error})"), "quote it, or name the files")
    })?;
    let mut found = BTreeSet::new();
    for path in paths {
        let path = path.map_err(|error| {
            CliError::usage(&what, &error.to_string(), "give recordings that can be read")
        })?;
        if path.is_dir() {
            found.extend(in_folder(&path)?);
        } else {
            found.insert(path);
        }
    }
    if found.is_empty() {
        return Err(CliError::usage(&what, "nothing matches it", "`ls` shows what is there"));
    }
    Ok(found.into_iter().map(|path| (path, Foreign::Refused)).collect())
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
            let name =
                |(path, _): &(PathBuf, Foreign)| path.file_name().unwrap().to_string_lossy().into_owned();
            side.files.iter().map(name).collect()
        };
        let side = Side::find(&[folder.path().to_owned()]).unwrap();
        assert_eq!(names(side), ["1.hlog.zst", "10.hlog.gz", "2.hlog"]);
        let side = Side::find(&[folder.path().join("1*.hlog*")]).unwrap();
        assert_eq!(names(side), ["1.hlog.zst", "10.hlog.gz"]);
        assert!(Side::find(&[folder.path().join("x*")]).is_err());
        assert!(Side::find(&[folder.path().join("[")]).is_err());
        let empty = tempfile::tempdir().unwrap();
        assert!(Side::find(&[empty.path().to_owned()]).is_err());
    }
}
