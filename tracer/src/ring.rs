//! A ring of recordings on disk: the recent past, in segments, within a bound.
//!
//! A segment is a recording (`.hlog.zst`), named by its place in the ring and by when it began:
//! `00000042-20261125T084905Z.hlog.zst`. Each interval is flushed to it whole, so a tracer that is killed at any byte
//! loses at most the interval in progress. The place decides the order: clocks are set back, numbers are not. A
//! segment is never written again once its tracer is gone, and the oldest ones go when there are too many.

mod lock;
mod segment;
mod window;

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use segment::Segment;

pub use lock::{Lock, LockError};
pub use segment::{Name, names};
pub use window::{Window, segments};

use crate::{metadata::Metadata, snapshot::Snapshot};

/// Clock and intervals may differ by this much before a new segment begins, whose head says the time anew.
const DRIFT: Duration = Duration::from_secs(1);

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all segments together, in bytes.
    pub total: u64,
    /// Of one segment, in bytes; never more than an eighth of the whole.
    pub segment_bytes: u64,
    /// Of one segment, in time.
    pub segment_time: Duration,
}

/// What could not be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unkept {
    /// Intervals.
    pub intervals: u64,
    /// Returns in them.
    pub returns: u64,
}

/// The writing end of a ring.
pub struct Ring {
    folder: PathBuf,
    limits: Limits,
    /// Finished segments with their sizes, the oldest first.
    old: VecDeque<(PathBuf, u64)>,
    open: Option<Segment>,
    next: u64,
    unkept: Unkept,
    /// The largest interval so far, in bytes: room is made for another one.
    largest: u64,
}

impl Ring {
    /// Continues the ring in a folder: what is there stays, until it is too much.
    ///
    /// # Errors
    ///
    /// The folder cannot be read. One that does not exist is an empty ring.
    pub fn open(folder: &Path, limits: Limits) -> io::Result<Self> {
        let found = match names(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            found => found?,
        };
        // Left by one that was killed before the head was whole.
        segment::remove_unfinished(folder);
        let next = found.last().map_or(1, |name| name.number + 1);
        let old = found.into_iter().map(|name| {
            let path = folder.join(name.to_string());
            let bytes = fs::metadata(&path).map_or(0, |found| found.len());
            (path, bytes)
        });
        let old = old.collect();
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            old,
            open: None,
            next,
            unkept: Unkept::default(),
            largest: 0,
        })
    }

    /// Other bounds, from the next interval on.
    pub const fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Keeps an interval that ended at `now`. Its head is `metadata`, with the time of the segment's first interval.
    ///
    /// # Errors
    ///
    /// Why it is not kept; it is counted in [`Self::unkept`], and the next one is tried again in a new segment.
    pub fn keep(&mut self, metadata: &Metadata, snapshot: &Snapshot, now: SystemTime) -> io::Result<()> {
        let kept = self.try_keep(metadata, snapshot, now);
        if kept.is_err() {
            self.unkept.intervals += 1;
            self.unkept.returns = self.unkept.returns.saturating_add(snapshot.returns());
        }
        kept
    }

    fn try_keep(&mut self, metadata: &Metadata, snapshot: &Snapshot, now: SystemTime) -> io::Result<()> {
        let began = now.checked_sub(Duration::from_nanos(snapshot.duration_ns)).unwrap_or(now);
        if let Some(open) = &self.open {
            let most = self.limits.segment_bytes.min(self.limits.total / 8);
            let done = open.bytes() >= most
                || open.age(snapshot) >= self.limits.segment_time
                || open.drift(snapshot, began) > DRIFT
                || !open.is_of(metadata);
            if done {
                // Without its end it reads as well, and a full disk shows below.
                let _ = self.finish();
            }
        }
        // Room first: a full ring never grows over its bound.
        self.trim();
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(metadata, snapshot, began)?,
        };
        let before = open.bytes();
        if let Err(error) = open.put(snapshot) {
            // Cut back to its last whole interval; its compressor has gone on, so it ends here.
            self.old.extend(open.abandon());
            return Err(error);
        }
        self.largest = self.largest.max(open.bytes() - before);
        self.open = Some(open);
        Ok(())
    }

    fn begin(&mut self, metadata: &Metadata, first: &Snapshot, began: SystemTime) -> io::Result<Segment> {
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(Name::new(self.next, began).to_string());
        let segment = Segment::begin(&path, metadata, first, began)?;
        self.next += 1;
        Ok(segment)
    }

    /// The files of what was kept since the last segment's end, for whoever has them synced to the disk; the ring itself
    /// waits for the disk only when a segment ends.
    ///
    /// # Errors
    ///
    /// Descriptors are short.
    pub fn unsynced(&mut self) -> io::Result<Vec<fs::File>> {
        self.open.as_mut().map_or_else(|| Ok(Vec::new()), Segment::unsynced)
    }

    /// Ends the open segment.
    ///
    /// # Errors
    ///
    /// Its end could not be written: all its intervals are kept nevertheless.
    pub fn finish(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let (path, bytes, ended) = open.finish();
        self.old.push_back((path, bytes));
        ended
    }

    /// Deletes the oldest segments until there is room for one more interval.
    fn trim(&mut self) {
        let room = self.limits.total.saturating_sub(self.largest.saturating_mul(2));
        while self.bytes() > room
            && let Some((path, bytes)) = self.old.pop_front()
        {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.old.push_front((path, bytes));
                    return;
                }
                _ => {}
            }
        }
    }

    /// The size of all segments in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, Segment::bytes);
        self.old.iter().map(|(_, bytes)| bytes).sum::<u64>() + open
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.old.len() + usize::from(self.open.is_some())
    }

    /// What could not be kept.
    #[must_use]
    pub const fn unkept(&self) -> Unkept {
        self.unkept
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests;
