//! What the daemon gives up once it traces and serves.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    daemon::options::Options,
    error::{CANNOT_TRACE, CliError},
    privileges::{self, Capability, Files, Reason, Work},
};

const GOVERNING: Reason = "--max-overhead attaches programs anew";

/// Whether programs are attached again while it runs, and what that takes.
pub(super) fn attaches(options: &Options) -> Option<[(Capability, Reason); 2]> {
    let rights = [Capability::CAP_BPF, Capability::CAP_PERFMON].map(|one| (one, GOVERNING));
    options.max_overhead.map(|_| rights)
}

/// Gives up all but `needs`; the line that says so. `None`: tracing needs everything.
pub(super) fn confine(needs: Option<&[(Capability, Reason)]>, options: &Options) -> Result<String, CliError> {
    let Some(needs) = needs else {
        return Ok("all privileges kept: this plan takes its probes out through tracefs".to_owned());
    };
    let mut keep = needs.to_vec();
    let work = if let Some(rights) = attaches(options) {
        keep.retain(|(one, _)| rights.iter().all(|(other, _)| one != other));
        keep.extend(rights);
        Work::Attaches
    } else {
        Work::Reads
    };
    let confinement = privileges::confine(&keep, &files(options), work).map_err(|error| {
        CliError::told(
            CANNOT_TRACE,
            &format!("cannot give up privileges: {error}; --keep-privileges traces with all of them"),
        )
    })?;
    Ok(confinement.to_string())
}

/// What is read again at a reload, and where files are written.
fn files(options: &Options) -> Files {
    let folders = options
        .ring
        .iter()
        .map(PathBuf::as_path)
        .chain(options.http.socket.iter().filter_map(|path| path.parent()));
    Files {
        read: options
            .files
            .iter()
            .flat_map(|file| readable(file))
            .chain([PathBuf::from("/etc/passwd")])
            .collect(),
        write: folders.filter_map(existing).collect(),
        connect: options.otlp.iter().map(|otlp| otlp.address.port()).collect(),
    }
}

/// A file that may be replaced by another of its name is reached through its folder; one that is a link, through the
/// folder of what it points to, too. A folder such as `/etc` would open too much: there the file itself.
fn readable(file: &Path) -> Vec<PathBuf> {
    let names = [std::path::absolute(file).ok(), fs::canonicalize(file).ok()];
    let reach =
        |path: PathBuf| path.parent().filter(|folder| is_deep(folder)).map(Path::to_owned).unwrap_or(path);
    names.into_iter().flatten().map(reach).collect()
}

/// The folder, or while it does not exist (on a disk that was full or read-only) the nearest above it.
fn existing(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder
        .ancestors()
        .find(|path| path.is_dir())
        .filter(|path| *path == folder || is_deep(path))
        .map(Path::to_owned)
}

/// Neither the root nor a folder in it.
fn is_deep(folder: &Path) -> bool {
    folder.components().count() > 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_reached_through_their_folders_unless_that_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("archive");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("key1.pem"), "k").unwrap();
        let link = folder.path().join("key.pem");
        symlink(real.join("key1.pem"), &link).unwrap();
        assert_eq!(readable(&link), [folder.path().to_owned(), fs::canonicalize(real).unwrap()]);
        assert_eq!(readable(Path::new("/etc/exitpath/x.toml"))[0], Path::new("/etc/exitpath"));
        assert_eq!(readable(Path::new("/etc/hostname"))[0], Path::new("/etc/hostname"));
        assert_eq!(readable(Path::new("/exitpath.toml"))[0], Path::new("/exitpath.toml"));
    }

    #[test]
    fn a_ring_that_is_not_there_yet_is_made_in_the_nearest_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(folder.path()).as_deref(), Some(folder.path()));
        assert_eq!(existing(&folder.path().join("a/b")).as_deref(), Some(folder.path()));
        assert_eq!(existing(Path::new("/nowhere/ring")), None);
    }
}
