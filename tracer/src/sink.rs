//! Where output goes. Opened before any work, so that a bad path fails at once; a full disk is one clear error; a
//! reader that went away is a success, decided here and nowhere else.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{error::CliError, output::table::Style};

/// An open output.
pub struct Sink {
    to: BufWriter<Box<dyn Write + Send>>,
    name: String,
    /// The finished file's name, and the unfinished one's.
    place: Option<Place>,
    terminal: bool,
}

struct Place {
    unfinished: PathBuf,
    finished: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing to do about a failure; a finished file has left this name.
        let _ = fs::remove_file(&self.unfinished);
    }
}

impl Sink {
    /// Opens a file, or standard output. A regular file appears under its name only once it is whole: until
    /// [`Self::finish`] the text stands beside it. Devices and pipes are written at once.
    pub fn open(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::stdout()) };
        // What a link points to is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
            return Self::stream(path);
        }
        let Some(name) = target.file_name() else { return Self::stream(path) };
        let mut name = name.to_owned();
        name.push(format!(".{}.unfinished", std::process::id()));
        let unfinished = target.with_file_name(name);
        match File::create_new(&unfinished) {
            Ok(file) => {
                if let Ok(found) = fs::metadata(&target) {
                    // The old file's mode; if it cannot be kept, the default is no harm.
                    let _ = file.set_permissions(found.permissions());
                }
                Ok(Self::file(file, path, Some(Place { unfinished, finished: target })))
            }
            // The file may be writable where its folder is not.
            Err(_) => Self::stream(path),
        }
    }

    /// Opens a file that is to be readable while it grows, such as a recording.
    pub fn stream(path: &Path) -> Result<Self, CliError> {
        let file = File::create(path).map_err(|error| unwritable(&path.display().to_string(), &error))?;
        Ok(Self::file(file, path, None))
    }

    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self {
            to: BufWriter::new(Box::new(stdout)),
            name: "standard output".to_owned(),
            place: None,
            terminal,
        }
    }

    fn file(file: File, path: &Path, place: Option<Place>) -> Self {
        let name = path.display().to_string();
        Self { to: BufWriter::new(Box::new(file)), name, place, terminal: false }
    }

    /// The terminal's width in columns; `None` for everything that is no terminal.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        let (terminal_size::Width(width), _) =
            self.terminal.then(|| terminal_size::terminal_size_of(io::stdout())).flatten()?;
        Some(usize::from(width))
    }

    /// The folder in which a file gets its name at the end.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.place.as_ref()?.finished.parent()
    }

    /// Colours on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
    #[must_use]
    pub fn style(&self) -> Style {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if self.terminal && !refused { Style::Coloured } else { Style::Plain }
    }

    /// Writes and flushes. `Break` says that the reader went away: stop, and succeed.
    pub fn put(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<ControlFlow<()>, CliError> {
        let result = write(&mut self.to).and_then(|()| self.to.flush());
        self.settle(result)
    }

    /// What a write's result means for the command.
    pub fn settle(&self, result: io::Result<()>) -> Result<ControlFlow<()>, CliError> {
        settle(&self.name, result)
    }

    /// Flushes, and gives a file its name.
    pub fn finish(mut self) -> Result<(), CliError> {
        let mut result = self.to.flush();
        if let Some(place) = &self.place {
            result = result.and_then(|()| fs::rename(&place.unfinished, &place.finished));
        }
        self.settle(result).map(drop)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What the result of writing to `name` means for the command: a reader that went away is a success.
pub fn settle(name: &str, result: io::Result<()>) -> Result<ControlFlow<()>, CliError> {
    match result {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(unwritable(name, &error)),
    }
}

fn unwritable(name: &str, error: &io::Error) -> CliError {
    let what = format!("cannot write {name}");
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    if full {
        return CliError::usage(&what, "the disk is full", "free space, or write to another disk");
    }
    CliError::usage(&what, &error.to_string(), "give a file that can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let mut sink = Sink::open(Some(&path)).unwrap();
        assert!(sink.put(|to| to.write_all(b"new")).unwrap().is_continue());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        sink.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        drop(Sink::open(Some(&path)).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished stays");
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("out"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut sink = Sink::open(Some(&link)).unwrap();
        assert!(sink.put(|to| to.write_all(b"new")).unwrap().is_continue());
        sink.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_bad_path_fails_at_once_and_a_full_disk_clearly() {
        let error = Sink::open(Some(Path::new("/nowhere/at/all"))).err().unwrap();
        assert!(error.to_string().starts_with("cannot write /nowhere/at/all: "), "{error}");
        assert!(Sink::open(Some(Path::new(""))).is_err());
        let mut sink = Sink::open(Some(Path::new("/dev/full"))).unwrap();
        let error = sink.put(|to| to.write_all(b"x")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /dev/full: the disk is full; "), "{error}");
        assert_eq!(error.exit_code, crate::error::USAGE);
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let gone = Err(io::ErrorKind::BrokenPipe.into());
        assert_eq!(Sink::stdout().settle(gone), Ok(ControlFlow::Break(())));
    }
}
