//! One writer a ring: a lock that its process's end releases, whatever ends it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

const FILE: &str = "lock";

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock(File);

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "another daemon writes the ring {folder}: {holder}; stop that one, or give this one another --ring and --listen"
    )]
    Held {
        /// The ring.
        folder: String,
        /// `process 1234 (exitpath)`, as far as it is known.
        holder: String,
    },
    /// The folder does not take one.
    #[error("cannot lock the ring {folder}: {error}; give a folder that can be written, or --ring none")]
    Io {
        /// The ring.
        folder: String,
        /// Why.
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock of a ring, creating its folder. On a disk that cannot be written at this moment there is none
    /// if there was none before: then nobody else can write either.
    pub fn take(folder: &Path) -> Result<Option<Self>, LockError> {
        let failed = |error| LockError::Io { folder: folder.display().to_string(), error };
        let path = folder.join(FILE);
        let mut file = match open(folder, &path) {
            Ok(file) => file,
            Err(error) if passes(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    folder: folder.display().to_string(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Who holds it is a courtesy: the lock holds without it.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Some(Self(file)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn open(folder: &Path, path: &PathBuf) -> io::Result<File> {
    let created = fs::create_dir_all(folder)
        .and_then(|()| OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path));
    // A lock needs no writing: a read-only disk may have the file.
    created.or_else(|error| if passes(&error) { File::open(path).map_err(|_| error) } else { Err(error) })
}

/// A state of the disk that may pass: tracing goes on without it.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    let Ok(pid) = text.trim().parse::<u32>() else { return "a process whose number is not known".to_owned() };
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match comm.trim() {
        "" => format!("process {pid}"),
        comm => format!("process {pid} ({comm})"),
    }
}
