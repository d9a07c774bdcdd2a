//! The seeds of `fuzz/`, through the same bodies as the fuzzer's: what was found once stays mended.

#[path = "../../fuzz/src/diff.rs"]
mod diff;
#[path = "../../fuzz/src/hlog.rs"]
mod hlog;

use std::{fs, path::Path};

fn each(folder: &str, body: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(folder);
    let mut seen = 0;
    for entry in fs::read_dir(seeds).unwrap() {
        body(&fs::read(entry.unwrap().path()).unwrap());
        seen += 1;
    }
    assert!(seen > 3);
}

#[test]
fn seeds_of_recordings_hold() {
    each("hlog", hlog::body);
}

#[test]
fn seeds_of_comparisons_hold() {
    each("diff", diff::body);
}
