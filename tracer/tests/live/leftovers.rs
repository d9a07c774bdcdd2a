//! Nothing of the tracer stays in the kernel, however it ends and however often it runs.

use std::{
    collections::BTreeSet,
    env,
    process::{Child, Command},
    thread::sleep,
    time::Duration,
};

use tempfile::tempdir;
use vmtest::{
    baseline::{self, Baseline},
    bpf::{
        held,
        ids::{self, Id, Kind},
    },
};

use crate::{
    puppet::Puppet,
    run::{Tracer, run},
    support::{program, turn, within},
};

/// Objects that are new since `before` and that no process holds: what somebody left behind. What another process
/// loaded meanwhile is its own. The kernel frees objects a little after their last descriptor.
pub fn assert_nothing_left(before: &BTreeSet<Id>, ours: &BTreeSet<Id>) {
    let gone = within(10, || left(before, ours).is_empty());
    assert!(gone, "still in the kernel: {:?}", left(before, ours));
}

fn left(before: &BTreeSet<Id>, ours: &BTreeSet<Id>) -> BTreeSet<Id> {
    let others = held::by_anybody();
    let anybodys = |id: &Id| before.contains(id) || others.contains(id);
    all().into_iter().filter(|id| ours.contains(id) || !anybodys(id)).collect()
}

/// What there is now.
pub fn all() -> BTreeSet<Id> {
    ids::all().expect("root may list them")
}

/// The check itself: it must find what is there.
#[test]
fn what_is_left_is_found() {
    let Some(_turn) = turn("leftovers::what_is_left_is_found") else { return };
    let before = all();
    let held = Baseline::attach(baseline::Kind::Count).expect("the counter attaches");
    let own = held::by_process(std::process::id()).expect("this process runs");
    let ours: BTreeSet<Id> = own.into_keys().filter(|id| !before.contains(id)).collect();
    // Two programs, their links, one map.
    assert_eq!((ours.len(), left(&before, &ours)), (5, ours.clone()));
    drop(held);
    assert_nothing_left(&before, &ours);
}

/// What a tracer holds: at least a program, a map and a link, or the test would prove nothing.
fn held_by(tracer: &Tracer) -> BTreeSet<Id> {
    let held: BTreeSet<Id> = held::by_process(tracer.pid()).expect("it runs").into_keys().collect();
    for kind in Kind::ALL {
        assert!(held.iter().any(|(have, _)| *have == kind), "no {kind:?} among {held:?}");
    }
    held
}

#[test]
fn a_killed_tracer_leaves_nothing_but_a_readable_recording() {
    let Some(_turn) = turn("leftovers::a_killed_tracer_leaves_nothing_but_a_readable_recording") else {
        return;
    };
    let folder = tempdir().expect("a folder of our own");
    let file = folder.path().join("cut.hlog");
    let file = file.to_str().expect("text");
    let before = all();
    let mut puppet = Puppet::new();
    let tracer = Tracer::record(&["-p", &puppet.argument(), "-i", "0.2", "-o", file]);
    let ours = held_by(&tracer);
    puppet.tell("calls 12345");
    // Two whole intervals after the calls, so one that holds them is closed.
    sleep(Duration::from_millis(700));
    let outcome = tracer.end(libc::SIGKILL);
    assert!(outcome.status.code().is_none(), "it was killed: {outcome:?}");
    assert_nothing_left(&before, &ours);

    let read = run(&["report", "--format", "json", file]);
    assert_eq!(read.code(), 0, "{}", read.stderr);
    let report = crate::run::Report(serde_json::from_str(&read.stdout).expect("one object"));
    assert_eq!(report.returns("getppid"), 12_345);
    report.assert_nothing_lost();
}

#[test]
fn many_tracers_under_load_leave_nothing() {
    let Some(_turn) = turn("leftovers::many_tracers_under_load_leave_nothing") else { return };
    let cycles = env::var("EXITPATH_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_u32);
    let before = all();
    let mut ours = BTreeSet::new();
    let _load = Load::start(10 + u64::from(cycles) * 2);
    for cycle in 1..=cycles {
        let tracer = Tracer::json(&[]);
        ours.extend(held_by(&tracer));
        sleep(Duration::from_millis(50));
        let report = tracer.interrupt().report();
        assert!(report.0["returns"].as_u64().is_some_and(|returns| returns > 0), "cycle {cycle} saw nothing");
        report.assert_nothing_lost();
    }
    assert_nothing_left(&before, &ours);
}

#[test]
fn two_tracers_at_once_are_both_right() {
    let Some(_turn) = turn("leftovers::two_tracers_at_once_are_both_right") else { return };
    let before = all();
    let mut puppet = Puppet::new();
    let first = Tracer::json(&["-p", &puppet.argument()]);
    puppet.tell("calls 1000");
    let second = Tracer::json(&["-p", &puppet.argument()]);
    let ours = &held_by(&first) | &held_by(&second);
    puppet.tell("calls 5000");
    let first = first.interrupt().report();
    puppet.tell("calls 300");
    let second = second.interrupt().report();
    assert_eq!((first.returns("getppid"), second.returns("getppid")), (6000, 5300));
    first.assert_nothing_lost();
    second.assert_nothing_lost();
    assert_nothing_left(&before, &ours);
}

/// Load on all CPUs that ends with its value.
pub struct Load(Child);

impl Load {
    /// For so long at most.
    pub fn start(seconds: u64) -> Self {
        let mut command = Command::new(program("loadgen"));
        Self(command.args(["--seconds", &seconds.to_string()]).spawn().expect("loadgen starts"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
