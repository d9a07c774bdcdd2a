//! `exitpath diff` as a process: exit codes, one line of error each, what is skipped and what is refused.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use tracer::{
    metadata::{Metadata, Run},
    recording::{Compression, RecordingWriter},
    snapshot::Snapshot,
};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A folder of recordings; all times are `factor` times as long.
    fn side(&self, name: &str, runs: u32, factor: f64) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir(&folder).unwrap();
        for number in 1..=runs {
            let spread = 1.0 + 0.002 * f64::from(number % 5);
            record(&folder.join(format!("{number}.hlog")), &head(name, number), factor * spread);
        }
        folder
    }
}

fn head(name: &str, number: u32) -> Metadata {
    let run = Run { id: format!("{name}{number}"), number, ..Run::default() };
    Metadata { run: Some(run), ..support::metadata() }
}

fn record(path: &Path, head: &Metadata, factor: f64) {
    let stretched = |number| {
        let mut snapshot = support::interval(number);
        for series in snapshot.series.values_mut() {
            let mut latency = tracer::histogram::Histogram::default();
            for (&cell, &count) in &series.latency.cells {
                let value = latency.precision.lowest(usize::from(cell)) as f64 * factor;
                (0..count).for_each(|_| latency.record(value as u64));
            }
            series.latency = latency;
        }
        snapshot
    };
    write(path, head, (0..3).map(stretched));
}

fn write(path: &Path, head: &Metadata, intervals: impl Iterator<Item = Snapshot>) {
    let file = fs::File::create(path).unwrap();
    let mut writer = RecordingWriter::new(file, Compression::of(path), head).unwrap();
    for snapshot in intervals {
        writer.interval(&snapshot).unwrap();
    }
    writer.finish().unwrap();
}

fn diff(arguments: &[&str], base: &[&Path], new: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exitpath"));
    command.arg("diff").args(["--resamples", "200"]).args(arguments).args(base);
    if !new.is_empty() {
        command.arg("--").args(new);
    }
    command.output().unwrap()
}

fn refused(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty());
    text.strip_prefix("exitpath: ").unwrap().trim_end().to_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn exit_codes_say_whether_something_is_slower() {
    let folder = Folder::new();
    let (base, same, slow) =
        (folder.side("base", 5, 1.0), folder.side("same", 5, 1.0), folder.side("slow", 5, 1.2));
    let code = |arguments: &[&str], new: &Path| diff(arguments, &[&base], &[new]).status.code();
    assert_eq!(code(&[], &slow), Some(0), "nobody asked");
    assert_eq!(code(&["--fail-on", "slower"], &slow), Some(1));
    assert_eq!(code(&["--fail-on", "slower:10%"], &slow), Some(1));
    assert_eq!(code(&["--fail-on", "slower:50%"], &slow), Some(0));
    assert_eq!(code(&["--fail-on", "slower"], &same), Some(0));
    assert_eq!(code(&["--fail-on", "slower", "--min-effect", "40%"], &slow), Some(0));
    assert_eq!(code(&["--fail-on", "faster"], &slow), Some(2));
    assert_eq!(diff(&["--fail-on", "slower"], &[&slow], &[&base]).status.code(), Some(0));
}

#[test]
fn a_seed_gives_the_same_bytes_and_what_is_shown_decides_nothing() {
    let folder = Folder::new();
    let (base, new) = (folder.side("base", 5, 1.0), folder.side("new", 5, 1.1));
    let run = |arguments: &[&str]| diff(&[&["--format", "json"], arguments].concat(), &[&base], &[&new]);
    let (one, again, other) = (run(&[]), run(&[]), run(&["--seed", "7"]));
    assert_eq!(one.status.code(), Some(0), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(one.stdout, again.stdout);
    assert_ne!(one.stdout, other.stdout);
    let (all, only) = (json(&one), json(&run(&["--only", "rt_sigreturn,15,62", "--top", "1"])));
    assert_eq!(all["method"]["tests"], only["method"]["tests"], "{only}");
}

#[test]
fn foreign_files_in_a_folder_are_left_out_and_a_cut_one_is_used() {
    let folder = Folder::new();
    let (base, new) = (folder.side("base", 4, 1.0), folder.side("new", 4, 1.0));
    fs::write(base.join("notes.txt"), "hello").unwrap();
    fs::write(base.join("other.hlog"), "#[Histogram log format version 1.3]\n").unwrap();
    let whole = fs::read(new.join("1.hlog")).unwrap();
    fs::write(new.join("1.hlog"), &whole[..whole.len() * 2 / 3]).unwrap();
    let output = diff(&["--format", "json"], &[&base], &[&new]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 2 && lines[0].ends_with("left out what is no recording (1): notes.txt"), "{said}");
    assert!(lines[1].ends_with("other.hlog: left out, it is no recording of exitpath"), "{said}");
    let notes = json(&output)["notes"].to_string();
    assert!(notes.contains("1.hlog: the recording was cut: "), "{notes}");
    // Named, it is refused.
    let error = refused(&diff(&[], &[&base.join("other.hlog")], &[&new]));
    assert!(error.contains("other.hlog: it is no exitpath recording"), "{error}");
}

#[test]
fn patterns_are_expanded_and_one_run_a_side_claims_little() {
    let folder = Folder::new();
    let (base, new) = (folder.side("base", 4, 1.0), folder.side("new", 4, 1.0));
    let output = diff(&["--format", "json"], &[&base.join("[12].hlog")], &[&new.join("*.hlog")]);
    let two = json(&output);
    assert_eq!((two["base"]["runs"].as_u64(), two["new"]["runs"].as_u64()), (Some(2), Some(4)));
    let one = json(&diff(&["--format", "json"], &[&base.join("1.hlog")], &[&new.join("1.hlog")]));
    assert_eq!(one["method"]["tests"], 0);
    assert!(one["notes"].to_string().contains("one run a side"), "{one}");
}

#[test]
fn bad_input_is_one_line_each() {
    let folder = Folder::new();
    let (base, new) = (folder.side("base", 4, 1.0), folder.side("new", 4, 1.0));
    let error = |base: &Path, new: &Path| refused(&diff(&[], &[base], &[new]));
    assert!(error(Path::new("/nowhere"), &new).starts_with("cannot read /nowhere: No such file"));
    let late = error(&base, Path::new("--format"));
    assert!(late.ends_with("put options first: exitpath diff --format lkml BASE -- NEW"), "{late}");
    assert!(error(&folder.path("x*"), &new).ends_with("nothing matches it; `ls` shows what is there"));
    let empty = folder.path("empty");
    fs::create_dir(&empty).unwrap();
    assert!(error(&empty, &new).contains("there is no recording in it"));
    assert!(error(&base, &base).contains("are the same run: a run counts once"));
    assert!(refused(&diff(&[], &[&base], &[])).starts_with("nothing to compare with: "));
    assert!(refused(&diff(&["--aa"], &[&base], &[])).contains("4 are too few: give 8 or more"));
    assert!(refused(&diff(&["--aa"], &[&base], &[&new])).contains("--aa shuffles the runs of one side"));

    let odd = |name: &str, head: &Metadata, intervals: Vec<Snapshot>| {
        let path = folder.path(name);
        write(&path, head, intervals.into_iter());
        error(&path, &new)
    };
    let id = head("odd", 1);
    assert!(odd("none.hlog", &id, Vec::new()).contains("none.hlog holds no return of a system call"));
    let coarse = Metadata { precision: 1, ..id.clone() };
    let said = odd("coarse.hlog", &coarse, Vec::new());
    assert!(said.contains("coarse.hlog holds no return"), "{said}");
    let filtered = Metadata { filters: vec!["-e read".to_owned()], ..id.clone() };
    let path = folder.path("filtered.hlog");
    support::record(&path, &filtered, 1);
    let said = error(&path, &new);
    assert!(said.contains("cannot be compared: filters -e read | -"), "{said}");
    let said = odd("jump.hlog", &id, vec![support::interval(5), support::interval(1)]);
    assert!(said.contains("interval 2 begins before the one before it ends"), "{said}");
    let mut other = support::interval(0);
    other.series = other.series.into_values().zip(1..).map(|(one, nr)| (unused(nr), one)).collect();
    assert!(odd("other.hlog", &id, vec![other]).contains("no system call by the same path in common"));
}

fn unused(nr: u16) -> tracer_common::SeriesKey {
    let call = tracer_common::SyscallId { abi: tracer_common::Abi::I386, nr };
    tracer_common::SeriesKey::new(call, tracer_common::Path::Iret)
}

#[test]
fn force_compares_and_warns() {
    let folder = Folder::new();
    let (base, new) = (folder.side("base", 4, 1.0), folder.path("new"));
    fs::create_dir(&new).unwrap();
    for number in 1..=4 {
        let head = Metadata { filters: vec!["-e read".to_owned()], ..head("new", number) };
        record(&new.join(format!("{number}.hlog.zst")), &head, 1.0);
    }
    assert!(refused(&diff(&[], &[&base], &[&new])).contains("or use --force"));
    let output = diff(&["--force", "--format", "json"], &[&base], &[&new]);
    assert_eq!(json(&output)["forced"][0]["what"], "filters");
}

#[test]
fn ten_thousand_series_are_compared() {
    let folder = Folder::new();
    let many = |name: &str| {
        let interval = || {
            let mut latency = tracer::histogram::Histogram::default();
            (90..95).for_each(|value| latency.record(value));
            let one = tracer::snapshot::Series { returns: 5, latency, ..tracer::snapshot::Series::default() };
            let keys = (0..tracer_common::SeriesKey::COUNT as u16).map(tracer_common::SeriesKey);
            let known = keys.map(|key| tracer_common::SeriesKey::new(key.call(), key.path()));
            let series = known.take(10_000).map(|key| (key, one.clone())).collect();
            Snapshot { duration_ns: 1_000_000_000, series, ..Snapshot::default() }
        };
        let path = folder.path(name);
        write(&path, &head(name, 1), std::iter::once(interval()));
        path
    };
    let output = diff(&["--format", "csv", "--top", "3"], &[&many("a.hlog")], &[&many("b.hlog")]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
