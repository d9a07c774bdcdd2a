//! Tests that need what this machine does not have.

use std::{env, fs, io::Write as _};

/// Says that a test cannot run here, and why; the test runner counts it as skipped.
pub fn skip(name: &str, why: &str) {
    eprintln!("skipped: {why}");
    if let Some(log) = env::var_os("EXITPATH_SKIP_LOG") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        writeln!(file, "{name}: {why}").unwrap();
    }
}
