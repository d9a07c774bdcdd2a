//! Several runs, a recording each: which there are, what they say of themselves, and what stops them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tracer::{
    metadata::{Metadata, Side},
    recording::{self, Recording},
};
use vmtest::baseline::{Baseline, Kind};

use crate::{
    errors::assert_one_line,
    run::{Outcome, Tracer, run},
    support::{argument, turn, within},
};

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder of our own"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("text").to_owned()
    }

    /// What lies in a folder, sorted.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(folder)).expect("the folder was made");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        files.sort();
        files
    }

    /// Their heads; all must be whole recordings.
    fn heads(&self, folder: &str) -> Vec<Metadata> {
        self.files(folder).iter().map(|file| whole(file).metadata).collect()
    }

    /// Runs `record --runs` into a folder.
    fn record(&self, folder: &str, arguments: &[&str]) -> Outcome {
        run(&[&["record", "-o", &self.path(folder)], arguments].concat())
    }
}

fn whole(file: &Path) -> Recording {
    let recording = recording::read(fs::File::open(file).expect("it is there")).expect("a recording");
    assert_eq!(recording.cut, None, "{}", file.display());
    recording
}

/// Side, number and order of each.
fn places(heads: &[Metadata]) -> Vec<(Option<Side>, u32, u32)> {
    let run = |head: &Metadata| head.run.clone().expect("each says which run it is");
    heads.iter().map(run).map(|run| (run.side, run.number, run.order)).collect()
}

#[test]
fn each_run_is_a_recording_of_its_own() {
    let Some(_turn) = turn("replicates::each_run_is_a_recording_of_its_own") else { return };
    let (place, workload) = (Place::new(), argument("workload"));
    let outcome = place.record("new/runs", &["--runs", "3", "--warmup", "1", "--", &workload, "getppid=500"]);
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, format!("exitpath report {}/*.hlog.zst\n", place.path("new/runs")));
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 5, "a line a run, and one for all: {lines:?}");
    assert!(
        lines[0].starts_with("exitpath: warm-up 1 of 1: ") && lines[3].contains("run 3 of 3"),
        "{lines:?}"
    );
    let heads = place.heads("new/runs");
    assert_eq!(places(&heads), [(None, 1, 1), (None, 2, 2), (None, 3, 3)]);
    for head in &heads {
        let run = head.run.as_ref().expect("each says which run it is");
        assert_eq!((run.id.len(), run.warmup), (32, 1));
        assert!(head.conditions.load.is_some() && head.machine.hypervisor.is_some(), "{head:?}");
        assert_eq!(
            head.conditions.tracers, heads[0].conditions.tracers,
            "the programs of earlier runs are not others"
        );
        assert_eq!(head.command, [&*workload, "getppid=500"]);
    }
    let ids: std::collections::BTreeSet<_> =
        heads.iter().map(|head| &head.run.as_ref().expect("a run").id).collect();
    assert_eq!(ids.len(), 3);
    let files = place.files("new/runs");
    let files: Vec<&str> = files.iter().map(|file| file.to_str().expect("text")).collect();
    let all = run(&[&["report", "--format", "json"], &files[..]].concat()).report();
    assert_eq!(all.returns("getppid"), 1500, "nothing of a run is in another");
    assert!(all.0["run"].is_null(), "a sum of runs is none of them");
}

#[test]
fn two_commands_take_turns() {
    let Some(_turn) = turn("replicates::two_commands_take_turns") else { return };
    let place = Place::new();
    let outcome = place.record("ab", &["--runs", "2", "--pause", "0.05", "--ab", "exit 0", ": b"]);
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, format!("exitpath diff {} -- {}\n", place.path("ab/a"), place.path("ab/b")));
    let (a, b) = (place.heads("ab/a"), place.heads("ab/b"));
    assert_eq!(places(&a), [(Some(Side::A), 1, 1), (Some(Side::A), 2, 4)]);
    assert_eq!(places(&b), [(Some(Side::B), 1, 2), (Some(Side::B), 2, 3)]);
    assert_eq!((&a[0].command[..], &b[0].command[..]), (&words("exit 0")[..], &words(": b")[..]));
    // The third pair begins with A again.
    let outcome = place.record("ab", &["--runs", "1", "--append", "--ab", "exit 0", ": b"]);
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert_eq!(places(&place.heads("ab/a"))[2..], [(Some(Side::A), 3, 5)]);
    assert_eq!(places(&place.heads("ab/b"))[2..], [(Some(Side::B), 3, 6)]);
}

fn words(command: &str) -> Vec<String> {
    ["sh", "-c", command].map(str::to_owned).to_vec()
}

#[test]
fn a_command_that_fails_stops_them_with_its_code() {
    let Some(_turn) = turn("replicates::a_command_that_fails_stops_them_with_its_code") else { return };
    let place = Place::new();
    // Fails the second time.
    let script = format!("test ! -e {0} || exit 7; touch {0}", place.path("ran"));
    let outcome = place.record("runs", &["--runs", "4", "--", "sh", "-c", &script]);
    assert_eq!((outcome.code(), &*outcome.stdout), (7, ""), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("exit code 7") && outcome.stderr.contains("--keep-going"),
        "{}",
        outcome.stderr
    );
    assert_eq!(
        places(&place.heads("runs")),
        [(None, 1, 1)],
        "the failed run is dropped, and nothing else lies there"
    );
    let outcome = place.record("all", &["--runs", "2", "--keep-going", "--", "sh", "-c", "exit 3"]);
    assert_eq!(outcome.code(), 3, "{}", outcome.stderr);
    assert_eq!(place.heads("all").len(), 2);
    assert_one_line(
        &place.record("none", &["--runs", "2", "--", "no-such-program"]),
        127,
        &["no-such-program"],
    );
    assert!(place.files("none").is_empty());
}

#[test]
fn a_folder_is_gone_on_with_by_the_same_only() {
    let Some(_turn) = turn("replicates::a_folder_is_gone_on_with_by_the_same_only") else { return };
    let place = Place::new();
    for expected in 1..=2 {
        let outcome = place.record("runs", &["--runs", "1", "--append", "--", "true"]);
        assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
        assert_eq!(places(&place.heads("runs")).last(), Some(&(None, expected, expected)));
    }
    let others: [(&[&str], &str); 3] = [
        (&["--", "sh", "-c", ":"], "command: true | sh -c :"),
        (&["--failed", "--", "true"], "filters: - | --failed"),
        (&["--precision", "1", "--", "true"], "precision: 2 | 1"),
    ];
    for (arguments, words) in others {
        let outcome = place.record("runs", &[&["--runs", "1", "--append"], arguments].concat());
        assert_one_line(&outcome, 2, &["run-001.hlog.zst", words]);
    }
    assert_eq!(place.files("runs").len(), 2);
}

#[test]
fn ctrl_c_leaves_whole_recordings() {
    let Some(_turn) = turn("replicates::ctrl_c_leaves_whole_recordings") else { return };
    let place = Place::new();
    // Stays the second time.
    let (ran, stays) = (place.path("ran"), place.path("stays"));
    let script = format!("test -e {ran} || {{ touch {ran}; exit 0; }}; touch {stays}; exec sleep 30");
    let tracer = Tracer::record(&[
        "-o",
        &place.path("runs"),
        "--runs",
        "3",
        "--keep-going",
        "--",
        "sh",
        "-c",
        &script,
    ]);
    assert!(within(20, || Path::new(&stays).exists()), "the second run comes");
    let outcome = tracer.interrupt();
    assert_eq!((outcome.code(), &*outcome.stdout), (128 + libc::SIGINT, ""), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Ctrl-C at run 2 of 3"), "{}", outcome.stderr);
    assert_eq!(places(&place.heads("runs")), [(None, 1, 1)]);
}

#[test]
fn a_run_that_saw_nothing_is_said_and_so_are_other_tracers() {
    let Some(_turn) = turn("replicates::a_run_that_saw_nothing_is_said_and_so_are_other_tracers") else {
        return;
    };
    let place = Place::new();
    let _other = Baseline::attach(Kind::Empty).expect("it could be attached for the turn");
    let outcome = place.record("runs", &["--runs", "1", "-e", "reboot", "--", "true"]);
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("run 1 of 1: no system call was seen"), "{}", outcome.stderr);
    let tracers = place.heads("runs").remove(0).conditions.tracers.expect("root may ask");
    for hook in ["sys_enter", "sys_exit"] {
        assert!(tracers.iter().any(|line| line.contains(hook)), "{tracers:?}");
    }
}
