//! exitpath as a library: facts, plans, sessions, recordings, reports.

pub mod histogram;
pub mod metadata;
pub mod snapshot;
