//! exitpath as a library: facts, plans, sessions, recordings, reports.

pub mod errno;
pub mod histogram;
pub mod metadata;
pub mod output;
pub mod recording;
pub mod report;
pub mod snapshot;
pub mod syscalls;
