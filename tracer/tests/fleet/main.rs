//! A fleet: hosts made up here, a real Prometheus that scrapes them, and `exitpath diff --prometheus` that asks it.

mod compared;
mod contrib;
mod exporter;
mod failures;
mod server;

/// Says that a test cannot run here, and why; the test runner counts it as skipped.
fn skip(name: &str, why: &str) {
    use std::io::Write as _;

    eprintln!("skipped: {why}");
    if let Some(log) = std::env::var_os("EXITPATH_SKIP_LOG") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        writeln!(file, "{name}: {why}").unwrap();
    }
}
