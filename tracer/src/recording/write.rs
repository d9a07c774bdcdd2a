//! Writing recordings.

use std::{
    io::{self, Write},
    time::{Duration, UNIX_EPOCH},
};

use hdrhistogram::serialization::{
    V2DeflateSerializer,
    interval_log::{IntervalLogWriter, IntervalLogWriterBuilder, IntervalLogWriterError, Tag},
};

use super::{
    Compression, Encoder, FORMAT, NOTE,
    bins::to_hdr,
    closing::{Closing, End, Note, moved_tag, series_tag, turnaround_tag, work_tag},
};
use crate::{histogram::Histogram, metadata::Metadata, snapshot::Snapshot};

/// Writes a recording, one interval after the other.
pub struct RecordingWriter<W: Write> {
    to: Encoder<W>,
    serializer: V2DeflateSerializer,
    precision: u8,
    intervals: u64,
}

impl<W: Write> RecordingWriter<W> {
    /// Begins a recording: writes and flushes the head. Its format version is always [`FORMAT`].
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn new(to: W, compression: Compression, metadata: &Metadata) -> io::Result<Self> {
        let head = Metadata { format: FORMAT.to_owned(), ..metadata.clone() };
        let started = Duration::try_from_secs_f64(head.started_at).unwrap_or_default();
        let started = UNIX_EPOCH.checked_add(started).unwrap_or(UNIX_EPOCH);
        let mut text = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        IntervalLogWriterBuilder::new()
            .add_comment(&note(&head)?)
            .with_start_time(started)
            .with_base_time(started)
            .begin_log_with(&mut text, &mut serializer)?;
        let mut writer =
            Self { to: Encoder::new(to, compression)?, serializer, precision: head.precision, intervals: 0 };
        writer.put(&text)?;
        Ok(writer)
    }

    /// Writes and flushes an interval. A file cut after it reads up to it.
    ///
    /// # Errors
    ///
    /// Those of the writer; `InvalidInput` if a histogram has another precision than the metadata, or more than
    /// 2^63 - 1 values in a bucket.
    pub fn interval(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut text = Vec::new();
        let precision = self.precision;
        let mut log = IntervalLogWriterBuilder::new().begin_log_with(&mut text, &mut self.serializer)?;
        let series = snapshot.series.iter().map(|(&key, one)| (series_tag(key), &one.latency));
        let turnaround = snapshot.turnaround.iter().map(|(&path, one)| (turnaround_tag(path), one));
        let work = snapshot.series.iter().map(|(&key, one)| (work_tag(key), &one.work));
        let moved = snapshot.moved.iter().map(|(&key, one)| (moved_tag(key), &one.latency));
        for (tag, histogram) in series.chain(work).chain(moved).chain(turnaround) {
            put_histogram(&mut log, snapshot, precision, &tag, histogram)?;
        }
        log.write_comment(&note(&Note { interval: Some(Closing::of(snapshot)), end: None })?)?;
        self.intervals += 1;
        self.put(&text)
    }

    /// What it writes to.
    pub fn get_ref(&self) -> &W {
        self.to.get_ref()
    }

    /// Ends the recording: says that it is whole.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        let end = Note { interval: None, end: Some(End { intervals: self.intervals }) };
        let line = format!("#{}\n", note(&end)?);
        self.put(line.as_bytes())?;
        self.to.finish()
    }

    /// One write an interval, so that a tracer that is killed leaves whole intervals.
    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.to.write_all(text)?;
        self.to.flush()
    }
}

/// A note as the comment that the log writer takes: without the `#`.
fn note(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(format!("{}{}", &NOTE[1..], serde_json::to_string(value)?))
}

fn put_histogram(
    log: &mut IntervalLogWriter<'_, '_, Vec<u8>, V2DeflateSerializer>,
    snapshot: &Snapshot,
    precision: u8,
    tag: &str,
    histogram: &Histogram,
) -> io::Result<()> {
    if histogram.cells.is_empty() {
        return Ok(());
    }
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    if histogram.precision.digits() != precision {
        return Err(invalid(format!("{tag} has another precision than its recording")));
    }
    let name = Tag::new(tag).ok_or_else(|| invalid(format!("{tag} is no tag")))?;
    let start = Duration::from_nanos(snapshot.start_ns);
    let length = Duration::from_nanos(snapshot.duration_ns);
    log.write_histogram(&to_hdr(histogram)?, start, length, Some(name)).map_err(|error| match error {
        IntervalLogWriterError::IoError(error) => error,
        error @ IntervalLogWriterError::SerializeError(_) => invalid(error.to_string()),
    })
}
