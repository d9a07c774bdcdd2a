//! A profile, read by Google's pprof, which Go ships.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread::{sleep, spawn},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    prometheus::{load, report},
    served::{Daemon, get},
    support::{skip, turn},
};

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right").as_secs_f64()
}

/// Runs `go tool pprof` on a file.
fn pprof(arguments: &[&str], file: &str) -> String {
    let output =
        Command::new("go").args(["tool", "pprof"]).args(arguments).arg(file).output().expect("it exists");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// What a function has with all it calls, by name: `flat flat% sum% cum cum% name`.
fn cumulative(top: &str) -> BTreeMap<String, u64> {
    let number = |text: &str| text.trim_end_matches("ns").parse::<u64>().ok();
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        Some((words.get(5..)?.join(" "), number(words.get(3)?)?))
    };
    top.lines().filter_map(line).collect()
}

#[test]
fn googles_pprof_finds_the_totals_of_the_ring() {
    let test = "pprof::googles_pprof_finds_the_totals_of_the_ring";
    let Some(_turn) = turn(test) else { return };
    let found = Command::new("go").args(["tool", "pprof", "-h"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        skip::<()>(test, "no `go tool pprof`: apt-get install golang-go");
        return;
    }
    let daemon = Daemon::start(Daemon::command().args(["--comm", "loadgen"]));
    let (address, from) = (daemon.address, now());
    // The load lies inside the profile, and the ring's intervals around both.
    let loaded = spawn(|| {
        sleep(Duration::from_secs(1));
        load(1);
    });
    let profile = get(address, "/debug/pprof/syscalls?seconds=6");
    loaded.join().expect("the load ends");
    sleep(Duration::from_secs(2));
    let report = report(&daemon, from, now());
    let folder = tempfile::tempdir().expect("a folder of our own");
    let path = folder.path().join("syscalls.pb.gz");
    fs::write(&path, profile).expect("it can be written");
    let file = path.to_str().expect("a name that is text");

    let everything = ["-top", "-cum", "-nodecount=10000", "-nodefraction=0", "-edgefraction=0"];
    let calls = cumulative(&pprof(&[&everything[..], &["-sample_index=calls"]].concat(), file));
    let time = cumulative(&pprof(&[&everything[..], &["-sample_index=time", "-unit=ns"]].concat(), file));
    let sum = |of: fn(&serde_json::Value) -> u64| report.series().map(of).sum::<u64>();
    let ns = |series: &serde_json::Value| series["latency_ns"]["sum"].as_u64().unwrap_or(0);
    assert!(sum(|series| series["returns"].as_u64().unwrap()) > 1000, "{report:?}");
    assert_eq!(calls["[host]"], report.0["returns"].as_u64().unwrap());
    assert_eq!(time["[host]"], sum(ns));
    for call in report.calls() {
        let native = report.series().filter(|series| series["syscall"] == call && series["abi"] == "x86_64");
        let (mut returns, mut spent) = (0, 0);
        for series in native {
            returns += series["returns"].as_u64().unwrap();
            spent += ns(series);
        }
        if returns > 0 {
            assert_eq!((calls[call], time.get(call).copied().unwrap_or(0)), (returns, spent), "{call}");
        }
    }
    for (path, returns) in report.0["paths"].as_object().expect("paths") {
        assert_eq!(Some(calls.get(path).copied().unwrap_or(0)), returns.as_u64(), "{path}");
    }
}
