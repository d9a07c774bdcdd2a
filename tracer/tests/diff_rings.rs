//! `exitpath diff` of rings by time, as a process: what is one run, and which times are refused.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use tracer::{
    metadata::Metadata,
    recording::{Compression, RecordingWriter},
};

/// When the rings begin: 2026-09-21T14:13:20Z.
const BEGIN: f64 = 1_790_000_000.0;

/// A ring of segments of 20 intervals of a second each, one an hour.
fn ring(folder: &TempDir, name: &str, hours: u32, head: impl Fn(u32) -> Metadata) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir(&path).unwrap();
    for hour in 0..hours {
        let head = Metadata { started_at: BEGIN + 3600.0 * f64::from(hour), ..head(hour) };
        let segment = path.join(format!("{:08}-x.hlog.zst", hour + 1));
        let file = fs::File::create(segment).unwrap();
        let mut writer = RecordingWriter::new(file, Compression::Zstd, &head).unwrap();
        for number in 0..20 {
            // Not all alike: what is the same counts once.
            let salt = u64::from(name.bytes().last().unwrap_or_default() % 3);
            let mut interval =
                support::interval(number % 7 + u64::from(hour) + 2 * salt + u64::from(name.starts_with('b')));
            interval.start_ns = number * 1_000_000_000;
            writer.interval(&interval).unwrap();
        }
        writer.finish().unwrap();
    }
    // A daemon leaves its lock there, and no line is to be said of it.
    fs::write(path.join("lock"), "1\n").unwrap();
    path
}

fn plain(_: u32) -> Metadata {
    support::metadata()
}

fn diff(arguments: &[&str], base: &[String], new: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exitpath"));
    command.args(["diff", "--resamples", "200", "--format", "json"]).args(arguments);
    command.args(base).arg("--").args(new).output().unwrap()
}

fn compared(arguments: &[&str], base: &[String], new: &[String]) -> Value {
    let output = diff(arguments, base, new);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(2), 1), "{text}");
    assert!(output.stdout.is_empty());
    text
}

/// `RING@...`.
fn part(ring: &Path, window: &str) -> String {
    format!("{}@{window}", ring.display())
}

fn counts(json: &Value, side: &str) -> (u64, u64) {
    (json[side]["runs"].as_u64().unwrap(), json[side]["intervals"].as_u64().unwrap())
}

#[test]
fn two_times_of_one_ring_are_a_run_each() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(&folder, "ring", 3, plain);
    let second = "2026-09-21T15:13:20Z";
    let (base, new) = (part(&ring, &format!("..{second}")), part(&ring, &format!("{second}..")));
    let json = compared(&[], std::slice::from_ref(&base), &[new]);
    assert_eq!((counts(&json, "base"), counts(&json, "new")), ((1, 20), (1, 40)));
    assert_eq!(json["base"]["label"], base, "as it was typed");
    let file = json["new"]["files"][0].as_str().unwrap();
    assert!(file.ends_with("ring from 2026-09-21T15:13:20Z to 2026-09-21T16:13:40Z"), "{file}");
    assert_eq!((&json["method"]["unit"], &json["method"]["tests"]), (&"blocks".into(), &0.into()));
    let notes = json["notes"].to_string();
    assert!(notes.contains("one host a side: the intervals show the spread within the time"), "{notes}");
    assert!(notes.contains("nothing was recorded in 3580 s of these 3620 s"), "{notes}");
    // A part of a segment, and a time that holds for what has none of its own.
    let json = compared(
        &["--to", &format!("{}", BEGIN + 5.0)],
        &[ring.display().to_string()],
        &[part(&ring, &format!("{}..{}", BEGIN + 5.0, BEGIN + 12.0))],
    );
    assert_eq!((counts(&json, "base"), counts(&json, "new")), ((1, 5), (1, 7)));
}

#[test]
fn the_same_time_of_several_rings_has_hosts_as_runs() {
    let folder = tempfile::tempdir().unwrap();
    let host = |name: &str| {
        let head = |_| {
            let mut head = support::metadata();
            head.machine.host_id = name.to_owned();
            head
        };
        ring(&folder, name, 3, head);
    };
    ["a0", "a1", "a2", "b3", "b4", "b5"].into_iter().for_each(host);
    let side = |side: &str| vec![format!("{}/{side}*", folder.path().display())];
    let json = compared(&["--from", "1790000000", "--to", "1790007200"], &side("a"), &side("b"));
    assert_eq!(json["method"]["unit"], "hosts");
    assert_eq!((counts(&json, "base"), counts(&json, "new")), ((3, 120), (3, 120)));
    assert!(json["method"]["tests"].as_u64().unwrap() > 0);
    // Windows of one ring are no hosts.
    let windows = |name: &str| {
        let ring = folder.path().join(name);
        vec![part(&ring, "..1790003600"), part(&ring, "1790003600..1790007200")]
    };
    let json = compared(&[], &windows("a1"), &windows("b4"));
    assert_eq!((&json["method"]["unit"], counts(&json, "base")), (&"runs".into(), (2, 40)));
    assert!(json["notes"].to_string().contains("one of several windows of one ring"), "{}", json["notes"]);
}

#[test]
fn another_kernel_just_before_the_time_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let upgraded = |hour: u32| {
        let mut head = support::metadata();
        head.kernel.release = format!("6.18.{}", hour.min(1));
        head
    };
    let ring = ring(&folder, "ring", 3, upgraded);
    let json = compared(&[], &[part(&ring, "..1790003600")], &[part(&ring, "1790003600..")]);
    assert_eq!((counts(&json, "base"), counts(&json, "new")), ((1, 20), (1, 40)));
    let both = refused(&diff(&[], &[part(&ring, "..1790003601")], &[part(&ring, "1790007200..")]));
    assert!(both.contains("cannot add up") && both.contains("kernel release: 6.18.0 | 6.18.1"), "{both}");
}

#[test]
fn a_governed_ring_is_scaled_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let governed = |hour: u32| Metadata { sample: if hour % 2 == 1 { 16 } else { 1 }, ..support::metadata() };
    let ring = ring(&folder, "ring", 4, governed);
    let json = compared(&[], &[part(&ring, "..1790007200")], &[part(&ring, "1790007200..")]);
    assert!(json["notes"].to_string().contains("sampling changed in this time (1 call in 1, 16)"));
    let error = refused(&diff(&[], &[part(&ring, "..1790003600")], &[part(&ring, "1790003600..1790007200")]));
    assert!(error.contains("cannot be compared: sample 1 | 16"), "{error}");
}

#[test]
fn a_time_without_intervals_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(&folder, "ring", 2, plain);
    let whole = ring.display().to_string();
    let error = |base: &str, new: &str| refused(&diff(&[], &[base.to_owned()], &[new.to_owned()]));
    let there = "no interval began in this time, there are some from 2026-09-21T14:13:20Z to 2026-09-21T15:13:40Z; widen";
    for window in ["..1789999999", "1790000100..1790000200", "1790009999.."] {
        let said = error(&part(&ring, window), &part(&ring, "1790003600..1790003610"));
        assert!(said.starts_with(&format!("exitpath: cannot read {whole}: {there}")), "{said}");
    }
    assert!(
        error(&part(&ring, "-1h..-2h"), &whole).contains("the span ends before it begins; swap its ends")
    );
    assert!(
        error(&part(&ring, "tomorrow.."), &whole).contains("\"tomorrow\" is no time; write a time before")
    );
    for (base, new) in [(whole.clone(), whole.clone()), (whole.clone(), part(&ring, "1790003600.."))] {
        assert!(
            error(&base, &new).contains("are asked for twice, and each counts once; give each its own time")
        );
    }
    let nowhere = error(&format!("{whole}x@-1h.."), &whole);
    assert!(nowhere.contains("x@-1h..: No such file"), "{nowhere}");
    let (base, new) = (std::slice::from_ref(&whole), std::slice::from_ref(&whole));
    let span = refused(&diff(&["--from", "-1h", "--to", "-2h"], base, new));
    assert!(span.contains("--from and --to: the span ends before it begins"), "{span}");
}

#[test]
fn a_part_of_a_recording_is_a_run_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.hlog");
    support::record(&file, &Metadata { started_at: BEGIN, ..support::metadata() }, 10);
    let json = compared(&[], &[part(&file, "..1790000004")], &[part(&file, "1790000004..")]);
    assert_eq!((counts(&json, "base"), counts(&json, "new")), ((1, 4), (1, 6)));
    assert_eq!(json["method"]["unit"], "blocks");
    // In a folder, recordings of another time are left out, and it is said.
    let runs = folder.path().join("runs");
    fs::create_dir(&runs).unwrap();
    for (name, at) in [("1.hlog", BEGIN), ("2.hlog", BEGIN + 60.0)] {
        support::record(&runs.join(name), &Metadata { started_at: at, ..support::metadata() }, 3);
    }
    let output = diff(&[], &[part(&runs, "1790000060..")], &[part(&file, "..")]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.ends_with("1.hlog: left out, no interval of it began in this time\n")
    );
}
