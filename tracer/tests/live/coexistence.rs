//! Another tracer keeps what it sees while ours is attached.

use std::process::Command;

use crate::{
    run::Tracer,
    support::{argument, exists, skip, turn},
};

/// `perf trace` needs tracefs, which the test mounts where nobody else sees it.
const SCRIPT: &str = "mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; \
                      exec perf trace -a -s -o \"$1\" -- \"$2\" getppid=100000";

/// Classic tracepoint programs that return 0 take every event away from perf, without a word.
#[test]
fn perf_sees_what_it_saw_before() {
    let test = "coexistence::perf_sees_what_it_saw_before";
    let Some(_turn) = turn(test) else { return };
    if !exists("perf") || !exists("unshare") {
        let _: Option<()> = skip(test, "no perf here: install what Debian calls linux-perf");
        return;
    }
    let Some(alone) = seen_by_perf() else {
        let _: Option<()> = skip(test, "perf trace does not work on this kernel");
        return;
    };
    let tracer = Tracer::json(&[]);
    let beside = seen_by_perf().expect("perf works without the tracer");
    let report = tracer.interrupt().report();
    assert!(report.returns("getppid") >= 100_000, "the tracer sees the loop as well");
    eprintln!("perf alone saw {alone} calls, beside the tracer {beside}");
    assert!(beside >= 99_000, "perf sees {beside} of 100,000 calls, and saw {alone} before");
}

/// How many getppid of the workload perf counts.
fn seen_by_perf() -> Option<u64> {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("perf");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT, "sh"]).arg(&file).arg(argument("workload"));
    let output = command.output().expect("unshare exists");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    // One block a process: name, calls, errors, times.
    let calls =
        |line: &str| line.trim().strip_prefix("getppid ")?.split_whitespace().next()?.parse::<u64>().ok();
    text.lines().filter_map(calls).max()
}
