//! What can be wrong with a recording.

use std::{fmt, io};

/// Why a file cannot be read as a recording. Each says what, why, and the remedy, in one line.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// No byte.
    #[error("it is empty: nothing was recorded into it; record again")]
    Empty,
    /// Something else.
    #[error(
        "it is no exitpath recording: it does not begin with `#[exitpath] {{`; give a file written by \
         `exitpath record -o`"
    )]
    Foreign,
    /// Cut before the head was whole.
    #[error(
        "it was cut inside its first line: no interval can be read; record again, or copy the file again"
    )]
    CutInHead,
    /// Made by a newer version.
    #[error(
        "its format is version {found}, newer than the {supported}.x this exitpath reads; use a newer exitpath"
    )]
    Newer {
        /// The file's version.
        found: String,
        /// The newest major version that is read.
        supported: u32,
    },
    /// Damaged, at this line (of the decompressed text).
    #[error("line {line} is damaged: {why}; restore the file from a copy, or record again")]
    Corrupt {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// More than any recording holds.
    #[error("it holds {what}, more than any recording does; it is not a recording, or damaged")]
    TooLarge {
        /// Too much of what.
        what: String,
    },
    /// The file could not be read.
    #[error("reading it failed: {0}; check the disk, or copy the file elsewhere first")]
    Io(#[from] io::Error),
}

/// A recording that was not finished: its tracer was killed, or the file was cut later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Intervals that are whole.
    pub intervals: u64,
    /// The line after the last whole one, from 1, of the decompressed text.
    pub line: u64,
    /// What is missing there.
    pub why: &'static str,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intervals, line, why } = self;
        write!(f, "the recording was cut: {why} (line {line}); {intervals} whole intervals were read")
    }
}
