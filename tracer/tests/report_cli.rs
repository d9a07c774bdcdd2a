//! `exitpath report` as a process: exit codes, one line of error each, closed pipes, full disks.

mod support;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use tracer::recording;

/// Of a recording of three intervals: three series of 301 values, and as many untimed returns as its number.
const RETURNS: u64 = 3 * 3 * 301 + 3 * (1 + 2);

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A recording of three intervals.
    fn recording(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        support::record(&path, &support::metadata(), 3);
        path
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exitpath"));
    command.arg("report");
    command
}

fn report(arguments: &[&str], files: &[&Path]) -> Output {
    command().args(arguments).args(files).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line of an error, after the name of the tool.
fn refused(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty());
    text.strip_prefix("exitpath: ").unwrap().trim_end().to_owned()
}

#[test]
fn every_format_comes_from_the_same_numbers() {
    let folder = Folder::new();
    let file = folder.recording("a.hlog");
    let table = stdout(&report(&[], &[&file]));
    assert!(table.contains("2,718 returns"), "{table}");
    assert!(!table.contains('\x1b'), "a pipe gets plain text");
    let json: Value = serde_json::from_str(&stdout(&report(&["--format", "json"], &[&file]))).unwrap();
    assert_eq!(
        (json["schema"].as_str(), json["returns"].as_u64()),
        (Some("exitpath.report/1"), Some(RETURNS))
    );
    let csv = stdout(&report(&["--format", "csv"], &[&file]));
    assert_eq!(csv.lines().count(), 4);
    let metrics = stdout(&report(&["--format", "openmetrics"], &[&file]));
    assert!(metrics.ends_with("# EOF\n"));
    let page = stdout(&report(&["--format", "html"], &[&file]));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let percentiles = stdout(&report(&["--format", "hgrm"], &[&file]));
    assert_eq!(percentiles.matches("#[Buckets = ").count(), 4, "three series and turnaround");
    let hlog = stdout(&report(&["--format", "hlog"], &[&file]));
    let merged = recording::read(hlog.as_bytes()).unwrap();
    assert_eq!((merged.intervals.len(), merged.intervals[0].returns()), (1, RETURNS));
}

#[test]
fn intervals_are_shown_before_the_whole() {
    let folder = Folder::new();
    let file = folder.recording("a.hlog.zst");
    let lines = stdout(&report(&["--format", "json", "--intervals"], &[&file]));
    let numbers: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["interval"].clone()).collect();
    assert_eq!(numbers, [1.into(), 2.into(), 3.into(), Value::Null]);
    let csv = stdout(&report(&["--format", "csv", "--intervals", "--by", "path"], &[&file]));
    assert_eq!(csv.lines().filter(|line| line.starts_with("interval")).count(), 1);
    let out = folder.path("copy.hlog.gz");
    let output = report(&["--format", "hlog", "--intervals", "--output", out.to_str().unwrap()], &[&file]);
    assert_eq!(stdout(&output), "");
    let read = |path: &Path| recording::read(fs::File::open(path).unwrap()).unwrap();
    assert_eq!(read(&out), read(&file));
    assert_eq!(fs::read(&out).unwrap()[..2], [0x1f, 0x8b]);
}

#[test]
fn files_add_up_if_they_are_of_the_same_thing() {
    let folder = Folder::new();
    let (one, two, other) =
        (folder.recording("1.hlog"), folder.recording("2.hlog.gz"), folder.path("3.hlog"));
    let json: Value = serde_json::from_str(&stdout(&report(&["--format", "json"], &[&one, &two]))).unwrap();
    assert_eq!(json["returns"], 2 * RETURNS);
    let mut head = support::metadata();
    (head.kernel.release, head.sample) = ("5.10.0".to_owned(), 4);
    support::record(&other, &head, 1);
    let error = refused(&report(&[], &[&one, &other]));
    let why = "they differ in sample: 1 | 4; kernel release: 6.18.0-test | 5.10.0; report each on its own";
    assert!(error.ends_with(&format!("3.hlog: {why}")), "{error}");
}

#[test]
fn a_cut_recording_reads_and_says_so() {
    let folder = Folder::new();
    let file = folder.recording("a.hlog");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - whole.len() / 3]).unwrap();
    let output = report(&["--format", "json"], &[&file]);
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(json["returns"].as_u64().unwrap() < RETURNS);
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("the recording was cut: ") && note.contains("whole intervals were read"), "{note}");
}

#[test]
fn standard_input_is_a_file_too() {
    let folder = Folder::new();
    let file = fs::File::open(folder.recording("a.hlog.gz")).unwrap();
    let output = command().arg("-").stdin(file).output().unwrap();
    assert!(stdout(&output).contains("2,718 returns"));
}

#[test]
fn bad_files_are_one_line_each() {
    let folder = Folder::new();
    let bad = |name: &str, bytes: &[u8]| {
        let path = folder.path(name);
        fs::write(&path, bytes).unwrap();
        refused(&report(&[], &[&path]))
    };
    assert!(bad("empty", b"").contains("empty: it is empty: "));
    assert!(bad("foreign", b"\x7fELF\0\0\0").contains("it is no exitpath recording"));
    assert!(bad("newer", b"#[exitpath] {\"format\":\"7.1\"}\n").contains("use a newer exitpath"));
    assert!(bad("two\nlines", b"hello").contains("it is no exitpath recording"));
    let text = fs::read_to_string(folder.recording("a.hlog")).unwrap();
    assert!(bad("damaged", text.replacen("HISTFA", "H!STFA", 1).as_bytes()).contains(" is damaged: "));
    let error = refused(&report(&[], &[Path::new("/nowhere/at-all.hlog")]));
    assert!(error.starts_with("cannot read /nowhere/at-all.hlog: No such file"), "{error}");
    let error = refused(&report(&[], &[folder.0.path()]));
    assert!(error.contains("there is no segment of a ring in it"), "{error}");
}

#[test]
fn a_ring_is_read_by_time() {
    let folder = Folder::new();
    let ring = folder.path("ring");
    fs::create_dir(&ring).unwrap();
    // Three intervals of a second each, an hour apart.
    for (number, hour) in [(1, 0.0), (2, 3600.0)] {
        let metadata =
            tracer::metadata::Metadata { started_at: 1_790_000_000.0 + hour, ..support::metadata() };
        support::record(&ring.join(format!("0000000{number}-x.hlog.zst")), &metadata, 3);
    }
    let returns = |arguments: &[&str]| {
        let output = report(&[&["--format", "json"], arguments].concat(), &[&ring]);
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        json["returns"].as_u64().unwrap()
    };
    assert_eq!(returns(&[]), 2 * RETURNS);
    assert_eq!(returns(&["--from", "1790003600"]), RETURNS);
    assert_eq!(returns(&["--to", "2026-09-21T14:13:22Z"]), 2 * 3 * 301 + 3);
    assert_eq!(returns(&["--from", "1790000002", "--to", "1790003601"]), 2 * 3 * 301 + 2 * 3);
    let error = refused(&report(&["--from", "1790000100", "--to", "1790000200"], &[&ring]));
    assert!(
        error.contains("no interval began in this time, there are some from 2026-09-21T14:13:20Z"),
        "{error}"
    );
    let error = refused(&report(&["--from", "-1h", "--to", "-2h"], &[&ring]));
    assert!(error.contains("ends before it begins"), "{error}");
    // A governor sampled one call in 4 for a while: a latency of then counts for four.
    let sampled = folder.path("sampled");
    fs::create_dir(&sampled).unwrap();
    for (number, sample) in [(1, 1), (2, 4)] {
        let metadata = tracer::metadata::Metadata { sample, ..support::metadata() };
        support::record(&sampled.join(format!("0000000{number}-x.hlog.zst")), &metadata, 1);
    }
    let output = report(&["--format", "json"], &[&sampled]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("sampling changed in this time (1 call in 1, 4)")
    );
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((json["timed"].as_u64(), json["sample"].as_u64()), (Some(3 * 301 * 5), Some(4)));
    // The segment that is written now has no end yet, and one that has no head yet holds nothing.
    fs::write(ring.join("00000003-x.hlog.zst"), b"").unwrap();
    let last = fs::read(ring.join("00000002-x.hlog.zst")).unwrap();
    fs::write(ring.join("00000002-x.hlog.zst"), &last[..last.len() - 20]).unwrap();
    assert_eq!(returns(&[]), 2 * RETURNS);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = Folder::new();
    let file = folder.recording("a.hlog");
    let error = refused(&report(&["--format", "openmetrics", "--intervals"], &[&file]));
    assert!(error.starts_with("cannot write intervals as openmetrics: "), "{error}");
    let error = refused(&report(&["--format", "csv", "--columns", "name"], &[&file]));
    assert!(error.starts_with("cannot choose columns: "), "{error}");
    for arguments in [&["--top", "0"][..], &["--sort", "colour"], &["--columns", "p42"], &["--format", "xml"]]
    {
        assert_eq!(report(arguments, &[&file]).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(report(&[], &[]).status.code(), Some(2));
}

#[test]
fn a_full_disk_is_one_clear_error() {
    let folder = Folder::new();
    let file = folder.recording("a.hlog");
    for format in ["table", "json", "csv", "hlog", "openmetrics"] {
        let error = refused(&report(&["--format", format, "--output", "/dev/full"], &[&file]));
        assert!(error.starts_with("cannot write /dev/full: the disk is full; "), "{error}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command().args(["--format", format]).arg(&file).stdout(full).output().unwrap();
        assert!(refused(&output).starts_with("cannot write standard output: the disk is full; "));
    }
}

#[test]
fn an_output_that_cannot_be_opened_fails_before_the_input_is_read() {
    let error = refused(&report(&["--output", "/nowhere/out"], &[Path::new("/nowhere/in")]));
    assert!(error.starts_with("cannot write /nowhere/out: No such file"), "{error}");
    let folder = Folder::new();
    let (out, damaged) = (folder.path("out"), folder.path("damaged"));
    fs::write(&out, "precious").unwrap();
    fs::write(&damaged, "hello").unwrap();
    refused(&report(&["--output", out.to_str().unwrap()], &[&damaged]));
    assert_eq!(fs::read_to_string(&out).unwrap(), "precious", "an error leaves the old file");
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = Folder::new();
    let file = folder.path("long.hlog");
    support::record(&file, &support::metadata(), 400);
    for format in ["table", "json", "csv", "hlog"] {
        let mut child = command()
            .args(["--format", format, "--intervals"])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 16];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{format}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{format}");
    }
}
