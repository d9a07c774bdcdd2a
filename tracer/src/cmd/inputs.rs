//! Recordings as a command reads them: files, standard input, and rings, within a span of time.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use jiff::Timestamp;

use super::when::{When, parse_when};
use crate::{
    environment::{self, Difference},
    error::CliError,
    metadata::Metadata,
    recording::{Reader, RecordingError},
    ring::{self, Window},
    snapshot::Snapshot,
};

/// Which part of time is read.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Time")]
pub struct TimeArgs {
    /// Only intervals that began at this time or later: -2h, 2026-11-25T08:49:05Z
    #[arg(long, value_name = "WHEN", value_parser = parse_when, allow_hyphen_values = true)]
    pub from: Option<When>,
    /// Only intervals that began before this time: -1h, 2026-11-25T09:49:05Z
    #[arg(long, value_name = "WHEN", value_parser = parse_when, allow_hyphen_values = true)]
    pub to: Option<When>,
}

impl TimeArgs {
    /// The span, as seen now.
    pub fn window(&self) -> Result<Window, CliError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let [from, to] = [self.from, self.to].map(|when| when.map(|when| when.seconds(now)));
        if let (Some(first), Some(last)) = (from, to)
            && first >= last
        {
            return Err(CliError::usage("--from and --to", "the span ends before it begins", "swap them"));
        }
        Ok(Window { from, to })
    }
}

/// The recordings, their heads read.
pub struct Inputs {
    sources: Vec<Source>,
    window: Window,
    /// The first one's: the others agree with it in all that adding up needs.
    pub metadata: Metadata,
    /// When the intervals that were read began and ended, in seconds since the epoch.
    read: Option<(f64, f64)>,
    seen: Option<(f64, f64)>,
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
        let mut admit = |name: &str, metadata: &Metadata| {
            let (first, before) = first.get_or_insert_with(|| (name.to_owned(), metadata.clone()));
            comparable(first, before, name, metadata)
        };
        for file in files {
            if file.is_dir() {
                for path in segments(file, &window)? {
                    if let Some(reader) = segment(&path)?
                        && window.may_hold(reader.metadata())
                    {
                        admit(&path.display().to_string(), reader.metadata())?;
                        sources.push(Source::Segment { path, last: false });
                    }
                }
                if let Some(Source::Segment { last, .. }) = sources.last_mut() {
                    *last = true;
                }
            } else {
                let (name, reader) = open(file)?;
                admit(&name, reader.metadata())?;
                sources.push(Source::Open(name, Box::new(reader)));
            }
        }
        let Some((_, mut metadata)) = first else { return Err(nothing(None)) };
        if sources.len() > 1 {
            // A sum of runs is none of them.
            metadata.run = None;
        }
        Ok(Self { sources, window, metadata, read: None, seen: None })
    }

    /// Hands over interval after interval, holding one at a time. What is wrong with a file, but not so wrong
    /// that it cannot be read, goes to standard error.
    pub fn each(
        &mut self,
        mut take: impl FnMut(Snapshot) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<ControlFlow<()>, CliError> {
        for source in std::mem::take(&mut self.sources) {
            let (name, mut reader, last) = match source {
                Source::Open(name, reader) => (name, reader, None),
                Source::Segment { path, last } => {
                    // Its time may be over meanwhile.
                    let Some(reader) = segment(&path)? else { continue };
                    (path.display().to_string(), Box::new(reader), Some(last))
                }
            };
            loop {
                let snapshot = match reader.interval() {
                    Ok(Some(snapshot)) => snapshot,
                    Ok(None) => break,
                    // After a power failure a segment may be damaged; the others are not.
                    Err(error) if last.is_some() => {
                        eprintln!("exitpath: {name}: {error}; the ring's other segments are read");
                        break;
                    }
                    Err(error) => return Err(unreadable(&name, &error)),
                };
                self.see(reader.metadata(), &snapshot);
                if self.window.holds(reader.metadata(), &snapshot) && take(snapshot)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            // The segment that is being written ends nowhere yet.
            if let (Some(cut), None | Some(false)) = (reader.cut(), last) {
                eprintln!("exitpath: {name}: {cut}");
            }
            say_unknown(&name, reader.unknown());
        }
        if self.read.is_none() && !self.window.is_everything() {
            return Err(nothing(self.seen));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn see(&mut self, metadata: &Metadata, snapshot: &Snapshot) {
        let began = metadata.started_at + snapshot.start_ns as f64 / 1e9;
        let ended = began + snapshot.duration_ns as f64 / 1e9;
        let widen = |span: Option<(f64, f64)>| {
            let (first, last) = span.unwrap_or((began, ended));
            Some((first.min(began), last.max(ended)))
        };
        self.seen = widen(self.seen);
        if self.window.holds(metadata, snapshot) {
            self.read = widen(self.read);
        }
    }
}

fn segments(folder: &Path, window: &Window) -> Result<Vec<PathBuf>, CliError> {
    let name = folder.display().to_string();
    let paths = ring::segments(folder, window).map_err(|error| unreadable(&name, &error.into()))?;
    if paths.is_empty() && window.is_everything() {
        let why = "there is no segment of a ring in it";
        return Err(CliError::usage(
            &format!("cannot read {name}"),
            why,
            "give the --ring of a daemon, or a file",
        ));
    }
    Ok(paths)
}

/// A segment of a ring; none if it is gone, or has no head yet.
fn segment(path: &Path) -> Result<Option<Reader<'static>>, CliError> {
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

fn say_unknown(name: &str, unknown: &BTreeSet<String>) {
    if unknown.is_empty() {
        return;
    }
    let names: Vec<_> = unknown.iter().take(8).map(String::as_str).collect();
    eprintln!(
        "exitpath: {name}: left out what this version does not know: {}; use a newer exitpath",
        names.join(", ").escape_debug()
    );
}

/// No interval: with what there would have been.
fn nothing(seen: Option<(f64, f64)>) -> CliError {
    let stamp = |at: f64| {
        let stamp = Timestamp::from_millisecond((at * 1e3) as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let why = match seen {
        Some((first, last)) => {
            format!(
                "no interval began in this time; what was looked at is from {} to {}",
                stamp(first),
                stamp(last)
            )
        }
        None => "no interval began in this time".to_owned(),
    };
    CliError::usage("cannot report", &why, "widen --from and --to")
}

/// Whether two recordings may be added up: they must be of the same thing, seen in the same way.
fn comparable(first: &str, one: &Metadata, name: &str, other: &Metadata) -> Result<(), CliError> {
    let mut differs = environment::obstacles(one, other);
    let mut also = |what: &str, base: &str, new: &str| {
        let known = differs.iter().any(|known| known.what == what);
        differs.extend(Difference::between(what, Some(base), Some(new)).filter(|_| !known));
    };
    // A sum is of one kernel and of the very same processes; a comparison need not be.
    also("kernel release", &one.kernel.release, &other.kernel.release);
    also("frame", &one.kernel.frame, &other.kernel.frame);
    also("filters", &one.filters.join(" "), &other.filters.join(" "));
    if differs.is_empty() {
        return Ok(());
    }
    let differs: Vec<_> = differs.iter().map(ToString::to_string).collect();
    let why = format!("they differ in {}", differs.join("; "));
    Err(CliError::usage(&format!("cannot add up {first} and {name}"), &why, "report each on its own"))
}
