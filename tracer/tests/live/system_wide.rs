//! All calls of the machine, held against a counter that shares nothing with the tracer.

use std::{
    env, fs,
    process::{Child, Command},
    thread::sleep,
    time::Duration,
};

use vmtest::baseline::{Baseline, Kind, Totals};

use crate::{
    run::Tracer,
    support::{program, turn, within},
};

/// Load on every CPU that can be held still. It ends with this value.
struct Load(Child);

impl Load {
    fn start() -> Self {
        let mut command = Command::new(program("loadgen"));
        let seconds = (seconds() + 60).to_string();
        let child = command.args(["--threads", "8", "--seconds", &seconds]).spawn().expect("loadgen starts");
        Self(child)
    }

    /// Stops every thread, or lets all go on.
    fn hold(&self, still: bool) {
        let signal = if still { libc::SIGSTOP } else { libc::SIGCONT };
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(self.0.id() as i32, signal) };
        let stopped = || self.threads().iter().all(|state| matches!(state.as_str(), "T" | "Z"));
        assert!(within(10, || stopped() == still), "the load does not do as told: {:?}", self.threads());
    }

    /// The state of each thread, as `/proc/PID/task/TID/stat` gives it.
    fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).expect("the load lives");
        let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
        let first = |stat: String| Some(stat.rsplit_once(')')?.1.split_whitespace().next()?.to_owned());
        stats.filter_map(first).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long the load runs while it is traced; `EXITPATH_SECONDS=60` for more than a test's patience.
fn seconds() -> u64 {
    env::var("EXITPATH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Two counters give bounds that no timing can break: the outer one is attached before the tracer and detached
/// after it, so it sees all that the tracer can see; the inner one the other way round, so the tracer must have seen
/// all that it saw. The load is held still while anything is attached, so that the bounds lie close, unless somebody
/// else is busy: then another try may do better.
#[test]
fn every_return_of_the_machine_is_counted() {
    const TRIES: usize = 3;
    let Some(_turn) = turn("system_wide::every_return_of_the_machine_is_counted") else { return };
    let close = (0..TRIES).any(|_| {
        let Bounds { inner, outer } = count(&[]);
        let gap = outer - inner;
        gap < inner / 50
    });
    if !close {
        eprintln!("the machine was never quiet while tracers were attached: the upper bound says little");
    }
}

/// `--counts-only` has programs and counters of its own.
#[test]
fn every_return_is_counted_without_latencies_too() {
    let Some(_turn) = turn("system_wide::every_return_is_counted_without_latencies_too") else { return };
    count(&["--counts-only"]);
}

struct Bounds {
    inner: u64,
    outer: u64,
}

/// One comparison, which must hold, and how close its bounds lie.
fn count(options: &[&str]) -> Bounds {
    let load = Load::start();
    load.hold(true);
    let outer = Baseline::attach(Kind::Count).expect("the counter attaches");
    let tracer = Tracer::json(options);
    let inner = Baseline::attach(Kind::Count).expect("the counter attaches");
    load.hold(false);
    sleep(Duration::from_secs(seconds()));
    load.hold(true);
    let inner = exits(inner);
    let report = tracer.interrupt().report();
    let outer = exits(outer);

    report.assert_nothing_lost();
    let untimed = |name: &str| report.0["untimed"][name].as_u64().expect("a count");
    let returns = report.0["returns"].as_u64().expect("a count");
    assert_eq!(returns, report.series().map(|one| one["returns"].as_u64().unwrap()).sum::<u64>());
    // The counters see `sys_exit`, which also comes before a death: such a call never returns.
    let seen = returns + untimed("never-returned");
    eprintln!("between {inner} and {outer}: {seen}, of them returns {returns}");
    assert!(inner <= seen, "the tracer saw {seen} exits, the counter within it {inner}");
    assert!(returns <= outer, "the tracer counts {returns} returns, of at most {outer}");
    assert!(inner > 100_000, "{inner} calls are no load");
    Bounds { inner, outer }
}

fn exits(counter: Baseline) -> u64 {
    let totals: Totals = counter.detach().expect("the counters can be read").expect("it counts");
    totals.exit
}
