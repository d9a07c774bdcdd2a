//! `exitpath bench` as a process: formats, recordings that read back, exit codes, Ctrl-C. No figure is looked at.

use std::{
    fs,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tracer::{bench::list, recording};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exitpath"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

fn bench(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Few calls, and none that does not count but for one try.
const FEW: [&str; 6] = ["--calls", "1000", "--rounds", "4", "--warmup", "0"];

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&bench(&[arguments, &FEW, &["--format", "json"]].concat()))).unwrap()
}

/// The one line of an error, after the name of the tool.
fn refused(arguments: &[&str]) -> String {
    let output = bench(arguments);
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    text.strip_prefix("exitpath: ").unwrap().trim_end().to_owned()
}

#[test]
fn the_list_names_every_bench_and_its_path() {
    let text = stdout(&bench(&["--list"]));
    for bench in list::ALL {
        let line = text.lines().find(|line| line.split([' ', '*']).next() == Some(bench.name));
        assert!(line.is_some_and(|line| line.contains(bench.what)), "{}: {text}", bench.name);
    }
    assert_eq!(stdout(&bench(&["--list", "exec"])).lines().count(), 2);
}

#[test]
fn so_many_calls_are_made_and_said() {
    let report = json(&["null", "bad-nr", "thread-switch"]);
    assert_eq!(report["schema"], "exitpath.report/1");
    assert_eq!(report["plan"]["name"], "bench");
    assert_eq!((&report["returns"], &report["timed"]), (&3000.into(), &3000.into()));
    let bench = &report["bench"];
    assert_eq!(bench["rounds"], 4);
    let rows = bench["benches"].as_array().unwrap();
    // One try each; the switches end their partner in the try and in every round.
    for (row, name, untimed) in [(0, "null", 1), (1, "bad-nr", 1), (2, "thread-switch", 2 + 1 + 4)] {
        let row = &rows[row];
        assert_eq!((row["name"].as_str(), row["calls"].as_u64()), (Some(name), Some(1000)));
        assert_eq!(row["untimed_calls"], untimed, "{name}");
        let times = &row["batch_ns"];
        let time = |name: &str| times[name].as_f64().unwrap();
        assert!(0.0 < time("min") && time("min") <= time("p50") && time("p50") <= time("max"), "{times}");
    }
    let series = report["series"].as_array().unwrap();
    let bad = series.iter().find(|one| one["nr"] == 1000).unwrap();
    assert_eq!(bad["errors"]["ENOSYS"], 1000);
}

#[test]
fn a_recording_reads_back_round_by_round() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.hlog", "a.hlog.zst"] {
        let path = folder.path().join(name);
        let file = path.to_str().unwrap();
        let table = stdout(&bench(&[&["null", "fork", "-o", file][..], &FEW].concat()));
        assert!(table.contains("usecs/op") && !table.contains('\x1b'), "{table}");
        let read = recording::read(fs::File::open(&path).unwrap()).unwrap();
        assert!(read.cut.is_none() && read.unknown.is_empty());
        assert_eq!((read.metadata.plan.name.as_str(), read.intervals.len()), ("bench", 4));
        assert_eq!(read.metadata.command[..3], ["exitpath", "bench", "null"]);
        let report = Command::new(env!("CARGO_BIN_EXE_exitpath"))
            .args(["report", "--format", "json", file])
            .output()
            .unwrap();
        let report: Value = serde_json::from_str(&stdout(&report)).unwrap();
        // Each fork has a child, whose first return has no time.
        assert_eq!((&report["returns"], &report["timed"]), (&3000.into(), &2000.into()));
        assert_eq!(report["untimed"]["fork-child"], 1000);
        let loss = report["loss"].as_object().unwrap();
        assert!(loss.values().all(|count| count == 0), "{loss:?}");
    }
    let hlog = stdout(&bench(&[&["null", "--format", "hlog"][..], &FEW].concat()));
    assert_eq!(recording::read(hlog.as_bytes()).unwrap().intervals.len(), 4);
}

#[test]
fn the_ordinary_formats_have_the_same_numbers() {
    let csv = stdout(&bench(&[&["null", "--format", "csv"][..], &FEW].concat()));
    let row = csv.lines().nth(1).unwrap();
    assert!(row.contains("x86_64,110,getppid,") && row.contains(",1000,"), "{row}");
    let metrics = stdout(&bench(&[&["null", "--format", "openmetrics"][..], &FEW].concat()));
    assert!(metrics.contains("getppid") && metrics.ends_with("# EOF\n"), "{metrics}");
}

#[test]
fn every_run_is_a_recording_and_none_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let arguments =
        [&["null", "--runs", "2", "-o", runs.to_str().unwrap(), "--format", "csv"][..], &FEW].concat();
    assert_eq!(stdout(&bench(&arguments)).lines().count(), 4);
    for name in ["bench-1.hlog", "bench-2.hlog"] {
        let read = recording::read(fs::File::open(runs.join(name)).unwrap()).unwrap();
        assert_eq!(read.intervals.iter().map(tracer::snapshot::Snapshot::returns).sum::<u64>(), 1000);
    }
    let again = bench(&arguments);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8(again.stderr).unwrap().contains("bench-1.hlog is there already"));
}

#[test]
fn what_cannot_be_done_is_one_line() {
    assert!(refused(&["getpppid"]).contains("did you mean `getppid`?"));
    assert!(refused(&[""]).starts_with("there is no bench ``"));
    assert!(refused(&["--cpu", "60000"]).starts_with("cannot run on CPU 60000: it is not online"));
    assert!(refused(&["-o", "/nowhere/x.hlog"]).starts_with("cannot write /nowhere/x.hlog: "));
    assert!(refused(&["--runs", "2", "-o", "/dev/null/x"]).starts_with("cannot write into /dev/null/x: "));
    for arguments in [
        &["--calls", "0"][..],
        &["--calls", "5", "-d", "1"],
        &["--rounds", "0"],
        &["--warmup=-1"],
        &["--warmup", "x"],
        &["--runs", "2"],
        &["--cpu", "x"],
        &["--format", "xml"],
    ] {
        refused(arguments);
    }
}

/// The command under a filter that does `action` to getppid and lets everything else be.
fn sandboxed(action: u32, arguments: &[&str]) -> Output {
    // linux/bpf_common.h: load the number; skip the next unless it is getppid's; refuse; allow.
    let filter = |code: u16, jt: u8, jf: u8, k: u32| libc::sock_filter { code, jt, jf, k };
    let program = [
        filter(0x20, 0, 0, 0),
        filter(0x15, 0, 1, 110),
        filter(0x06, 0, 0, action),
        filter(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let mut command = command(arguments);
    // SAFETY: only system calls between fork and exec; the filter is the child's own copy.
    unsafe {
        command.pre_exec(move || {
            let program = libc::sock_fprog { len: 4, filter: program.as_ptr().cast_mut() };
            let allowed = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let set = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program);
            if (allowed, set) == (0, 0) { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
    command.output().unwrap()
}

#[test]
fn a_call_that_a_sandbox_refuses_is_skipped_with_the_reason() {
    let refusals = [
        (libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, "Operation not permitted"),
        (libc::SECCOMP_RET_KILL_PROCESS, "a seccomp filter kills whoever makes the call"),
    ];
    for (action, why) in refusals {
        let output = sandboxed(action, &[&["null", "getpgid"][..], &FEW].concat());
        let text = stdout(&output);
        let skipped = text.lines().find(|line| line.starts_with("skipped: null: "));
        assert!(skipped.is_some_and(|line| line.contains(why)), "{text}");
        assert!(
            text.contains("under seccomp") && text.lines().any(|line| line.starts_with("getpgid")),
            "{text}"
        );
        let none = sandboxed(action, &[&["null"][..], &FEW].concat());
        assert_eq!(none.status.code(), Some(2));
        let said = String::from_utf8(none.stderr).unwrap();
        assert!(said.contains("nothing can be run here: null: ") && said.contains("; try "), "{said}");
    }
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.hlog");
    let file = path.to_str().unwrap();
    let arguments = ["null", "sigreturn", "-d", "1000", "--rounds", "10000", "--warmup", "0", "-o", file];
    let child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !fs::read_to_string(&path).is_ok_and(|text| text.contains("\"interval\"")) {
        assert!(begun.elapsed() < Duration::from_mins(1), "no round came to its end");
        sleep(Duration::from_millis(10));
    }
    // SAFETY: our own child, which nobody has waited for yet.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().unwrap();
    assert!(stdout(&output).contains("getppid"));
    assert!(recording::read(fs::File::open(&path).unwrap()).unwrap().cut.is_none(), "it was finished");
}

#[test]
fn a_closed_pipe_and_a_full_disk() {
    let mut child = command(&[&["null"][..], &FEW].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    let full = refused(&[&["null", "--output", "/dev/full"][..], &FEW].concat());
    assert!(full.starts_with("cannot write /dev/full: the disk is full; "), "{full}");
    assert!(Path::new("/dev/full").exists());
}
