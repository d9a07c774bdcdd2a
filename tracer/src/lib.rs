//! exitpath as a library: facts, plans, sessions, recordings, reports.

pub mod budget;
pub mod cmd;
pub mod command;
pub mod doctor;
pub mod errno;
pub mod error;
pub mod histogram;
pub mod kernel;
pub mod metadata;
pub mod output;
pub mod plan;
pub mod reader;
pub mod recorder;
pub mod recording;
pub mod regime;
pub mod report;
pub mod session;
pub mod settings;
pub mod sink;
pub mod snapshot;
pub mod syscalls;
pub mod trial;
