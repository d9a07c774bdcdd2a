//! The dashboard and the rules of `contrib`, against a real Prometheus: every query is asked, and gives what it should.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    exporter::{Exporter, HOST, Made},
    server::Server,
};

/// Queries for what these hosts do not have: losses, returns without a name, a change of the kernel.
const EMPTY: [&str; 3] = ["exitpath_events_missed_total", "exitpath_folded_returns_total", "changes("];

fn contrib(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All queries of a dashboard, as Grafana asks them for all hosts.
fn queries(dashboard: &Value, found: &mut Vec<String>) {
    match dashboard {
        Value::Object(map) => {
            let expr = map.get("expr").and_then(Value::as_str);
            found.extend(expr.map(|expr| {
                let spans = expr.replace("$__rate_interval", "10s").replace("$__range", "10s");
                let spans =
                    spans.replace("[5m]", "[10s]").replace("[10m]", "[10s]").replace("[10m:1m]", "[10s:1s]");
                ["$job", "$instance", "$syscall"].iter().fold(spans, |text, name| text.replace(name, ".*"))
            }));
            map.values().for_each(|value| queries(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn every_query_of_the_dashboard_and_every_rule_has_an_answer() {
    let test = "every_query_of_the_dashboard_and_every_rule_has_an_answer";
    let hosts = [Exporter::start(HOST), Exporter::start(Made { release: "6.12.0-test", seed: 1, ..HOST })];
    let targets: Vec<_> = hosts.iter().map(|host| (host.address, &[][..])).collect();
    let Some(server) = Server::start(test, &targets, true) else { return };
    crate::wait_for(&server, 2, 20);
    let dashboard: Value = serde_json::from_str(&contrib("grafana/exitpath.json")).unwrap();
    let mut all = Vec::new();
    queries(&dashboard, &mut all);
    assert!(all.len() > 15, "{}", all.len());
    for query in &all {
        assert!(!query.contains('$'), "an unknown variable in {query}");
        let answer = server.ask(query);
        let may_be_empty = EMPTY.iter().any(|name| query.contains(name));
        assert!(may_be_empty || !answer.is_empty(), "nothing for {query}");
        let finite = answer.iter().flat_map(|series| &series.values).all(|value| value.1.is_finite());
        assert!(finite, "{query}: {answer:?}");
    }
    let recorded = [
        "instance_path:exitpath_returns:share5m",
        "instance_syscall_path:exitpath_returns:rate5m",
        "instance_syscall_path:exitpath_syscall_duration_seconds:mean5m",
        "instance_path:exitpath_syscall_duration_seconds:p99_5m",
        "instance_reason:exitpath_exit_reasons:rate5m",
        "instance:exitpath_events_missed:rate5m",
        "instance:exitpath_bpf_run:cpus",
    ];
    let rules = contrib("prometheus/rules.yml");
    assert_eq!(rules.matches("- record:").count(), recorded.len());
    for name in recorded {
        assert!(!server.ask(name).is_empty(), "{name} records nothing");
    }
    let shares: f64 =
        server.ask("sum(instance_path:exitpath_returns:share5m)").iter().map(|one| one.values[0].1).sum();
    assert!((shares - 2.0).abs() < 1e-6, "shares of two hosts add up to {shares}");
    // The hosts cost 0.25 % of a CPU and lose nothing.
    let firing = server.ask(r#"ALERTS{alertname!="ExitpathKernelChanged"}"#);
    assert!(firing.is_empty(), "{firing:?}");
}

#[test]
fn promtool_takes_the_rules() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/prometheus/rules.yml");
    match Command::new("promtool").args(["check", "rules"]).arg(file).output() {
        Err(_) => crate::skip("promtool_takes_the_rules", "no promtool: apt-get install prometheus"),
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
    }
}
