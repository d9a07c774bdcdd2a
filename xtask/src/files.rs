//! Files and folders that appear whole or not at all.

use anyhow::{Context as _, Result};
use std::{
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Path, PathBuf},
    process,
};

/// A folder to work in, on the file system of the folder it will become; gone when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty folder `.<name>.<pid>` inside `parent`.
    pub fn new(parent: &Path, name: &str) -> Result<Self> {
        let path = parent.join(format!(".{name}.{}", process::id()));
        // Left by a task that was killed and whose process id came round again.
        remove(&path)?;
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing to be done about a failure here: the folder's name keeps it from passing for a finished one.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes the scratch folders that killed tasks left in `parent`, whose caller holds its lock.
pub fn sweep(parent: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(parent) else { return Ok(()) };
    for entry in entries.filter_map(Result::ok) {
        let scratch = entry.file_name().as_bytes().starts_with(b".");
        if scratch && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Puts a finished file or folder in its place in one step, in the place of an older one.
pub fn install(finished: &Path, place: &Path) -> Result<()> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    remove(place)?;
    fs::rename(finished, place).with_context(|| format!("cannot put {} in its place", place.display()))
}

/// Writes a file that appears whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().context("a file needs a name")?.to_owned();
    name.push(format!(".{}", process::id()));
    let scratch = path.with_file_name(name);
    fs::write(&scratch, bytes)
        .and_then(|()| fs::rename(&scratch, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Removes a file, link or folder; one that is not there is fine.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Repeats the tree `from` at `to` with hard links, which take no room; copies across file systems.
/// Nothing is linked for which `skip` is true.
pub fn link_tree(from: &Path, to: &Path, skip: &impl Fn(&Path) -> bool) -> Result<()> {
    let context = || format!("cannot link {} to {}", from.display(), to.display());
    let metadata = fs::symlink_metadata(from).with_context(context)?;
    if metadata.is_dir() {
        fs::create_dir_all(to).with_context(context)?;
        for entry in fs::read_dir(from).with_context(context)? {
            let entry = entry.with_context(context)?;
            if !skip(&entry.path()) {
                link_tree(&entry.path(), &to.join(entry.file_name()), skip)?;
            }
        }
        Ok(())
    } else if metadata.is_symlink() {
        fs::read_link(from).and_then(|target| symlink(target, to)).with_context(context)
    } else {
        fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).with_context(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{Scratch, install, link_tree, sweep};
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn a_tree_is_linked_whole_but_for_what_is_skipped() {
        let scratch = Scratch::new(&std::env::temp_dir(), "exitpath-link-tree").unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/file"), "text").unwrap();
        fs::write(from.join("not"), "text").unwrap();
        symlink("sub/file", from.join("link")).unwrap();
        link_tree(&from, &to, &|path| path.ends_with("not")).unwrap();
        assert_eq!(fs::read_to_string(to.join("sub/file")).unwrap(), "text");
        assert_eq!(fs::read_link(to.join("link")).unwrap().to_str(), Some("sub/file"));
        assert!(!to.join("not").exists());
    }

    #[test]
    fn leftovers_are_swept_and_nothing_else() {
        let parent = Scratch::new(&std::env::temp_dir(), "exitpath-sweep").unwrap();
        fs::create_dir_all(parent.path().join(".left.1/deep")).unwrap();
        fs::create_dir(parent.path().join("kept")).unwrap();
        fs::write(parent.path().join(".lock"), "").unwrap();
        sweep(parent.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".lock", "kept"]);
    }

    #[test]
    fn a_scratch_folder_is_gone_unless_installed() {
        let parent = Scratch::new(&std::env::temp_dir(), "exitpath-scratch").unwrap();
        let place = parent.path().join("deep/place");
        for _ in 0..2 {
            let scratch = Scratch::new(parent.path(), "work").unwrap();
            fs::create_dir(scratch.path().join("done")).unwrap();
            install(&scratch.path().join("done"), &place).unwrap();
        }
        assert!(place.is_dir());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
