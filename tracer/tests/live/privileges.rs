//! What the tracer needs: two capabilities; without them it says so. And that it gives up what it has, once it is
//! attached.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::{
    errors::assert_one_line,
    run::{Outcome, Tracer, run},
    served::Daemon,
    support::{EXITPATH, exists, skip, turn, within},
};

const NOBODY: u32 = 65_534;
/// Sets of capabilities, by their numbers in include/uapi/linux/capability.h.
const SYS_ADMIN: u64 = 1 << 21;
const BOTH: u64 = 1 << 38 | 1 << 39;

/// A copy of the tracer that everybody may execute: nobody may look into the folder it was built in.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("exitpath").tempdir().expect("a folder of our own");
        let copy = Self(folder);
        fs::copy(EXITPATH, copy.path()).expect("the program can be copied");
        for path in [copy.0.path().to_owned(), copy.path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        copy
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("exitpath")
    }
}

#[test]
fn without_privileges_one_line_says_what_is_needed() {
    let Some(_turn) = turn("privileges::without_privileges_one_line_says_what_is_needed") else { return };
    let copy = Copy::new();
    for arguments in [&["record", "-d", "0.1"][..], &["record", "--", "true"]] {
        let mut command = Command::new(copy.path());
        let command = command.args(arguments).uid(NOBODY).gid(NOBODY).current_dir("/");
        let outcome = Outcome::of(command.output().expect("the tracer can be started"));
        assert_one_line(&outcome, 3, &["root", "CAP_BPF", "CAP_PERFMON"]);
    }
}

/// The tracer as an ordinary user with the two capabilities and no others; nothing where there is no setpriv.
fn with_two(copy: &Copy, test: &str) -> Option<Command> {
    if !exists("setpriv") {
        return skip(test, "no setpriv here: install what Debian calls util-linux");
    }
    let mut command = Command::new("setpriv");
    let capabilities = "-all,+bpf,+perfmon";
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    for sets in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
        command.args([sets, capabilities]);
    }
    command.arg(copy.path()).current_dir("/");
    Some(command)
}

#[test]
fn two_capabilities_are_enough() {
    let test = "privileges::two_capabilities_are_enough";
    let Some(_turn) = turn(test) else { return };
    let copy = Copy::new();
    let Some(mut command) = with_two(&copy, test) else { return };
    command.args(["record", "--format", "json", "--", "sh", "-c", "exit 0"]);
    let report = Outcome::of(command.output().expect("setpriv exists")).report();
    assert!(report.returns("mmap") > 0, "{report:?}");
    report.assert_nothing_lost();
}

/// The sets of a process that it can use or come to use, as numbers; and whether it may gain any.
fn sets(pid: u32) -> (Vec<u64>, bool) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(line.expect("every kernel here shows it").trim(), 16).expect("hexadecimal")
    };
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"].map(field).to_vec();
    (sets, field("NoNewPrivs:") == 0)
}

/// The first child of a process with this name.
fn child(pid: u32, name: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let mut children = children.split_whitespace().filter_map(|child| child.parse().ok());
    children.find(|child: &u32| {
        fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm.trim_end() == name)
    })
}

#[test]
fn an_attached_tracer_has_no_capability() {
    let test = "privileges::an_attached_tracer_has_no_capability";
    let Some(_turn) = turn(test) else { return };
    let none = (vec![0; 4], false);

    let tracer = Tracer::json(&[]);
    let pid = tracer.pid();
    assert!(within(10, || sets(pid) == none), "{:x?}", sets(pid));
    // What may turn the statistics on can do nothing else, and is still there when the first window has closed.
    let keeper = child(pid, "exitpath-stats").expect("root's tracer has one");
    assert_eq!(sets(keeper), (vec![0, SYS_ADMIN, SYS_ADMIN, 0], false));
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(child(pid, "exitpath-stats"), Some(keeper), "it was killed by its own filter");
    let report = tracer.interrupt().report();
    assert!(report.0["own_cost"]["runs"].as_u64() > Some(0), "{}", report.0["own_cost"]);
    assert!(within(10, || !fs::exists(format!("/proc/{keeper}")).unwrap_or(true)), "it outlived its tracer");

    let copy = Copy::new();
    let Some(mut command) = with_two(&copy, test) else { return };
    let tracer = Tracer::start(command.args(["record", "--format", "json", "-i", "0.1"]));
    let pid = tracer.pid();
    assert!(within(10, || sets(pid) == none), "{:x?}", sets(pid));
    let outcome = tracer.interrupt();
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
}

#[test]
fn a_command_keeps_the_rights_of_who_starts_it() {
    let Some(_turn) = turn("privileges::a_command_keeps_the_rights_of_who_starts_it") else { return };
    let copy = Copy::new();
    let file = copy.0.path().join("report.json");
    let file = file.to_str().expect("text");
    let words = ["record", "--format", "json", "--output", file, "--", "cat", "/proc/self/status"];
    let outcome = run(&words);
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
    let ours = fs::read_to_string("/proc/self/status").expect("every process has one");
    let sets = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("Cap") || line.starts_with("NoNew"))
            .map(String::from)
            .collect()
    };
    assert_eq!(sets(&outcome.stdout), sets(&ours));
    assert!(fs::metadata(file).is_ok(), "the result has its name");
}

/// root, who is nothing without its capabilities: a folder and a command of another user's.
#[test]
fn what_the_end_needs_is_kept() {
    let test = "privileges::what_the_end_needs_is_kept";
    let Some(_turn) = turn(test) else { return };
    if !exists("setpriv") {
        let _: Option<()> = skip(test, "no setpriv here: install what Debian calls util-linux");
        return;
    }
    let copy = Copy::new();
    std::os::unix::fs::chown(copy.0.path(), Some(NOBODY), Some(NOBODY)).expect("we are root");
    let file = copy.0.path().join("report.json");
    let file = file.to_str().expect("text");
    let mut words = vec!["record", "-d", "0.3", "--format", "json", "--output", file, "--"];
    words.extend(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "sleep", "60"]);
    let outcome = run(&words);
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
    assert!(fs::metadata(file).is_ok(), "the result has its name");
}

fn seccomp(pid: u32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("Seccomp:"))?.trim().to_owned())
}

/// It traces and serves, and can do nothing else any more.
#[test]
fn a_daemon_closes_the_door_behind_itself() {
    let test = "privileges::a_daemon_closes_the_door_behind_itself";
    let Some(_turn) = turn(test) else { return };
    let copy = Copy::new();
    let Some(mut command) = with_two(&copy, test) else { return };
    let daemon = Daemon::owned(command.arg("daemon"), Some(NOBODY));
    assert_eq!(sets(daemon.pid()), (vec![0; 4], false));
    assert_eq!(seccomp(daemon.pid()).as_deref(), Some("2"));
    // A reload is something it still can.
    daemon.signal(libc::SIGHUP);
    let (code, said) = daemon.terminate();
    assert_eq!(code, Some(0), "{said}");
    let line =
        "capabilities: dropped CAP_PERFMON CAP_BPF, kept none; no new privileges; seccomp on; Landlock ";
    assert!(said.contains(line), "{said}");
    assert!(!said.contains("was not taken"), "{said}");
}

/// The governor attaches programs anew; and whoever debugs keeps everything.
#[test]
fn what_a_daemon_still_needs_it_keeps() {
    let test = "privileges::what_a_daemon_still_needs_it_keeps";
    let Some(_turn) = turn(test) else { return };
    let daemon = Daemon::start(Daemon::command().args(["--max-overhead", "50%"]));
    assert_eq!(sets(daemon.pid()), (vec![0, BOTH, BOTH, 0], false));
    drop(daemon);
    let before = sets(std::process::id()).0;
    let daemon = Daemon::start(Daemon::command().arg("--keep-privileges"));
    assert_eq!((sets(daemon.pid()).0, seccomp(daemon.pid()).as_deref()), (before, Some("0")));
}
