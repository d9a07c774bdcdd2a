//! A planted shift is found with hosts as what is counted, and none where there is none.

use std::process::{Command, Output};

use serde_json::Value;

use crate::{
    exporter::{Exporter, HOST, Made},
    server::{SCRAPE_MS, Server},
};

/// Scrapes of each host before it is asked for.
const SCRAPES: u32 = 30;

/// Hosts by side, each a few per mille from the others.
fn fleet(sides: [(&'static str, f64); 2], a_side: u64) -> Vec<(Exporter, &'static str)> {
    let host = |side: &(&'static str, f64), number: u64| {
        let seed = number + if side.0 == "6.1.0-test" { 0 } else { 100 };
        let temper = 1.0 + 0.004 * (((seed * 7) % 5) as f64 - 2.0);
        (Exporter::start(Made { release: side.0, shift: side.1, temper, seed, ..HOST }), side.0)
    };
    sides.iter().flat_map(|side| (0..a_side).map(move |number| host(side, number))).collect()
}

fn diff(server: &Server, base: &str, new: &str, more: &[&str]) -> Output {
    let range = format!("{}ms", u64::from(SCRAPES) * SCRAPE_MS);
    Command::new(env!("CARGO_BIN_EXE_exitpath"))
        .args(["diff", "--prometheus", &server.url, "--base", base, "--new", new, "--range", &range])
        .args(more)
        .env("NO_PROXY", "*")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn row<'a>(comparison: &'a Value, table: &str, name: &str) -> &'a Value {
    let rows = comparison[table].as_array().unwrap();
    let found = rows.iter().find(|row| row["syscall"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {table}: {rows:?}"))
}

/// What is refused, in one line.
fn refused(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), said.lines().count()), (Some(2), 0, 1), "{said}");
    said
}

#[test]
fn what_answers_another_question_is_refused_or_said() {
    let host = |plan, seed| Exporter::start(Made { plan, seed, ..HOST });
    let hosts =
        [host("tracepoints", 1), host("tracepoints", 2), host("final-hook", 3), host("final-hook", 4)];
    let targets: Vec<_> = hosts.iter().map(|host| (host.address, &[][..])).collect();
    let test = "what_answers_another_question_is_refused_or_said";
    let Some(server) = Server::start(test, &targets, true) else { return };
    crate::wait_for(&server, 4, SCRAPES);
    let (one, other) = (r#"plan="tracepoints""#, r#"plan="final-hook""#);
    let said = refused(&diff(&server, one, other, &[]));
    assert!(said.contains("cannot be compared: plan tracepoints | final-hook"), "{said}");
    let forced = json(&diff(&server, one, other, &["--force", "--format", "json"]));
    assert_eq!(forced["forced"][0]["what"], "plan");
    // Two hosts a side are too few, and a host is not two.
    assert_eq!(row(&forced, "service", "read")["because"], "2 hosts a side");
    let said = refused(&diff(&server, one, one, &[]));
    assert!(said.contains("are the same run"), "{said}");
    // Before and after on the same hosts are two runs of each.
    let again = json(&diff(&server, one, one, &["--base-at", "-2s", "--format", "json"]));
    assert_eq!([&again["base"]["runs"], &again["new"]["runs"]], [2, 2]);
    // Nobody is called so.
    let said = refused(&diff(&server, one, r#"instance="nobody""#, &[]));
    assert!(said.contains(r#"no host matches instance="nobody""#), "{said}");
    let said = refused(&diff(&server, one, "instance=", &[]));
    assert!(said.contains("the server refuses the query") && said.contains("parse error"), "{said}");
}

#[test]
fn a_shift_on_three_hosts_of_six_is_slower() {
    let hosts = fleet([("6.1.0-test", 1.0), ("6.12.0-test", 1.1)], 3);
    let targets: Vec<_> = hosts.iter().map(|(host, _)| (host.address, &[][..])).collect();
    let Some(server) = Server::start("a_shift_on_three_hosts_of_six_is_slower", &targets, true) else {
        return;
    };
    crate::wait_for(&server, 6, SCRAPES);
    let (base, new) = (r#"release="6.1.0-test""#, r#"{release="6.12.0-test"}"#);
    let said = json(&diff(&server, base, new, &["--format", "json"]));
    println!("{}", serde_json::to_string_pretty(&said).unwrap());
    assert_eq!((&said["method"]["unit"], &said["base"]["runs"]), (&Value::from("hosts"), &Value::from(3)));
    let verdict = |name| row(&said, "service", name)["verdict"].clone();
    assert_eq!(verdict("read"), "slower");
    for other in ["getppid", "openat", "kill"] {
        assert_ne!(verdict(other), "slower");
    }
    let table = diff(&server, base, new, &["--fail-on", "slower:5%"]);
    let text = String::from_utf8(table.stdout).unwrap();
    println!("{text}");
    assert_eq!(table.status.code(), Some(1));
    assert!(text.contains("3 hosts"), "{text}");
}
