//! Where the recordings of replicates lie: which are there, what the next one is called, and whether it belongs there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    environment::{Difference, obstacles},
    error::CliError,
    metadata::Metadata,
    recording::Reader,
};

/// The most runs of one side: their numbers have three digits, so that names sort as numbers do.
pub const MOST: u32 = 999;

/// A folder of recordings.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// What is there: name and head.
    there: Vec<(PathBuf, Metadata)>,
    /// The number of the last run there.
    last: u32,
}

impl Folder {
    /// Opens a folder, making it if need be. With recordings in it, it is for going on only.
    pub fn open(path: &Path, append: bool) -> Result<Self, CliError> {
        let what = || format!("cannot write recordings into {}", path.display());
        if path.exists() && !path.is_dir() {
            return Err(CliError::usage(
                &what(),
                "it is a file",
                "with --runs, -o names a folder; give another",
            ));
        }
        let failed = |error: io::Error| {
            CliError::usage(&what(), &error.to_string(), "give a folder that can be written")
        };
        fs::create_dir_all(path).map_err(failed)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            if is_recording(&entry) {
                names.push(entry);
            }
        }
        names.sort();
        if let (Some(first), false) = (names.first(), append) {
            return Err(CliError::usage(
                &what(),
                &format!("recordings are there already ({})", shown(first)),
                "--append goes on with them; or give a new folder",
            ));
        }
        let last = names.iter().filter_map(|name| number(name)).max().unwrap_or(0);
        let there = names.into_iter().map(|name| head(&name).map(|head| (name, head)));
        Ok(Self { path: path.to_owned(), there: there.collect::<Result<_, _>>()?, last })
    }

    /// The number of the last run there; 0 where there is none.
    #[must_use]
    pub const fn last(&self) -> u32 {
        self.last
    }

    /// How many recordings were there.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.there.len()
    }

    /// The place of the last recording in the order of all runs; 0 where there is none.
    #[must_use]
    pub fn order(&self) -> u32 {
        self.there.iter().filter_map(|(_, head)| Some(head.run.as_ref()?.order)).max().unwrap_or(0)
    }

    /// The file of a run.
    #[must_use]
    pub fn file(&self, number: u32) -> PathBuf {
        self.path.join(format!("run-{number:03}.hlog.zst"))
    }

    /// Refuses a recording with this head if it is of something else than those that are there.
    pub fn check(&self, new: &Metadata) -> Result<(), CliError> {
        self.there.iter().try_for_each(|(name, there)| refuse(name, &continues(there, new)))
    }
}

/// Refuses to go on with what differs.
fn refuse(name: &Path, differences: &[Difference]) -> Result<(), CliError> {
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Err(CliError::usage(
        &format!("cannot go on after {}", name.display()),
        &format!("this run differs from it in {}", lines.join("; ")),
        "record as that was recorded, or into a new folder",
    ))
}

/// In what a new recording differs from one that it is to stand beside as another run of the same. Runs of one kernel
/// build, booted the same way, on one machine, with the same filters and command; whatever else changes (load,
/// governor) is what runs are there to average out, and stands in their heads.
#[must_use]
pub fn continues(there: &Metadata, new: &Metadata) -> Vec<Difference> {
    let mut found = obstacles(there, new);
    let digest = |metadata: &Metadata| metadata.kernel.config_digest.clone().unwrap_or_default();
    let divert = |metadata: &Metadata| metadata.divert.to_string();
    let pairs = [
        ("--divert", divert(there), divert(new)),
        ("kernel release", there.kernel.release.clone(), new.kernel.release.clone()),
        ("kernel build", there.kernel.version.clone(), new.kernel.version.clone()),
        ("kernel configuration (digest)", digest(there), digest(new)),
        ("kernel command line", there.kernel.command_line.clone(), new.kernel.command_line.clone()),
        ("host", there.machine.host_id.clone(), new.machine.host_id.clone()),
        ("filters", there.filters.join(" "), new.filters.join(" ")),
        ("command", there.command.join(" "), new.command.join(" ")),
    ];
    for (what, there, new) in &pairs {
        if !found.iter().any(|known| known.what == *what) {
            found.extend(Difference::between(what, Some(there), Some(new)));
        }
    }
    found
}

/// Whether a file's name is a recording's.
#[must_use]
pub fn is_recording(path: &Path) -> bool {
    let name = shown(path);
    [".hlog", ".hlog.gz", ".hlog.zst"].iter().any(|end| name.ends_with(end))
}

/// The number in `run-007.hlog.zst`.
fn number(path: &Path) -> Option<u32> {
    shown(path).strip_prefix("run-")?.split('.').next()?.parse().ok()
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn head(path: &Path) -> Result<Metadata, CliError> {
    let unreadable = |why: String| {
        CliError::usage(
            &format!("cannot go on after {}", path.display()),
            &why,
            "move it away, or record into a new folder",
        )
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let reader = Reader::new(file).map_err(|error| unreadable(error.to_string()))?;
    Ok(reader.metadata().clone())
}

#[cfg(test)]
mod tests;
