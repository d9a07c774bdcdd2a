//! Recordings made of any bytes, compared and written in every format.
#![no_main]

#[path = "../src/diff.rs"]
mod diff;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| diff::body(bytes));
