//! Reports that are right, and each way of being wrong.

use serde_json::{Value, json};

use super::{Comparison, Report, compare};
use crate::cases;
use crate::expect::Expectation;

fn want(runs: &[&str]) -> Expectation {
    let runs: Vec<_> = runs.iter().map(|run| cases::parse(run).expect("a case")).collect();
    Expectation::of(&runs)
}

fn report(series: &Value) -> Value {
    json!({ "schema": "exitpath.report/1", "series": series, "loss": { "no-start": 0, "slot-full": 0 } })
}

fn check(runs: &[&str], report: &Value) -> Comparison {
    compare(&want(runs), &Report::parse(&report.to_string()).expect("a report"))
}

fn wrong(comparison: &Comparison) -> Vec<String> {
    comparison.rows.iter().filter(|row| !row.right()).map(ToString::to_string).collect()
}

fn series(nr: i64, path: &str, returns: u64) -> Value {
    json!({ "abi": "x86_64", "nr": nr, "syscall": "ignored", "path": path, "returns": returns, "timed": 0 })
}

#[test]
fn equal_counts_are_right_and_other_calls_are_ignored() {
    let got = check(&["getppid=1000"], &report(&json!([series(110, "sysret", 1000), series(0, "iret", 7)])));
    assert_eq!(
        got.to_string(),
        "ok     x86_64 getppid sysret 1000\nok     loss no-start 0\nok     loss slot-full 0\n"
    );
    assert_eq!(got.wrong(), 0);
}

#[test]
fn one_more_or_less_is_wrong() {
    for n in [999, 1001] {
        let got = check(&["getppid=1000"], &report(&json!([series(110, "sysret", n)])));
        assert_eq!(wrong(&got), [format!("WRONG  x86_64 getppid sysret got {n} want 1000")]);
    }
}

#[test]
fn a_missing_series_counts_as_none() {
    assert_eq!(check(&["getppid=1"], &report(&json!([]))).wrong(), 1);
}

#[test]
fn a_return_on_an_unexpected_path_is_wrong_twice() {
    let got = check(&["getppid=1000"], &report(&json!([series(110, "sysret", 999), series(110, "iret", 1)])));
    assert_eq!(
        wrong(&got),
        ["WRONG  x86_64 getppid sysret got 999 want 1000", "WRONG  x86_64 getppid iret got 1 want 0"]
    );
}

#[test]
fn the_abi_tells_calls_apart() {
    let mut gate = series(64, "iret", 3);
    gate["reasons"] = json!({ "int80": 3 });
    assert_eq!(check(&["int80=3"], &report(&json!([gate]))).wrong(), 2, "64-bit 64 is semget");
    gate["abi"] = json!("i386");
    assert_eq!(check(&["int80=3"], &report(&json!([gate]))).wrong(), 0);
}

#[test]
fn labels_are_equal_where_all_returns_carry_them() {
    let mut kill = series(62, "iret", 5);
    let rest = series(15, "sysret", 5);
    kill["causes"] = json!({ "signal": 4, "ptrace": 1 });
    let got = check(&["kill-self=5"], &report(&json!([kill, rest])));
    assert_eq!(wrong(&got), ["WRONG  x86_64 kill iret cause signal got 4 want 5"]);
    kill["causes"] = json!({ "signal": 6 });
    assert_eq!(check(&["kill-self=5"], &report(&json!([kill, rest]))).wrong(), 1);
    kill["causes"] = json!({ "signal": 5 });
    assert_eq!(check(&["kill-self=5"], &report(&json!([kill, rest]))).wrong(), 0);
}

#[test]
fn labels_are_a_lower_bound_where_only_some_carry_them() {
    // write-null opens /dev/null once without an error; open-fail fails each time.
    let runs = ["write-null=2", "open-fail=3"];
    for (failed, wrong) in [(2, 1), (3, 0), (4, 0)] {
        let mut open = series(2, "sysret", 4);
        open["errors"] = json!({ "ENOENT": failed });
        assert_eq!(check(&runs, &report(&json!([open, series(1, "sysret", 2)]))).wrong(), wrong);
    }
}

#[test]
fn every_loss_is_wrong() {
    let mut lossy = report(&json!([series(110, "sysret", 1)]));
    lossy["loss"]["slot-full"] = json!(1);
    assert_eq!(wrong(&check(&["getppid=1"], &lossy)), ["WRONG  loss slot-full got 1 want 0"]);
}

#[test]
fn only_schema_1_is_read() {
    for (schema, read) in [
        ("exitpath.report/1", true),
        ("exitpath.report/1.2", true),
        ("exitpath.report/10", false),
        ("exitpath.report/2", false),
    ] {
        let mut other = report(&json!([]));
        other["schema"] = json!(schema);
        assert_eq!(Report::parse(&other.to_string()).is_ok(), read, "{schema}");
    }
    assert!(Report::parse("{}").is_err());
}

#[test]
fn a_sigreturn_that_nobody_paired_has_no_latency() {
    let mut said = report(&json!([series(62, "iret", 20), series(15, "sysret", 20)]));
    said["untimed"] = json!({ "in-flight-at-start": 20, "fork-child": 1 });
    assert_eq!(
        wrong(&check(&["kill-self=20"], &said)).last().map(String::as_str),
        Some("WRONG  untimed in-flight-at-start got 20 want 0")
    );
    // Where nothing sets a number, a call may have been in flight.
    said["series"] = json!([series(110, "sysret", 20)]);
    assert_eq!(wrong(&check(&["getppid=20"], &said)), [""; 0]);
}
