//! What each path answers.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use prost::Message as _;
use serde_json::Value;
use tracer::{
    daemon::{exposition::proto::MetricFamily, pprof::Profile},
    recording,
};

use crate::{
    client::{ask, get},
    served::{RETURNS, Served, options, skip},
};

const NATIVE: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

#[test]
fn every_path_has_its_type_and_nothing_else_is_there() {
    let served = Served::new();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/snapshot", "application/json"),
        ("/history", "application/json"),
        ("/debug/pprof/syscalls", "application/octet-stream"),
    ] {
        let reply = get(served.address, path);
        assert_eq!((reply.status, &*reply.headers["content-type"]), (200, kind), "{path}");
        assert_eq!(reply.headers["content-length"], reply.body.len().to_string(), "{path}");
        assert!(reply.headers["content-security-policy"].starts_with("default-src 'none'"), "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        let head = ask(served.address, "HEAD", path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
    for path in
        ["/metrics/", "/etc/passwd", "/../../etc/passwd", "//", "/%2e%2e/", "/snapshot.json", "/debug/pprof/"]
    {
        assert_eq!(get(served.address, path).status, 404, "{path}");
    }
    for path in [
        "/snapshot?seconds=-1",
        "/snapshot?by=x",
        "/snapshot?format=xml",
        "/snapshot?top=0",
        "/debug/pprof/syscalls?seconds=9e9",
    ] {
        let reply = get(served.address, path);
        assert_eq!(reply.status, 400, "{path}");
        assert_eq!(reply.text().lines().count(), 1);
    }
}

fn counters(text: &str) -> Vec<(String, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter(|line| line.contains("_total") || line.contains("_bucket") || line.contains("_count"))
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
        .collect()
}

#[test]
fn counters_only_grow() {
    let served = Served::new();
    let before = counters(&get(served.address, "/metrics").text());
    std::thread::sleep(std::time::Duration::from_millis(350));
    let after: std::collections::BTreeMap<_, _> =
        counters(&get(served.address, "/metrics").text()).into_iter().collect();
    for (name, value) in &before {
        assert!(after[name] >= *value, "{name}");
    }
    let returns = |all: &mut dyn Iterator<Item = (&String, &f64)>| -> f64 {
        all.filter(|(name, _)| name.starts_with("exitpath_returns_total")).map(|(_, value)| value).sum()
    };
    let now = returns(&mut after.iter());
    assert!(now > returns(&mut before.iter().map(|(name, value)| (name, value))), "{now}");
    assert!(now % (RETURNS as f64) < 0.5, "{now}: whole readings");
}

#[test]
fn scrapers_get_native_histograms_if_they_ask() {
    let served = Served::new();
    let reply = ask(served.address, "GET", "/metrics", &[("Accept", NATIVE)]);
    let mut rest = &*reply.body;
    let mut families = Vec::new();
    while !rest.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut rest).expect("a family"));
    }
    let durations =
        families.iter().find(|one| one.name() == "exitpath_syscall_duration_seconds").expect("latencies");
    let histogram = durations.metric[0].histogram.as_ref().expect("a histogram");
    assert_eq!(histogram.schema, Some(5));
    assert!(!histogram.positive_span.is_empty() && histogram.bucket.len() == 15);
    let open =
        ask(served.address, "GET", "/metrics", &[("Accept", "application/openmetrics-text;version=1.0.0")]);
    assert!(open.text().ends_with("# EOF\n"));
    for odd in ["application/vnd.google.protobuf;;;;", "\u{1}", "*/*;q=NaN", &"a,".repeat(3000)] {
        let reply = ask(served.address, "GET", "/metrics", &[("Accept", odd)]);
        assert!(matches!(reply.status, 200 | 400), "{odd:?}: {}", reply.status);
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        skip(
            "routes::promtool_finds_nothing_to_say",
            "no promtool here: install what Debian calls prometheus",
        );
        return;
    };
    let served = Served::new();
    tool.stdin.take().unwrap().write_all(&get(served.address, "/metrics").body).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn a_snapshot_is_a_report_and_a_recording() {
    let served = Served::new();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let json: Value =
        serde_json::from_slice(&get(served.address, "/snapshot?seconds=60&by=path&top=1").body).unwrap();
    assert_eq!(
        (json["schema"].as_str(), json["grouping"].as_str()),
        (Some("exitpath.report/1"), Some("path"))
    );
    assert_eq!(json["series"].as_array().unwrap().len(), 1);
    assert!(json["returns"].as_u64().unwrap() >= RETURNS);
    let points: Value = serde_json::from_slice(&get(served.address, "/history").body).unwrap();
    assert!(points.as_array().unwrap().len() >= 2, "{points}");
    let bytes = get(served.address, "/snapshot?format=hlog&seconds=60").body;
    let recording = recording::read(&*bytes).unwrap();
    assert!(recording.cut.is_none() && recording.intervals.len() >= 2);
    assert!(recording.intervals.iter().all(|one| one.returns() == RETURNS));
}

#[test]
fn a_recording_of_a_window_comes_from_the_ring() {
    let folder = tempfile::tempdir().unwrap();
    let served =
        Served::with(tracer::daemon::options::Options { ring: Some(folder.path().to_owned()), ..options() });
    std::thread::sleep(std::time::Duration::from_millis(500));
    let bytes = get(served.address, "/snapshot?format=hlog&seconds=3600").body;
    let all = recording::read(&*bytes).unwrap().intervals.len();
    assert!(all >= 3, "{all}");
    let bytes = get(served.address, "/snapshot?format=hlog&seconds=0.25").body;
    let some = recording::read(&*bytes).unwrap().intervals.len();
    assert!(some >= 1 && some < all, "{some} of {all}");
}

#[test]
fn a_profile_is_of_the_seconds_it_was_asked_for() {
    let served = Served::new();
    let profile = |path: &str| {
        let mut bytes = Vec::new();
        let packed = get(served.address, path).body;
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
        Profile::decode(&*bytes).unwrap()
    };
    let calls = |profile: &Profile| profile.sample.iter().map(|one| one.value[0]).sum::<i64>() as u64;
    let some = profile("/debug/pprof/syscalls?seconds=0.3");
    assert!(calls(&some) >= 2 * RETURNS && calls(&some) % RETURNS == 0, "{}", calls(&some));
    assert!(some.duration_nanos >= 300_000_000);
    let all = profile("/debug/pprof/syscalls");
    assert!(calls(&all) > calls(&some));
}
