//! What `exitpath bench` says of its calls by construction, held against what the tracer sees of them.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use crate::{
    run::{exitpath, run},
    support::{EXITPATH, skip, turn},
};

/// Calls that runtimes make too: these are seen at least as often.
const SHARED: [&str; 3] = ["read", "write", "gettid"];

#[test]
fn every_call_leaves_by_the_path_it_is_made_for() {
    let Some(_turn) = turn("bench::every_call_leaves_by_the_path_it_is_made_for") else { return };
    let all: Vec<&str> = tracer::bench::list::ALL.iter().map(|bench| bench.name).collect();
    // It catches its context from a signal, whose return is the other one's path: alone.
    let (alone, others): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|name| *name == "sigreturn-iret");
    assert_eq!(held(&others) + held(&alone), tracer::bench::list::ALL.len());
}

/// Traces these benches, and compares; how many they were, run or not.
fn held(names: &[&str]) -> usize {
    let folder = tempdir().expect("a folder of our own");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (made, seen) = (path("made"), path("seen"));
    let mut arguments = vec!["record", "--format", "json", "--output", &seen, "--", EXITPATH, "bench"];
    arguments.extend(names);
    arguments
        .extend(["--calls", "400", "--rounds", "4", "--warmup", "0", "--format", "json", "--output", &made]);
    let outcome = run(&arguments);
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
    let read = |path: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(path).expect("it was written")).expect("a report")
    };
    let (made, seen) = (read(&made), read(&seen));
    let exact = seen["plan"]["fidelity"] != "bounds";
    let rows = made["bench"]["benches"].as_array().expect("rows");
    for row in rows {
        let name = row["name"].as_str().expect("a name");
        let said = series(&made, row, &row["path"]).expect("a bench is a series");
        let Some(got) = series(&seen, row, &row["path"]) else { panic!("{name} was not seen: {seen}") };
        let calls = row["calls"].as_u64().unwrap_or(0) + row["untimed_calls"].as_u64().unwrap_or(0);
        let returns = got["returns"].as_u64().expect("a number");
        if SHARED.contains(&row["syscall"].as_str().unwrap_or("")) {
            assert!(returns >= calls, "{name}: {returns} seen, {calls} made");
            continue;
        }
        assert_eq!(returns, calls, "{name}");
        if exact {
            for what in ["reasons", "causes", "errors"] {
                let of = |one: &Value, all: u64| -> Vec<(String, bool)> {
                    let counts = one[what].as_object().expect("counts by name");
                    counts.iter().map(|(name, count)| (name.clone(), *count == all)).collect()
                };
                let all = said["returns"].as_u64().expect("a number");
                assert_eq!(of(got, returns), of(said, all), "{name}: {what}");
            }
        }
    }
    let skipped = made["bench"]["skipped"].as_array().expect("a list");
    if !skipped.is_empty() {
        eprintln!("not on this kernel: {skipped:?}");
    }
    rows.len() + skipped.len()
}

#[test]
fn the_fast_path_can_be_taken_away() {
    let Some(_turn) = turn("bench::the_fast_path_can_be_taken_away") else { return };
    if tracer::session::handlers::kprobe_events::tracefs().is_none() {
        return skip("bench::the_fast_path_can_be_taken_away", "needs tracefs with kprobe_events")
            .unwrap_or(());
    }
    // Which way calls then take only a partial-frame kernel can show; that the event is there, every kernel.
    tracer::session::handlers::divert().expect("a syscall tracepoint can be switched on");
}

/// The series of a bench's call by a path.
fn series<'a>(report: &'a Value, row: &Value, path: &Value) -> Option<&'a Value> {
    let all = report["series"].as_array().expect("a report has series");
    all.iter().find(|one| one["abi"] == row["abi"] && one["nr"] == row["nr"] && one["path"] == *path)
}

#[test]
fn tracing_is_attached_in_every_round_and_its_cost_is_said() {
    let Some(_turn) = turn("bench::tracing_is_attached_in_every_round_and_its_cost_is_said") else { return };
    let output =
        exitpath(&["bench", "null", "--traced", "--calls", "20000", "--rounds", "2", "--format", "json"])
            .output()
            .expect("it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let bench = &report["bench"];
    assert!(bench["tracer"]["plan"].is_string(), "{bench}");
    let conditions: Vec<_> =
        bench["benches"].as_array().expect("rows").iter().map(|row| &row["condition"]).collect();
    assert_eq!(conditions, ["bare", "traced"]);
    let against = &bench["against_bare"][0];
    assert_eq!((&against["rounds"], &against["condition"]), (&2.into(), &"traced".into()));
    // Programs on a call's way cannot make it faster; two rounds tell no more.
    assert!(against["added_ns"].is_f64() && against["ratio"].is_f64(), "{against}");
    // What is recorded is the bare calls.
    assert_eq!(report["returns"], 20_000);
}
