//! Any bytes as a recording.
#![no_main]

#[path = "../src/hlog.rs"]
mod hlog;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hlog::body(bytes));
