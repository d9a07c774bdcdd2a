//! Recordings as a command reads them: files, standard input, and rings, within a span of time.

mod alike;
pub mod segments;
pub mod time;

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use alike::{Governed, comparable};
pub use time::TimeArgs;

use crate::{
    error::CliError,
    metadata::Metadata,
    recording::{Reader, RecordingError},
    ring::Window,
    snapshot::Snapshot,
};

/// The recordings, their heads read.
pub struct Inputs {
    files: Vec<PathBuf>,
    sources: Vec<Source>,
    window: Window,
    /// The first one's: the others agree with it in all that adding up needs.
    pub metadata: Metadata,
    /// A ring whose daemon changed its sampling: each latency counts for as many calls as it stood for.
    scale: bool,
    /// What was read so far.
    read: Extent,
    /// Of all intervals, those outside of the window too.
    seen: Extent,
    notes: Vec<String>,
}

/// Which time intervals are of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// When the first one began and the last one ended, in seconds since the epoch; `None` without any.
    pub span: Option<(f64, f64)>,
    /// How long all of them were together, in seconds.
    pub recorded: f64,
}

/// Something to read.
enum Source {
    /// A file or standard input.
    Open(String, Box<Reader<'static>>),
    /// A segment of a ring; the last one may be growing.
    Segment { path: PathBuf, last: bool },
}

impl Inputs {
    /// Opens files and looks into rings; all of them must be of the same thing, seen in the same way.
    pub fn open(files: &[PathBuf], window: Window) -> Result<Self, CliError> {
        let mut sources = Vec::new();
        let mut first: Option<(String, Metadata)> = None;
        let rings = files.iter().filter(|file| file.is_dir()).map(|ring| segments::within(ring, &window));
        let rings = rings.collect::<Result<Vec<_>, _>>()?;
        let governed = Governed::of(rings.iter().flatten().map(|(_, head)| head));
        let mut rings = rings.into_iter();
        let mut admit = |name: &str, metadata: &Metadata| {
            let (first, before) = first.get_or_insert_with(|| (name.to_owned(), metadata.clone()));
            comparable(first, before, name, metadata)
        };
        for file in files {
            if file.is_dir() {
                let held = rings.next().unwrap_or_default();
                let count = held.len();
                for (number, (path, metadata)) in held.into_iter().enumerate() {
                    admit(&path.display().to_string(), &governed.plain(&metadata))?;
                    sources.push(Source::Segment { path, last: number + 1 == count });
                }
            } else {
                let (name, reader) = open(file)?;
                admit(&name, reader.metadata())?;
                sources.push(Source::Open(name, Box::new(reader)));
            }
        }
        let Some((_, mut metadata)) = first else { return Err(nothing(files, Extent::default())) };
        if sources.len() > 1 {
            // A sum of runs is none of them.
            metadata.run = None;
        }
        let mut notes = Vec::new();
        if files.iter().any(|file| file.is_dir())
            && let Some(note) = governed.settle(&mut metadata)
        {
            metadata.plan.blind_spots.push(note.clone());
            notes.push(note);
        }
        let scale = governed.is_scaled();
        let (read, seen) = (Extent::default(), Extent::default());
        Ok(Self { files: files.to_owned(), sources, window, metadata, scale, read, seen, notes })
    }

    /// Hands over interval after interval, holding one at a time.
    pub fn each(
        &mut self,
        mut take: impl FnMut(Snapshot) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<ControlFlow<()>, CliError> {
        for source in std::mem::take(&mut self.sources) {
            let (name, mut reader, last) = match source {
                Source::Open(name, reader) => (name, reader, None),
                Source::Segment { path, last } => {
                    // Its time may be over meanwhile.
                    let Some(reader) = segments::open(&path)? else { continue };
                    (path.display().to_string(), Box::new(reader), Some(last))
                }
            };
            loop {
                let snapshot = match reader.interval() {
                    Ok(Some(snapshot)) => snapshot,
                    Ok(None) => break,
                    // After a power failure a segment may be damaged; the others are not.
                    Err(error) if last.is_some() => {
                        self.notes.push(format!("{name}: {error}; the ring's other segments are read"));
                        break;
                    }
                    Err(error) => return Err(unreadable(&name, &error)),
                };
                self.see(reader.metadata(), &snapshot);
                let times = if self.scale { u64::from(reader.metadata().sample) } else { 1 };
                let snapshot = if times > 1 { snapshot.scaled(times) } else { snapshot };
                if self.window.holds(reader.metadata(), &snapshot) && take(snapshot)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            // The segment that is being written ends nowhere yet.
            if let (Some(cut), None | Some(false)) = (reader.cut(), last) {
                self.notes.push(format!("{name}: {cut}"));
            }
            self.note_unknown(&name, reader.unknown());
        }
        if self.read.span.is_none() && !self.window.is_everything() {
            return Err(nothing(&self.files, self.seen));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// What was read, once [`Self::each`] is through.
    #[must_use]
    pub const fn read(&self) -> Extent {
        self.read
    }

    /// What is wrong with what was read, but not so wrong that it cannot be read, one line each; all of it once
    /// [`Self::each`] is through.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn see(&mut self, metadata: &Metadata, snapshot: &Snapshot) {
        self.seen.add(metadata, snapshot);
        if self.window.holds(metadata, snapshot) {
            self.read.add(metadata, snapshot);
        }
    }

    fn note_unknown(&mut self, name: &str, unknown: &BTreeSet<String>) {
        if !unknown.is_empty() {
            let names: Vec<_> = unknown.iter().take(8).map(String::as_str).collect();
            let names = names.join(", ");
            self.notes.push(format!(
                "{name}: left out what this version does not know: {}; use a newer exitpath",
                names.escape_debug()
            ));
        }
    }
}

impl Extent {
    /// Of one more interval.
    pub fn add(&mut self, metadata: &Metadata, snapshot: &Snapshot) {
        self.widen(segments::span(metadata, snapshot));
    }

    fn widen(&mut self, (began, ended): (f64, f64)) {
        let (first, last) = self.span.unwrap_or((began, ended));
        self.span = Some((first.min(began), last.max(ended)));
        self.recorded += ended - began;
    }
}

fn open(file: &Path) -> Result<(String, Reader<'static>), CliError> {
    let name = file.display().to_string();
    let from: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let opened = File::open(file).map_err(|error| {
            CliError::usage(
                &format!("cannot read {name}"),
                &error.to_string(),
                "give a recording that can be read",
            )
        })?;
        Box::new(opened)
    };
    let reader = Reader::new(from).map_err(|error| unreadable(&name, &error))?;
    Ok((name, reader))
}

fn unreadable(name: &str, error: &RecordingError) -> CliError {
    CliError::input(&format!("cannot read {name}"), error)
}

/// No interval: with what there would have been.
#[must_use]
pub fn nothing(files: &[PathBuf], seen: Extent) -> CliError {
    let mut all = seen;
    let rings = files.iter().filter(|file| file.is_dir());
    rings.filter_map(|ring| segments::extent(ring)).for_each(|span| all.widen(span));
    let why = match all.span {
        Some((first, last)) => {
            let (first, last) = (time::stamp(first), time::stamp(last));
            format!("no interval began in this time, there are some from {first} to {last}")
        }
        None => "no interval began in this time".to_owned(),
    };
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    CliError::usage(&format!("cannot read {}", names.join(", ")), &why, "widen the time that is asked for")
}
