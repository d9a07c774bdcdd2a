//! One file of a ring: its name, and writing it so that it can be cut anywhere.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;

use crate::{
    metadata::Metadata,
    recording::{Compression, RecordingWriter},
    snapshot::Snapshot,
};

const SUFFIX: &str = ".hlog.zst";
/// Takes the place of the last part while there is no head.
const UNFINISHED: &str = "unfinished";

/// A segment's name: `00000042-20261125T084905Z.hlog.zst`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Its place in the ring.
    pub number: u64,
    /// When it began, to the second; for people.
    began: String,
}

impl Name {
    /// The name of a segment that begins at this time.
    #[must_use]
    pub fn new(number: u64, began: SystemTime) -> Self {
        let began = Timestamp::try_from(began).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { number, began: began.strftime("%Y%m%dT%H%M%SZ").to_string() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}-{}{SUFFIX}", self.number, self.began)
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, began) = text.strip_suffix(SUFFIX).and_then(|stem| stem.split_once('-')).ok_or(())?;
        let digits = number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().map_err(drop)?;
        let plain = !began.is_empty() && began.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if digits && plain { Ok(Self { number, began: began.to_owned() }) } else { Err(()) }
    }
}

/// The names of all segments in a folder, in the order of the ring; other files are not looked at.
///
/// # Errors
///
/// The folder cannot be read.
pub fn names(folder: &Path) -> io::Result<Vec<Name>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Some(name) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            all.push(name);
        }
    }
    all.sort();
    Ok(all)
}

/// Removes what has not come to have a name.
pub(super) fn remove_unfinished(folder: &Path) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == UNFINISHED)) {
        let named = path.with_extension("zst").file_name().and_then(|name| name.to_str().map(str::to_owned));
        if named.is_some_and(|name| name.parse::<Name>().is_ok()) {
            let _ = fs::remove_file(path);
        }
    }
}

/// A segment that is being written.
pub(super) struct Segment {
    path: PathBuf,
    /// Without the time: intervals with another head go to another segment.
    head: Metadata,
    began: SystemTime,
    /// The first interval's start, on the tracer's clock.
    first_ns: u64,
    writer: RecordingWriter<Counted>,
    /// The same file, to cut it back.
    file: File,
    /// Up to the end of the last whole interval.
    good: u64,
    /// No interval yet.
    empty: bool,
    /// The folder was synced since it is there.
    named: bool,
}

impl Segment {
    /// Creates the file, and writes the head. It has its name only once its head is whole: every segment reads, wherever
    /// its tracer was killed.
    pub(super) fn begin(
        path: &Path,
        metadata: &Metadata,
        first: &Snapshot,
        began: SystemTime,
    ) -> io::Result<Self> {
        let unfinished = path.with_extension(UNFINISHED);
        let file = File::create(&unfinished)?;
        let since = began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let head =
            Metadata { started_at: (since.as_secs_f64() * 1000.0).round() / 1000.0, ..metadata.clone() };
        let begun = file.try_clone().and_then(|twin| {
            let writer = RecordingWriter::new(Counted { file: twin, bytes: 0 }, Compression::Zstd, &head)?;
            fs::rename(&unfinished, path)?;
            Ok(writer)
        });
        match begun {
            Ok(writer) => {
                let good = writer.get_ref().bytes;
                let path = path.to_owned();
                Ok(Self {
                    path,
                    head: untimed(metadata),
                    began,
                    empty: true,
                    named: false,
                    first_ns: first.start_ns,
                    writer,
                    file,
                    good,
                })
            }
            Err(error) => {
                // A file without a head is of no use to anybody.
                let _ = fs::remove_file(unfinished);
                Err(error)
            }
        }
    }

    /// Writes an interval, whole or not at all.
    pub(super) fn put(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let start_ns = snapshot.start_ns.saturating_sub(self.first_ns);
        self.writer.interval(&Snapshot { start_ns, ..snapshot.clone() })?;
        self.good = self.writer.get_ref().bytes;
        self.empty = false;
        Ok(())
    }

    /// Its file, and while the folder may not know it by its name that too, to be synced.
    pub(super) fn unsynced(&mut self) -> io::Result<Vec<File>> {
        let mut files = vec![self.file.try_clone()?];
        if !std::mem::replace(&mut self.named, true)
            && let Some(folder) = self.path.parent()
        {
            files.push(File::open(folder)?);
        }
        Ok(files)
    }

    /// Up to the end of the last whole interval, in bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.good
    }

    /// How old it is when this interval begins.
    pub(super) const fn age(&self, snapshot: &Snapshot) -> Duration {
        Duration::from_nanos(snapshot.start_ns.saturating_sub(self.first_ns))
    }

    /// How far the clock is from where the intervals say it should be: it was set, or the machine slept.
    pub(super) fn drift(&self, snapshot: &Snapshot, began: SystemTime) -> Duration {
        let expected = self.began + self.age(snapshot);
        let behind = expected.duration_since(began).unwrap_or_default();
        began.duration_since(expected).unwrap_or(behind)
    }

    /// Whether these are the same kernel, plan and settings.
    pub(super) fn is_of(&self, metadata: &Metadata) -> bool {
        self.head == untimed(metadata)
    }

    /// Ends it. Its path, its size, and how ending it went.
    pub(super) fn finish(self) -> (PathBuf, u64, io::Result<()>) {
        let Self { path, writer, file, good, .. } = self;
        let ended = writer.finish().and_then(|counted| counted.file.sync_data().map(|()| counted.bytes));
        match ended {
            Ok(bytes) => (path, bytes, Ok(())),
            Err(error) => {
                let _ = file.set_len(good);
                (path, good, Err(error))
            }
        }
    }

    /// Cuts it back to its last whole interval; without any, it goes. Its path and its size.
    pub(super) fn abandon(self) -> Option<(PathBuf, u64)> {
        let Self { path, file, good, empty, .. } = self;
        if empty {
            let _ = fs::remove_file(path);
            return None;
        }
        let _ = file.set_len(good);
        Some((path, good))
    }
}

fn untimed(metadata: &Metadata) -> Metadata {
    Metadata { started_at: 0.0, ..metadata.clone() }
}

/// A file that knows how much was written to it.
pub(super) struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
