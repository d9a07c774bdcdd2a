//! `exitpath daemon`: traces for months, keeps the recent past in a ring, and serves what it counts.
//!
//! ```text
//! Recorder --> Core: interval --> Ring             segments on disk
//!                |--------------> Totals           counters that only grow --> exposition --> /metrics
//!                `--------------> Recent           the last minutes        --> /, /snapshot
//! ```
//!
//! One thread, one loop: it wakes once an interval, once for the window in which its own cost is measured, and for
//! whoever asks.

pub mod core;
mod durable;
pub mod exposition;
pub mod governor;
pub mod http;
pub mod notify;
pub mod numbers;
pub mod options;
pub mod otlp;
pub mod pprof;
pub mod recent;
pub mod service;
pub mod source;
pub mod totals;
