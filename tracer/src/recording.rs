//! Recordings: `.hlog` files, which are `HdrHistogram` interval logs with notes.
//!
//! ```text
//! #[exitpath] {"format":"1.0","tool":...}                     the head: [`crate::metadata::Metadata`]
//! #[StartTime: 1790000000.250 (seconds since epoch)]
//! #[BaseTime: 1790000000.250 (seconds since epoch)]
//! Tag=x86_64.getppid.sysret,0.000,1.000,41215.000,HISTFAAA...  a series' latencies in this interval
//! Tag=turnaround.sysret,0.000,1.000,1003.000,HISTFAAA...
//! #[exitpath] {"interval":{"start_ns":0,...}}                  what HDR has no field for: closes the interval
//! ...
//! #[exitpath] {"end":{"intervals":1}}                          the recording was finished
//! ```
//!
//! An interval counts once its closing line is whole. A file without an end line was cut: it reads up to its
//! last whole interval, and says so. Values above the histogram's range stand in the HDR line's last bucket, so
//! that HDR tools count them too; the closing line says how many they are. Entries that are 0 are not kept.
//!
//! A reader takes every minor version of its major: it skips notes, keys and names that it does not know, and
//! says which names.

mod bins;
mod closing;
mod compression;
mod error;
mod join;
mod lines;
mod read;
mod write;

pub(crate) use bins::to_hdr;
pub use compression::{Compression, Encoder};
pub use error::{Cut, RecordingError};
pub use read::{Reader, Recording, read};
pub use write::RecordingWriter;

/// The version that is written.
pub const FORMAT: &str = "1.0";
/// The newest major version that is read.
const MAJOR: u32 = 1;
/// What the notes begin with: a comment to other HDR tools.
const NOTE: &str = "#[exitpath] ";

#[cfg(test)]
mod strategies;
#[cfg(test)]
mod tests;
