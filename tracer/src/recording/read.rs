//! Reading recordings, interval by interval.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
};

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde::Deserialize;
use tracer_common::{Path, SeriesKey};

use super::{
    Cut, MAJOR, NOTE, RecordingError,
    bins::Decoder,
    closing::Note,
    compression::{Compression, Opened, open},
    join::Joiner,
    lines::{Line, Lines},
};
use crate::{histogram::Precision, metadata::Metadata, snapshot::Snapshot};

/// The most that the histogram lines of one interval may hold, in bytes of text.
const INTERVAL_BYTES: usize = 256 << 20;
/// The most that [`read`] keeps in memory at once.
const CELLS: usize = 1 << 25;
/// The most intervals that [`read`] keeps in memory at once.
const INTERVALS: usize = 1 << 20;

/// A whole recording in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its head.
    pub metadata: Metadata,
    /// Its intervals.
    pub intervals: Vec<Snapshot>,
    /// Where it was cut, if it was.
    pub cut: Option<Cut>,
    /// Names in it that this version does not know; what they count is left out.
    pub unknown: BTreeSet<String>,
}

/// Reads a whole recording into memory; [`Reader`] holds only one interval at a time.
pub fn read(from: impl Read) -> Result<Recording, RecordingError> {
    let mut reader = Reader::new(from)?;
    let mut intervals = Vec::new();
    let mut cells = 0;
    while let Some(snapshot) = reader.interval()? {
        cells += snapshot.series.values().map(|one| one.latency.cells.len() + 16).sum::<usize>();
        if cells > CELLS || intervals.len() >= INTERVALS {
            return Err(RecordingError::TooLarge { what: "more intervals than fit into memory".to_owned() });
        }
        intervals.push(snapshot);
    }
    Ok(Recording { intervals, cut: reader.cut, unknown: reader.unknown, metadata: reader.metadata })
}

/// Reads a recording interval by interval, in bounded memory.
pub struct Reader<'a> {
    metadata: Metadata,
    precision: Precision,
    lines: Lines<'a>,
    decoder: Decoder,
    compression: Compression,
    intervals: u64,
    done: bool,
    cut: Option<Cut>,
    unknown: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// Reads the head.
    pub fn new(from: impl Read + 'a) -> Result<Self, RecordingError> {
        let (compression, bytes) = match open(from)? {
            Opened::Empty => return Err(RecordingError::Empty),
            Opened::Cut => return Err(RecordingError::CutInHead),
            Opened::Bytes(compression, bytes) => (compression, bytes),
        };
        let mut lines = Lines::new(bytes);
        let line = lines.next().map_err(|error| broken(compression, 1, error))?;
        let metadata = match line {
            Line::Whole(line) => match line.strip_prefix(NOTE.as_bytes()) {
                Some(json) => head(json)?,
                None => return Err(RecordingError::Foreign),
            },
            Line::End if compression == Compression::None => return Err(RecordingError::CutInHead),
            Line::End => return Err(RecordingError::Empty),
            Line::Cut(line) | Line::TooLong(line) if !begins_alike(line) => {
                return Err(RecordingError::Foreign);
            }
            Line::Cut(_) => return Err(RecordingError::CutInHead),
            Line::TooLong(_) => return Err(corrupt(1, "it is too long")),
        };
        let precision = Precision::from_digits(metadata.precision)
            .ok_or_else(|| corrupt(1, &format!("precision {} is none", metadata.precision)))?;
        let (cut, unknown) = (None, BTreeSet::new());
        let decoder = Decoder::new();
        Ok(Self { metadata, precision, lines, decoder, compression, intervals: 0, done: false, cut, unknown })
    }

    /// The head.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Where the recording was cut; known once [`Self::interval`] has returned `None`.
    #[must_use]
    pub const fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Names in what was read so far that this version does not know.
    #[must_use]
    pub const fn unknown(&self) -> &BTreeSet<String> {
        &self.unknown
    }

    /// The next interval; `None` after the last whole one.
    pub fn interval(&mut self) -> Result<Option<Snapshot>, RecordingError> {
        let mut pending = Pending::default();
        while !self.done {
            let line = match self.lines.next() {
                Ok(line) => line,
                Err(error) => return Err(broken(self.compression, self.lines.number(), error)),
            };
            let text = match line {
                Line::Whole(text) => text,
                Line::Cut(_) => return Ok(self.cut_here("it ends inside a line")),
                Line::End if pending.lines.is_empty() => {
                    return Ok(self.cut_here("it was not finished"));
                }
                Line::End => return Ok(self.cut_here("it ends inside an interval")),
                Line::TooLong(_) => return Err(corrupt(self.lines.number(), "it is too long")),
            };
            if let Some(json) = text.strip_prefix(NOTE.as_bytes()) {
                let note: Note = serde_json::from_slice(json).map_err(|error| {
                    corrupt(self.lines.number(), &format!("its note is not readable ({error})"))
                })?;
                if let Some(closing) = note.interval {
                    let joiner = Joiner {
                        precision: self.precision,
                        lines: &mut pending.lines,
                        decoder: &mut self.decoder,
                        unknown: &mut self.unknown,
                    };
                    let snapshot = joiner.join(closing).map_err(|why| corrupt(self.lines.number(), &why))?;
                    self.intervals += 1;
                    return Ok(Some(snapshot));
                }
                if let Some(end) = note.end {
                    self.end(end.intervals, &pending)?;
                }
            } else if !is_comment(text) {
                pending.add(text).map_err(|why| corrupt(self.lines.number(), &why))?;
            }
        }
        Ok(None)
    }

    /// After the end line: nothing may follow but the compressor's trailer.
    fn end(&mut self, intervals: u64, pending: &Pending) -> Result<(), RecordingError> {
        let line = self.lines.number();
        if intervals != self.intervals || !pending.lines.is_empty() {
            return Err(corrupt(
                line,
                &format!("it says {intervals} intervals, {} came before it", self.intervals),
            ));
        }
        self.done = true;
        match self.lines.next() {
            Ok(Line::End) => Ok(()),
            Ok(Line::Cut(b"")) => {
                self.cut_here("the end of its compression is missing");
                Ok(())
            }
            Ok(_) => Err(corrupt(line + 1, "something follows the recording's end (two files joined?)")),
            Err(error) => Err(broken(self.compression, line + 1, error)),
        }
    }

    fn cut_here(&mut self, why: &'static str) -> Option<Snapshot> {
        self.done = true;
        self.cut = Some(Cut { intervals: self.intervals, line: self.lines.number(), why });
        None
    }
}

/// Histogram lines whose closing line has not come yet.
#[derive(Default)]
struct Pending {
    lines: BTreeMap<String, String>,
    bytes: usize,
}

impl Pending {
    fn add(&mut self, text: &[u8]) -> Result<(), String> {
        let mut line = text.to_vec();
        line.push(b'\n');
        let entry = IntervalLogIterator::new(&line).next();
        let Some(Ok(LogEntry::Interval(entry))) = entry else {
            return Err("it is neither a histogram nor a comment".to_owned());
        };
        let tag = entry.tag().ok_or("its histogram has no tag")?.as_str().to_owned();
        self.bytes += text.len();
        if self.bytes > INTERVAL_BYTES || self.lines.len() >= SeriesKey::COUNT + Path::COUNT {
            return Err("it is one of too many histograms in one interval".to_owned());
        }
        match self.lines.insert(tag, entry.encoded_histogram().to_owned()) {
            Some(_) => Err("its tag stands in the same interval twice".to_owned()),
            None => Ok(()),
        }
    }
}

fn head(json: &[u8]) -> Result<Metadata, RecordingError> {
    #[derive(Deserialize)]
    struct Version {
        format: String,
    }
    let unreadable = |error: serde_json::Error| corrupt(1, &format!("its head is not readable ({error})"));
    let Version { format } = serde_json::from_slice(json).map_err(unreadable)?;
    let major = format.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(MAJOR) => serde_json::from_slice(json).map_err(unreadable),
        Some(newer) if newer > MAJOR => Err(RecordingError::Newer { found: format, supported: MAJOR }),
        _ => Err(corrupt(1, &format!("`{format}` is no format version"))),
    }
}

/// Whether the first bytes of a recording could be these.
fn begins_alike(line: &[u8]) -> bool {
    line.starts_with(NOTE.as_bytes()) || NOTE.as_bytes().starts_with(line)
}

/// Comments, and the legend that other writers put above the histograms.
fn is_comment(line: &[u8]) -> bool {
    line.is_empty() || line.starts_with(b"#") || line.starts_with(b"\"StartTimestamp\"")
}

fn corrupt(line: u64, why: &str) -> RecordingError {
    RecordingError::Corrupt { line, why: why.to_owned() }
}

/// A compressed stream that cannot be decompressed is damaged; a plain one that cannot be read is the disk's.
fn broken(compression: Compression, line: u64, error: io::Error) -> RecordingError {
    if compression == Compression::None || error.raw_os_error().is_some() {
        return RecordingError::Io(error);
    }
    corrupt(line, &format!("it cannot be decompressed ({error})"))
}
