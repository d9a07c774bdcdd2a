//! What cannot be done is said in one line with its remedy, and by the exit code.

use std::{
    fs::{self, File},
    process::Stdio,
};

use tempfile::tempdir;

use crate::{
    run::{Outcome, exitpath, run},
    support::turn,
};

/// One line on stderr, nothing on stdout, no trace of the program's inside.
pub fn assert_one_line(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code(), code, "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", outcome.stderr);
    for inside in ["panicked", "backtrace", "RUST_"] {
        assert!(!lines[0].contains(inside), "{}", lines[0]);
    }
    for word in words {
        assert!(lines[0].contains(word), "`{}` does not say `{word}`", lines[0]);
    }
}

#[test]
fn impossible_requests_are_refused() {
    let Some(_turn) = turn("errors::impossible_requests_are_refused") else { return };
    let own = std::process::id().to_string();
    let cases: [(&[&str], &[&str]); 14] = [
        (&["-e", "getppidd"], &["getppidd", "getppid"]),
        (&["-e", "%nosuchclass"], &["nosuchclass"]),
        (&["-e", "99999"], &["99999"]),
        (&["-p", "999999999"], &["999999999"]),
        (&["-p", "x"], &["x"]),
        (&["--errno", "ENOSUCH"], &["ENOSUCH"]),
        (&["--min-latency", "5parsecs"], &["parsecs"]),
        (&["-f"], &["-p"]),
        (&["--counts-only", "--min-latency", "1ms"], &["--min-latency"]),
        (&["--counts-only", "--sample", "4"], &["--sample"]),
        (&["--precision", "3"], &["3"]),
        (&["--cgroup", "/no/such/group"], &["/no/such/group"]),
        (&["--output", "/no/such/folder/file"], &["/no/such/folder/file"]),
        (&["-o", "/no/such/folder/file.hlog"], &["/no/such/folder/file.hlog"]),
    ];
    for (arguments, words) in cases {
        let outcome = run(&[&["record", "-d", "0.1"], arguments].concat());
        assert_one_line(&outcome, 2, words);
    }
    assert_one_line(&run(&["record", "-p", &own, "--", "true"]), 2, &["-p"]);
    assert_one_line(&run(&["record", "--", ""]), 2, &["command"]);
    assert_one_line(&run(&["record", "-d", "0.1", "--"]), 2, &["command"]);
    assert_one_line(&run(&["report", "/no/such/file.hlog"]), 2, &["/no/such/file.hlog"]);
}

#[test]
fn a_command_that_cannot_run_gives_the_shells_code() {
    let Some(_turn) = turn("errors::a_command_that_cannot_run_gives_the_shells_code") else { return };
    assert_one_line(&run(&["record", "--", "no-such-program"]), 127, &["no-such-program"]);
    assert_one_line(&run(&["record", "--", "/dev/null"]), 126, &["/dev/null"]);
}

#[test]
fn foreign_and_cut_files_are_told_apart() {
    let Some(_turn) = turn("errors::foreign_and_cut_files_are_told_apart") else { return };
    let folder = tempdir().expect("a folder of our own");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    fs::write(path("foreign"), "some text\n").expect("it can be written");
    assert_one_line(&run(&["report", &path("foreign")]), 2, &["foreign"]);
    let file = path("whole.hlog");
    let made = run(&["record", "-d", "1", "-i", "0.2", "-o", &file, "--output", "/dev/null"]);
    assert_eq!((made.code(), &*made.stderr), (0, ""));
    let whole = fs::read(&file).expect("it was written");
    fs::write(&file, &whole[..whole.len() * 2 / 3]).expect("it can be written");
    let cut = run(&["report", &file]);
    assert_eq!(cut.code(), 0, "{}", cut.stderr);
    assert_eq!(cut.stderr.lines().count(), 1, "a cut file is said to be cut: {}", cut.stderr);
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let Some(_turn) = turn("errors::a_full_disk_is_an_error_and_a_closed_pipe_is_none") else { return };
    let full = File::create("/dev/full").expect("Linux has one");
    let output = exitpath(&["record", "-d", "0.3"]).stdout(full).stderr(Stdio::piped()).output();
    let output = output.expect("the tracer can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code != 0), "the result is lost: {stderr}");
    assert!(stderr.lines().count() == 1 && stderr.contains("space"), "{stderr}");
    for option in ["--output", "-o"] {
        let outcome = run(&["record", "-d", "0.3", option, "/dev/full"]);
        assert_ne!(outcome.code(), 0, "{option}: the result is lost");
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    }
    // The reader is gone before anything is written.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output =
        exitpath(&["record", "-d", "0.3", "-i", "0.1"]).stdout(writer).stderr(Stdio::piped()).output();
    let output = output.expect("the tracer can be started");
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}
