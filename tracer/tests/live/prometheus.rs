//! A real Prometheus scrapes a daemon that traces: it holds what the ring holds.
//!
//! The load is all that is traced, and pauses at the edges of what is compared: so both sides speak of the same calls.

#[path = "../fleet/server.rs"]
mod server;

use std::{
    collections::BTreeMap,
    env,
    io::Write as _,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use tracer::{
    daemon::exposition::native::{error_bound, growth},
    histogram::Precision,
    prometheus::Series,
};

use crate::{
    run::{Report, run},
    served::{Daemon, get},
    support::{exists, program, turn, within},
};
use server::{Server, now};

/// For the server that the tests share.
fn skip(test: &str, why: &str) {
    crate::support::skip::<()>(test, why);
}

/// Schema of the daemon's native histograms.
const SCHEMA: i8 = 5;
/// A quantile is compared where so many calls are timed.
const ENOUGH: u64 = 1000;
/// Growth of the classic histograms' buckets.
const CLASSIC: f64 = 4.0;

/// Mixed calls of threads called `loadgen`.
pub fn load(seconds: u64) {
    let mut command = Command::new(program("loadgen"));
    let status = command.args(["--threads", "2", "--seconds", &seconds.to_string()]).status();
    assert!(status.expect("it can be started").success());
}

/// The ring's report of a span of time, in seconds since the epoch.
pub fn report(daemon: &Daemon, from: f64, to: f64) -> Report {
    let ring = daemon.ring.path().to_str().expect("a name that is text");
    let [from, to] = [from, to].map(|at| format!("@{at:.3}"));
    run(&["report", ring, "--format", "json", "--from", &from, "--to", &to]).report()
}

type Key = (String, String, String);

fn key(of: impl Fn(&str) -> String) -> Key {
    (of("abi"), of("path"), of("syscall"))
}

fn asked(server: &Server, query: &str, at: f64) -> BTreeMap<Key, f64> {
    let answer = server.client().at(query, at).unwrap_or_else(|error| panic!("{query}: {error}"));
    let one = |series: &Series| {
        (key(|name| series.labels.get(name).cloned().unwrap_or_default()), series.values[0].1)
    };
    answer.iter().map(one).collect()
}

/// Each series' count of timed calls and a quantile in seconds, from a report.
fn timed(report: &Report, quantile: &str) -> BTreeMap<Key, (u64, f64)> {
    let of = |series: &serde_json::Value| {
        let count = series["timed"].as_u64().unwrap();
        let value = series["latency_ns"][quantile].as_f64()? * 1e-9;
        Some((key(|name| series[name].as_str().unwrap().to_owned()), (count, value)))
    };
    report.series().filter_map(of).collect()
}

/// Compares a quantile of all frequent series: how many there were, and the largest error.
fn compare(report: &Report, name: &str, answered: &BTreeMap<Key, f64>, bound: f64) -> (usize, f64) {
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (key, (_, ours)) in timed(report, name).into_iter().filter(|(_, (count, _))| *count >= ENOUGH) {
        let theirs = *answered.get(&key).unwrap_or_else(|| panic!("no {name} of {key:?}"));
        let error = (theirs / ours).max(ours / theirs) - 1.0;
        assert!(
            error <= bound,
            "{name} of {key:?}: {theirs} s of Prometheus, {ours} s of the ring, bound {bound}"
        );
        (compared, worst) = (compared + 1, worst.max(error));
    }
    assert!(compared >= 5, "only {compared} series have enough calls");
    (compared, worst)
}

#[test]
fn prometheus_holds_what_the_ring_holds() {
    let test = "prometheus::prometheus_holds_what_the_ring_holds";
    let Some(_turn) = turn(test) else { return };
    let daemon = Daemon::start(Daemon::command().args(["--comm", "loadgen", "--precision", "2"]));
    let targets = [(daemon.address, &[][..])];
    let Some(native) = Server::start(test, &targets, true) else { return };
    let Some(classic) = Server::start(test, &targets, false) else { return };
    let began = now();
    // So that there are series before the span that is asked for: an increase does not know what came before the first.
    load(1);
    sleep(Duration::from_secs(3));
    let from = now();
    let seconds = env::var("EXITPATH_PROMETHEUS_SECONDS").ok().and_then(|text| text.parse().ok());
    load(seconds.unwrap_or(6));
    let count = "sum(exitpath_syscall_duration_seconds_count)";
    let all =
        || -> u64 { timed(&report(&daemon, began - 60.0, now()), "p99").values().map(|one| one.0).sum() };
    let held =
        |server: &Server, query| server.ask(query).first().map_or(0.0, |series| series.values[0].1) as u64;
    let histograms = "sum(histogram_count(exitpath_syscall_duration_seconds))";
    let agree = || all() > 0 && held(&native, histograms) == all() && held(&classic, count) == all();
    assert!(within(30, agree), "{} {} {}", all(), held(&native, histograms), held(&classic, count));
    sleep(Duration::from_secs(1));
    let to = now();

    // Since the start: every count, and quantiles.
    let whole = report(&daemon, began - 60.0, to);
    whole.assert_nothing_lost();
    let counts = asked(&native, "histogram_count(exitpath_syscall_duration_seconds)", to);
    let classic_counts = asked(&classic, "exitpath_syscall_duration_seconds_count", to);
    let infinite = asked(&classic, r#"exitpath_syscall_duration_seconds_bucket{le="+Inf"}"#, to);
    for (key, (count, _)) in timed(&whole, "p99") {
        assert_eq!(
            [counts[&key], classic_counts[&key], infinite[&key]].map(|one| one as u64),
            [count; 3],
            "{key:?}"
        );
    }
    let returns = asked(&native, "exitpath_returns_total", to);
    assert_eq!(returns.values().sum::<f64>() as u64, whole.0["returns"].as_u64().unwrap());
    let bound = error_bound(SCHEMA, Precision::Two);
    for (quantile, name) in [("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99")] {
        let query = format!("histogram_quantile({quantile}, exitpath_syscall_duration_seconds)");
        let (compared, worst) = compare(&whole, name, &asked(&native, &query, to), bound);
        println!(
            "since the start: {name} of {compared} series within {:.2} %, bound {:.2} %",
            worst * 100.0,
            bound * 100.0
        );
    }
    let query = "histogram_quantile(0.99, exitpath_syscall_duration_seconds_bucket)";
    let coarse = CLASSIC * (1.0 + growth(SCHEMA) / 100.0);
    let (compared, worst) = compare(&whole, "p99", &asked(&classic, query, to), coarse - 1.0);
    println!("classic: p99 of {compared} series within a factor of {:.2}, bound {coarse:.2}", worst + 1.0);

    // Over a span, by time.
    let span = report(&daemon, from, to);
    assert!(span.0["returns"].as_u64() < whole.0["returns"].as_u64());
    let window = ((to - from) * 1e3) as u64;
    let query = format!("histogram_quantile(0.99, increase(exitpath_syscall_duration_seconds[{window}ms]))");
    let (compared, worst) = compare(&span, "p99", &asked(&native, &query, to), bound);
    println!(
        "over {:.0} s: p99 of {compared} series within {:.2} %, bound {:.2} %",
        to - from,
        worst * 100.0,
        bound * 100.0
    );
}

#[test]
fn promtool_has_nothing_to_say() {
    let test = "prometheus::promtool_has_nothing_to_say";
    let Some(_turn) = turn(test) else { return };
    if !exists("promtool") {
        skip(test, "no promtool: apt-get install prometheus");
        return;
    }
    let daemon = Daemon::start(Daemon::command().args(["--comm", "loadgen"]));
    load(1);
    sleep(Duration::from_secs(2));
    let text = get(daemon.address, "/metrics");
    assert!(String::from_utf8_lossy(&text).contains("exitpath_syscall_duration_seconds_bucket"));
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = check.spawn().expect("it exists");
    child.stdin.take().expect("a pipe").write_all(&text).expect("it reads");
    let output = child.wait_with_output().expect("our own child");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
