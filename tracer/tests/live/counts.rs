//! Counts of a workload whose calls are known to the last one: equal, not close.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::tempdir;
use vmtest::{
    cases::{self, Case},
    compare::{Report, compare},
    expect::Expectation,
};

use crate::{
    run::run,
    support::{argument, program, turn},
};

/// Of issue 2, "Shown by" 2.
const KNOWN: [&str; 6] =
    ["getppid=100000", "open-fail=1000", "kill-self=500", "fork=200", "exec=100", "int80=300"];

#[test]
fn a_known_workload_is_counted_exactly() {
    let Some(_turn) = turn("counts::a_known_workload_is_counted_exactly") else { return };
    let gate = runs_here("int80");
    let cases: Vec<String> =
        KNOWN.iter().filter(|case| gate || !case.starts_with("int80")).map(|&case| case.to_owned()).collect();
    traced(&cases);
}

#[test]
fn every_case_is_counted_exactly() {
    let Some(_turn) = turn("counts::every_case_is_counted_exactly") else { return };
    let (here, not): (Vec<&Case>, Vec<&Case>) = seen_right().partition(|case| runs_here(case.name));
    assert!(here.len() > not.len(), "most cases do not run here at all: {not:?}");
    eprintln!("not on this kernel: {:?}", not.iter().map(|case| case.name).collect::<Vec<_>>());
    traced(&here.into_iter().map(naturally).collect::<Vec<_>>());
}

#[test]
fn what_the_plan_cannot_see_right_is_survived() {
    let Some(_turn) = turn("counts::what_the_plan_cannot_see_right_is_survived") else { return };
    let beyond = cases::all().filter(|case| case.beyond_tracepoints && runs_here(case.name));
    let beyond: Vec<String> = beyond.map(naturally).collect();
    assert!(!beyond.is_empty(), "a tracer that rewrites registers runs on every kernel");
    let (want, text) = record(&[], &beyond.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(want.beyond_tracepoints);
    let comparison = compare(&want, &Report::parse(&text).expect("a report"));
    // Which path is not known, nor is a call that user dispatch keeps from the tracepoints; that nothing is lost, is.
    let lost = comparison.rows.iter().filter(|row| row.what.starts_with("loss") && !row.right());
    assert_eq!(lost.map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn counts_without_latencies_are_exact_too() {
    let Some(_turn) = turn("counts::counts_without_latencies_are_exact_too") else { return };
    let report = with_options(&["--counts-only"], &["getppid=20000", "open-fail=500", "fork=50"]);
    assert!(report["series"].as_array().unwrap().iter().all(|series| series["timed"] == 0), "{report}");
    assert_eq!(report["counts_only"], true);
    let attached = report["plan"]["attached"].to_string();
    assert!(!attached.contains("sys_enter"), "an entry program runs for nothing: {attached}");
}

#[test]
fn samples_are_of_exact_counts() {
    let Some(_turn) = turn("counts::samples_are_of_exact_counts") else { return };
    let report = with_options(&["--sample", "16"], &["getppid=160000", "open-fail=500"]);
    assert_eq!(report["sample"], 16);
    let series = report["series"].as_array().unwrap().iter().find(|one| one["syscall"] == "getppid");
    let timed = series.unwrap()["timed"].as_u64().unwrap();
    // 10,000 are expected, with a standard deviation below 100.
    assert!((9_000..11_000).contains(&timed), "{timed} of 160,000 were timed: not one in 16");
}

#[test]
fn one_digit_is_as_exact_in_counts() {
    let Some(_turn) = turn("counts::one_digit_is_as_exact_in_counts") else { return };
    let report = with_options(&["--precision", "1"], &["getppid=20000", "kill-self=50", "fork=20"]);
    assert_eq!(report["precision"], 1);
}

/// What the plan of this test counts exactly.
fn seen_right() -> impl Iterator<Item = &'static Case> {
    cases::all().filter(|case| !case.beyond_tracepoints)
}

fn naturally(case: &Case) -> String {
    format!("{}={}", case.name, case.natural)
}

/// Whether this kernel has what a case needs.
fn runs_here(case: &str) -> bool {
    let run = Command::new(program("workload")).arg(format!("{case}=1")).output();
    run.expect("the workload can be started").status.success()
}

fn traced(cases: &[String]) {
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    with_options(&[], &cases);
}

/// Traces a workload, and fails unless the report is what it did; the report.
fn with_options(options: &[&str], cases: &[&str]) -> Value {
    let (want, text) = record(options, cases);
    let comparison = compare(&want, &Report::parse(&text).expect("a report"));
    assert!(comparison.rows.len() > cases.len(), "nothing was compared");
    let wrong: Vec<String> =
        comparison.rows.iter().filter(|row| !row.right()).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    serde_json::from_str(&text).expect("a report")
}

/// Traces a workload: what it did, and the report.
fn record(options: &[&str], cases: &[&str]) -> (Expectation, String) {
    let folder = tempdir().expect("a folder of our own");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (expectation, report) = (path("expectation"), path("report"));
    let mut arguments = vec!["record", "--format", "json", "--output", &report];
    arguments.extend(options);
    let workload = argument("workload");
    arguments.extend(["--", &workload, "--expect", &expectation]);
    arguments.extend(cases);
    let outcome = run(&arguments);
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
    let read = |path: &str| fs::read_to_string(Path::new(path)).expect("it was written");
    (serde_json::from_str(&read(&expectation)).expect("an expectation"), read(&report))
}
