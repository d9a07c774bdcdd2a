//! The object, literally, and its documentation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::object;
use crate::report::{
    Grouping, Report, View,
    fixture::{in_flight, metadata, report},
};

#[test]
fn the_whole_object() {
    insta::assert_json_snapshot!(object(&report(&View::default()).with_in_flight(in_flight())));
}

#[test]
fn nothing_measured_is_null_or_empty() {
    let nothing = Report::new(&metadata(), &crate::snapshot::Snapshot::default(), &View::default());
    let object = object(&nothing);
    assert_eq!(object["series"], serde_json::json!([]));
    assert_eq!(object["own_cost"]["ns_per_call"], Value::Null);
    assert_eq!(object["loss"].as_object().unwrap().len(), tracer_common::Loss::COUNT);
    assert!(object.get("in_flight").is_none());
    let untimed = super::object(&report(&View::default()));
    let clone = untimed["series"].as_array().unwrap().iter().find(|one| one["syscall"] == "clone").unwrap();
    assert_eq!(clone["latency_ns"], Value::Null);
}

/// Keys whose members are names of things, not keys of the schema.
const MAPS: [&str; 9] =
    ["paths", "reasons", "causes", "errors", "loss", "untimed", "turnaround_ns", "mitigations", "config"];

fn keys(value: &Value, map: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if !map {
                    found.insert(key.clone());
                }
                keys(member, MAPS.contains(&key.as_str()) && !map, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, false, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_documented() {
    let manual = include_str!("../../../../docs/JSON.md");
    let mut found = BTreeSet::new();
    for grouping in [Grouping::SyscallPath, Grouping::Syscall, Grouping::Path] {
        let view = View { grouping, ..View::default() };
        keys(&object(&report(&view).with_in_flight(in_flight())), false, &mut found);
    }
    assert!(found.len() > 50, "{found:?}");
    for key in found {
        assert!(manual.contains(&format!("`{key}`")), "docs/JSON.md does not mention `{key}`");
    }
    assert!(manual.contains(super::SCHEMA));
}
