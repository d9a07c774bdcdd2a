//! Filters: what they let through is counted exactly, and nothing else is.

use std::{fs, path::PathBuf};

use crate::{
    puppet::Puppet,
    run::{Report, Tracer},
    support::{skip, turn},
};

/// Traces `puppet` with further `options` while it does what `commands` say.
fn tracing(puppet: &mut Puppet, options: &[&str], commands: &[&str]) -> Report {
    let pid = puppet.argument();
    let mut arguments = vec!["-p", &*pid];
    arguments.extend(options);
    let tracer = Tracer::json(&arguments);
    for command in commands {
        puppet.tell(command);
    }
    let report = tracer.interrupt().report();
    report.assert_nothing_lost();
    report
}

#[test]
fn processes_are_traced_with_their_threads() {
    let Some(_turn) = turn("filters::processes_are_traced_with_their_threads") else { return };
    let (mut one, mut other, mut third) = (Puppet::new(), Puppet::new(), Puppet::new());
    let report = tracing(&mut one, &[], &["calls 100", "threads 4 250", "children 3 1000"]);
    assert_eq!(report.returns("getppid"), 1100, "its own and its threads', not its children's");
    let tracer = Tracer::json(&["-p", &format!("{},{}", one.pid(), other.pid())]);
    one.tell("calls 10");
    other.tell("threads 2 20");
    third.tell("calls 5000");
    let report = tracer.interrupt().report();
    assert_eq!(report.returns("getppid"), 50, "two of three processes");
}

#[test]
fn children_are_followed_when_asked() {
    let Some(_turn) = turn("filters::children_are_followed_when_asked") else { return };
    let mut puppet = Puppet::new();
    let report = tracing(&mut puppet, &["-f"], &["calls 100", "children 3 1000"]);
    assert_eq!(report.returns("getppid"), 3100);
    // Parent and child return from each fork.
    assert_eq!(report.returns("fork"), 6);
}

#[test]
fn calls_are_chosen_by_name_number_class_and_exclusion() {
    let Some(_turn) = turn("filters::calls_are_chosen_by_name_number_class_and_exclusion") else { return };
    let mut puppet = Puppet::new();
    let commands = ["calls 200", "fail 50", "sleep 3 1"];
    let mut chosen = |expression: &str| {
        let report = tracing(&mut puppet, &["-e", expression], &commands);
        let calls: Vec<String> = report.calls().iter().map(|&call| call.to_owned()).collect();
        let counts = ["getppid", "open", "dup", "nanosleep"].map(|call| report.returns(call));
        (calls, counts)
    };
    assert_eq!(chosen("getppid"), (vec!["getppid".to_owned()], [200, 0, 0, 0]));
    assert_eq!(chosen("110"), (vec!["getppid".to_owned()], [200, 0, 0, 0]));
    assert_eq!(chosen("getppid,dup").1, [200, 0, 50, 0]);
    assert_eq!(chosen("%file"), (vec!["open".to_owned()], [0, 50, 0, 0]));
    assert_eq!(chosen("%desc").1[2], 50);
    let (calls, counts) = chosen("!getppid,open");
    assert_eq!(counts, [0, 0, 50, 3]);
    assert!(calls.len() > 2, "all others, also its reads and writes: {calls:?}");
}

#[test]
fn failures_are_chosen() {
    let Some(_turn) = turn("filters::failures_are_chosen") else { return };
    let mut puppet = Puppet::new();
    let commands = ["calls 200", "fail 50"];
    let report = tracing(&mut puppet, &["--failed"], &commands);
    assert_eq!((report.returns("getppid"), report.returns("open"), report.returns("dup")), (0, 50, 50));
    let report = tracing(&mut puppet, &["--errno", "ENOENT"], &commands);
    assert_eq!(report.calls(), ["open"]);
    assert_eq!(report.returns("open"), 50);
    let errors = report.series().map(|series| series["errors"]["ENOENT"].as_u64().unwrap_or(0));
    assert_eq!(errors.sum::<u64>(), 50);
}

#[test]
fn slow_calls_are_chosen() {
    let Some(_turn) = turn("filters::slow_calls_are_chosen") else { return };
    let mut puppet = Puppet::new();
    let report =
        tracing(&mut puppet, &["--min-latency", "20ms"], &["calls 20000", "sleep 4 25", "sleep 5 1"]);
    assert_eq!((report.returns("nanosleep"), report.sum("nanosleep", "timed")), (4, 4));
    for series in report.series() {
        assert!(series["latency_ns"]["min"].as_u64() >= Some(20_000_000), "{series}");
    }
}

/// No service's number, or its calls would count too.
const NOBODY_ELSE: u32 = 4_000_123;

#[test]
fn names_and_users_are_chosen() {
    let Some(_turn) = turn("filters::names_and_users_are_chosen") else { return };
    let (mut one, mut other) = (Puppet::new(), Puppet::new());
    one.tell("name exitpath-puppet");
    let tracer = Tracer::json(&["--comm", "exitpath-puppet"]);
    one.tell("calls 300");
    other.tell("calls 5000");
    assert_eq!(tracer.interrupt().report().returns("getppid"), 300);

    let mut user = Puppet::of_user(NOBODY_ELSE);
    let tracer = Tracer::json(&["--uid", &NOBODY_ELSE.to_string()]);
    user.tell("calls 400");
    other.tell("calls 5000");
    assert_eq!(tracer.interrupt().report().returns("getppid"), 400);
}

#[test]
fn control_groups_are_chosen_with_those_below() {
    let test = "filters::control_groups_are_chosen_with_those_below";
    let Some(_turn) = turn(test) else { return };
    let Some(group) = Group::new(test) else { return };
    let (mut inside, mut below, mut outside) = (Puppet::new(), Puppet::new(), Puppet::new());
    group.admit("", &inside);
    group.admit("below", &below);
    let path = group.0.to_str().expect("text").to_owned();
    let tracer = Tracer::json(&["--cgroup", &path]);
    inside.tell("calls 300");
    below.tell("calls 40");
    outside.tell("calls 5000");
    assert_eq!(tracer.interrupt().report().returns("getppid"), 340);
    let tracer = Tracer::json(&["--cgroup", &format!("{path}/below")]);
    inside.tell("calls 300");
    below.tell("calls 40");
    assert_eq!(tracer.interrupt().report().returns("getppid"), 40);
    drop((inside, below, outside));
}

/// A control group of our own with one below it; both go with it, once nobody is in them.
struct Group(PathBuf);

impl Group {
    fn new(test: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let root = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| {
            words.get(2) == Some(&"cgroup2")
                && fs::exists(format!("{}/cgroup.procs", words[1])).unwrap_or(false)
        });
        let Some(root) = root else { return skip(test, "no cgroup v2 hierarchy is mounted") };
        let path = PathBuf::from(root[1]).join(format!("exitpath-test-{}", std::process::id()));
        if let Err(error) = fs::create_dir(&path).and_then(|()| fs::create_dir(path.join("below"))) {
            return skip(test, &format!("cannot make a control group: {error}"));
        }
        Some(Self(path))
    }

    fn admit(&self, below: &str, puppet: &Puppet) {
        let file = self.0.join(below).join("cgroup.procs");
        fs::write(file, puppet.argument()).expect("a process can be moved");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for path in [self.0.join("below"), self.0.clone()] {
            crate::support::within(5, || fs::remove_dir(&path).is_ok());
        }
    }
}
