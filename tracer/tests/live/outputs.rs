//! How a run ends and what it then says: exit codes of commands, Ctrl-C, labels, intervals.

use serde_json::Value;

use crate::{
    puppet::Puppet,
    run::{Report, Tracer, run},
    support::{argument, turn},
};

#[test]
fn the_commands_exit_code_is_passed_on() {
    let Some(_turn) = turn("outputs::the_commands_exit_code_is_passed_on") else { return };
    for (script, code) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        let outcome = run(&["record", "--", "sh", "-c", script]);
        assert_eq!((outcome.code(), &*outcome.stderr), (code, ""), "{script}");
        // Tracing begins behind the exec, with what the loader does.
        assert!(outcome.stdout.contains("mmap"), "{script}: {}", outcome.stdout);
    }
}

#[test]
fn a_command_that_outlives_the_time_is_ended() {
    let Some(_turn) = turn("outputs::a_command_that_outlives_the_time_is_ended") else { return };
    let since = std::time::Instant::now();
    let outcome = run(&["record", "-d", "0.5", "--format", "json", "--", "sleep", "30"]);
    assert!(since.elapsed().as_secs() < 10, "it waited for the command");
    assert!(outcome.report().returns("mmap") > 0, "{}", outcome.stdout);
}

#[test]
fn ctrl_c_prints_the_result() {
    let Some(_turn) = turn("outputs::ctrl_c_prints_the_result") else { return };
    let mut puppet = Puppet::new();
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let tracer = Tracer::record(&["-p", &puppet.argument()]);
        puppet.tell("calls 77");
        let outcome = tracer.end(signal);
        assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
        let row = outcome.stdout.lines().find(|line| line.starts_with("getppid"));
        assert!(row.is_some_and(|row| row.contains("77")), "{}", outcome.stdout);
    }
}

#[test]
fn a_sampled_table_says_so() {
    let Some(_turn) = turn("outputs::a_sampled_table_says_so") else { return };
    let sampled = run(&["record", "--sample", "16", "--", "true"]);
    assert!(sampled.stdout.contains("16"), "{}", sampled.stdout);
    assert!(sampled.stdout.contains("sample"), "{}", sampled.stdout);
    let whole = run(&["record", "--", "true"]);
    assert!(!whole.stdout.contains("sample"), "{}", whole.stdout);
}

#[test]
fn intervals_add_up_to_the_whole() {
    let Some(_turn) = turn("outputs::intervals_add_up_to_the_whole") else { return };
    let mut puppet = Puppet::new();
    let tracer = Tracer::json(&["-p", &puppet.argument(), "-i", "0.2"]);
    for _ in 0..5 {
        puppet.tell("calls 1000");
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    let outcome = tracer.interrupt();
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
    let objects: Vec<Report> = outcome
        .stdout
        .lines()
        .map(|line| Report(serde_json::from_str(line).expect("one object a line")))
        .collect();
    let (whole, intervals) = objects.split_last().expect("at least the whole");
    assert!(intervals.len() >= 3, "{} intervals", intervals.len());
    assert_eq!(whole.returns("getppid"), 5000);
    assert_eq!(intervals.iter().map(|one| one.returns("getppid")).sum::<u64>(), 5000);
}

#[test]
fn a_recording_gives_the_report_again() {
    let Some(_turn) = turn("outputs::a_recording_gives_the_report_again") else { return };
    let folder = tempfile::tempdir().expect("a folder of our own");
    let mut puppet = Puppet::new();
    for file in ["plain.hlog", "packed.hlog.gz", "packed.hlog.zst"] {
        let path = folder.path().join(file);
        let path = path.to_str().expect("text");
        let tracer = Tracer::json(&["-p", &puppet.argument(), "-o", path]);
        for command in ["calls 5000", "threads 4 500", "fail 30", "sleep 3 2", "children 2 5"] {
            puppet.tell(command);
        }
        // Longer than an interval, so that the recording has two.
        std::thread::sleep(std::time::Duration::from_millis(1200));
        puppet.tell("calls 100");
        let live = tracer.interrupt().report();
        let again = run(&["report", "--format", "json", path]).report();
        assert_eq!(live.returns("getppid"), 7100, "{file}");
        let Value::Object(parts) = &live.0 else { panic!("{live:?}") };
        for (key, part) in parts {
            // What the tracer cost, and when it ended, is measured once more at the end.
            if !matches!(key.as_str(), "own_cost" | "duration_ns") {
                assert_eq!(part, &again.0[key], "{file}: {key}");
            }
        }
    }
}

#[test]
fn diagnostics_are_said_beside_the_result() {
    let Some(_turn) = turn("outputs::diagnostics_are_said_beside_the_result") else { return };
    let workload = argument("workload");
    let outcome = run(&["record", "-v", "--format", "json", "--", &workload, "kill-self=5"]);
    assert_eq!(outcome.code(), 0);
    let signals = outcome.stderr.lines().filter(|line| line.starts_with("exitpath: kernel: signal"));
    assert_eq!(signals.count(), 5, "{}", outcome.stderr);
    let report = Report(serde_json::from_str(&outcome.stdout).expect("the report is one JSON object"));
    assert_eq!(report.returns("kill"), 5);
}
