//! `exitpath doctor` says the truth about the machine it runs on: what it chooses is what `record` does, and trying
//! leaves nothing behind.
//!
//! The guests' texts are compared byte by byte (`cargo xtask vm -- guest-doctor`). Which machine runs this test is not
//! known, so only what must hold on any is asked here.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use vmtest::bpf::{held, ids};

use crate::{
    run::run,
    support::{turn, within},
};

fn doctor(arguments: &[&str]) -> Value {
    let mut words = vec!["doctor", "--json"];
    words.extend(arguments);
    let outcome = run(&words);
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
    serde_json::from_str(&outcome.stdout).expect("one JSON object")
}

/// Where a plan's programs are. Which program it is depends on memory too: precision decides.
fn hooks(plan: &Value) -> Vec<&str> {
    let attached = plan["attached"].as_array().expect("a list");
    attached.iter().filter_map(|one| Some(one.as_str()?.split_once('@')?.1)).collect()
}

#[test]
fn doctor_chooses_what_record_does() {
    let Some(_turn) = turn("doctor::doctor_chooses_what_record_does") else { return };
    let told = doctor(&[]);
    let report = run(&["record", "-d", "0.1", "--format", "json"]).report();
    assert_eq!(told["chosen"]["name"], report.0["plan"]["name"], "{told:#}");
    assert_eq!(hooks(&told["chosen"]), hooks(&report.0["plan"]), "{told:#}");
    let plans = told["plans"].as_array().expect("a list");
    for plan in plans {
        assert!(plan["works"] != "yes" || plan["tried"] == true, "promised without trying: {plan}");
    }
    let first = plans.iter().find(|plan| plan["works"] == "yes").expect("root can trace");
    assert_eq!(first["name"], told["chosen"]["name"], "the first that works is chosen");
}

#[test]
fn facts_only_tries_nothing() {
    let Some(_turn) = turn("doctor::facts_only_tries_nothing") else { return };
    let told = doctor(&["--facts-only"]);
    assert!(told["plans"].as_array().expect("a list").iter().all(|plan| plan["tried"] == false), "{told:#}");
}

#[test]
fn trying_leaves_nothing() {
    let Some(_turn) = turn("doctor::trying_leaves_nothing") else { return };
    let before = ids::all().expect("root may list them");
    doctor(&[]);
    // What other processes made meanwhile is held by them; the kernel frees objects a little later.
    let left = || {
        let others = held::by_anybody();
        let mut all = ids::all().expect("root may list them");
        all.retain(|id| !before.contains(id) && !others.contains(id));
        all
    };
    sleep(Duration::from_millis(10));
    assert!(within(10, || left().is_empty()), "still in the kernel: {:?}", left());
}
