//! `exitpath record --runs` as a process: what it refuses before anything is attached. Needs no root.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The one line of an error, after the name of the tool.
fn refused(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exitpath"));
    let output = command.arg("record").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    text.strip_prefix("exitpath: ").unwrap().trim_end().to_owned()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn recording(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        support::record(&path, &support::metadata(), 1);
    }
}

#[test]
fn what_does_not_go_together_is_refused_with_its_remedy() {
    let place = Place::new();
    let new = place.path("new");
    let new = name(&new);
    let cases: [(&[&str], &[&str]); 14] = [
        (&["--runs", "0", "-o", new, "--", "true"], &["--runs", "1..=999"]),
        (&["--runs", "1000", "-o", new, "--", "true"], &["--runs", "1..=999"]),
        (&["--runs", "x", "-o", new, "--", "true"], &["--runs"]),
        (&["--runs", "2", "--", "true"], &["nowhere", "-o DIR"]),
        (&["--runs", "2", "-o", new], &["-d SECONDS"]),
        (&["--runs", "2", "-o", new, "--ab", "true", "false", "--", "true"], &["--ab", "one of the two"]),
        (&["--runs", "2", "-o", new, "--ab", "true"], &["--ab", "2 values"]),
        (&["--runs", "2", "-o", new, "--ab", "true", ""], &["empty command"]),
        (&["--ab", "true", "false", "-o", new], &["--runs"]),
        (&["--append", "-o", new, "--", "true"], &["--runs"]),
        (&["--runs", "2", "-o", new, "--pause", "soon", "--", "true"], &["--pause", "seconds"]),
        (&["--runs", "2", "-o", new, "--format", "json", "--", "true"], &["exitpath report"]),
        (&["--runs", "2", "-o", new, "--top", "3", "--", "true"], &["exitpath report"]),
        (&["--runs", "2", "-o", new, "-p", "1", "--", "true"], &["-p", "COMMAND"]),
    ];
    for (arguments, words) in cases {
        let error = refused(arguments);
        for word in words {
            assert!(error.contains(word), "{arguments:?}: `{error}` does not say `{word}`");
        }
    }
    assert!(!Path::new(new).exists(), "a refusal makes no folder");
}

#[test]
fn what_is_no_folder_or_cannot_be_made_is_refused() {
    let place = Place::new();
    let file = place.path("file");
    fs::write(&file, "mine").unwrap();
    let error = refused(&["--runs", "2", "-o", name(&file), "--", "true"]);
    assert!(error.contains("it is a file") && error.contains("give another"), "{error}");
    for folder in [file.join("below"), PathBuf::from("/proc/no/such")] {
        let error = refused(&["--runs", "2", "-o", name(&folder), "--", "true"]);
        assert!(error.contains(name(&folder)) && error.contains("can be written"), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn recordings_that_are_there_are_neither_overwritten_nor_mixed() {
    let place = Place::new();
    place.recording("one/run-001.hlog.zst");
    place.recording("two/a/run-001.hlog.zst");
    place.recording("two/b/run-001.hlog.zst");
    place.recording("full/run-998.hlog");
    let (one, two, full) = (place.path("one"), place.path("two"), place.path("full"));
    let error = refused(&["--runs", "2", "-o", name(&one), "--", "true"]);
    assert!(error.contains("run-001.hlog.zst") && error.contains("--append"), "{error}");
    let error = refused(&["--runs", "2", "-o", name(&two), "--ab", "true", "false"]);
    assert!(error.contains("--append"), "{error}");
    // A comparison and plain runs do not share a folder, with --append or without.
    let error = refused(&["--runs", "2", "--append", "-o", name(&two), "--", "true"]);
    assert!(error.contains("--ab keeps two folders"), "{error}");
    let error = refused(&["--runs", "2", "--append", "-o", name(&one), "--ab", "true", "false"]);
    assert!(error.contains("give a new folder"), "{error}");
    let error = refused(&["--runs", "2", "--append", "-o", name(&full), "--", "true"]);
    assert!(error.contains("numbers end at 999"), "{error}");
}

#[test]
fn what_cannot_be_read_is_not_gone_on_with() {
    let place = Place::new();
    fs::create_dir(place.path("runs")).unwrap();
    fs::write(place.path("runs/run-001.hlog.zst"), "no recording").unwrap();
    let error = refused(&["--runs", "2", "--append", "-o", name(&place.path("runs")), "--", "true"]);
    assert!(error.contains("run-001.hlog.zst") && error.contains("move it away"), "{error}");
}
