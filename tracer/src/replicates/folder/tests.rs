//! What may follow what, and what files are called.

use super::*;
use crate::{
    metadata::Run,
    recording::{Compression, RecordingWriter},
    report::fixture,
};

fn record(folder: &Path, name: &str, head: &Metadata) {
    let path = folder.join(name);
    let file = File::create(&path).unwrap();
    RecordingWriter::new(file, Compression::of(&path), head).unwrap().finish().unwrap();
}

fn refused<T: std::fmt::Debug>(result: Result<T, CliError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.exit_code, crate::error::USAGE);
    error.to_string()
}

#[test]
fn names_sort_as_numbers_do() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("new/deep"), false).unwrap();
    assert_eq!(folder.last(), 0);
    let names: Vec<_> = [1, 2, 10, 99, 100, MOST].map(|number| folder.file(number)).to_vec();
    assert!(names.is_sorted(), "{names:?}");
    assert!(names[0].ends_with("new/deep/run-001.hlog.zst"));
    assert!(names.iter().all(|name| is_recording(name)));
    assert!(!is_recording(Path::new("run-001.hlog.zst.12.unfinished")));
}

#[test]
fn a_folder_with_recordings_is_for_going_on_only() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("notes.txt"), "mine").unwrap();
    Folder::open(place.path(), false).unwrap();
    let head = Metadata { run: Some(Run { order: 7, ..Run::default() }), ..fixture::metadata() };
    record(place.path(), "run-004.hlog.zst", &head);
    record(place.path(), "other.hlog", &fixture::metadata());
    let error = refused(Folder::open(place.path(), false));
    assert!(error.contains("other.hlog") && error.contains("--append"), "{error}");
    let folder = Folder::open(place.path(), true).unwrap();
    assert_eq!((folder.last(), folder.count(), folder.order()), (4, 2, 7));
    assert_eq!(Folder::open(&place.path().join("none"), true).unwrap().last(), 0);
}

#[test]
fn what_is_no_folder_and_what_is_no_recording_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("run-001.hlog.zst");
    fs::write(&file, "text").unwrap();
    assert!(refused(Folder::open(&file, true)).contains("it is a file"));
    assert!(refused(Folder::open(&file.join("below"), true)).contains("below"));
    assert!(refused(Folder::open(place.path(), true)).contains("move it away"));
}

type Change = fn(&mut Metadata);

#[test]
fn only_the_same_thing_goes_on() {
    let place = tempfile::tempdir().unwrap();
    record(place.path(), "run-001.hlog.zst", &fixture::metadata());
    let folder = Folder::open(place.path(), true).unwrap();
    let with = |change: fn(&mut Metadata)| {
        let mut head = fixture::metadata();
        change(&mut head);
        folder.check(&head)
    };
    for same in [
        (|_| ()) as Change,
        |head| head.run = None,
        |head| head.conditions.load = Some(99.0),
        |head| head.machine.governor = Some("performance".to_owned()),
        |head| head.started_at = 5.0,
    ] {
        with(same).unwrap();
    }
    let others: [(Change, &str); 9] = [
        (|head| head.kernel.release = "6.1".to_owned(), "kernel release: 6.18.0-test | 6.1"),
        (|head| head.kernel.version = "#2".to_owned(), "kernel build"),
        (|head| head.kernel.config_digest = None, "configuration"),
        (|head| head.kernel.command_line = "nopti".to_owned(), "kernel command line"),
        (|head| head.plan.name = "amend".to_owned(), "plan: tracepoints | amend"),
        (|head| head.filters = vec!["-p 1".to_owned()], "filters"),
        (|head| head.command = vec!["false".to_owned()], "command"),
        (|head| head.divert = true, "--divert: false | true"),
        (|head| head.precision = 1, "precision: 2 | 1"),
    ];
    for (change, words) in others {
        let error = refused(with(change));
        assert!(error.contains(words) && error.contains("run-001.hlog.zst"), "{error}");
    }
}
