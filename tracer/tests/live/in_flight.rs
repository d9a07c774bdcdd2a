//! Calls that began before the tracer, and calls that have not ended, or never will.

use std::{thread::sleep, time::Duration};

use vmtest::{
    blocked::Blocked,
    compare::{self, compare},
};

use crate::{
    puppet::Puppet,
    run::{Report, Tracer},
    support::{program, turn},
};

fn untimed(report: &Report, name: &str) -> u64 {
    report.0["untimed"][name].as_u64().expect("a report counts them")
}

#[test]
fn calls_in_flight_are_listed() {
    let Some(_turn) = turn("in_flight::calls_in_flight_are_listed") else { return };
    let mut puppet = Puppet::new();
    let tracer = Tracer::json(&["-p", &puppet.argument(), "--in-flight"]);
    let tid = puppet.tell("block").parse().expect("a thread id");
    puppet.await_asleep(tid);
    sleep(Duration::from_millis(300));
    let report = tracer.interrupt().report();
    let in_flight = report.0["in_flight"].as_array().expect("--in-flight lists them");
    let blocked = in_flight.iter().find(|call| call["tid"] == tid).expect("the blocked thread");
    assert_eq!((blocked["syscall"].as_str(), blocked["abi"].as_str()), (Some("pause"), Some("x86_64")));
    let age = blocked["age_ns"].as_u64().expect("an age");
    assert!((300_000_000..60_000_000_000).contains(&age), "{age} ns");
    assert_eq!(report.returns("pause"), 0, "it has not returned");
    report.assert_nothing_lost();
}

#[test]
fn a_call_that_began_before_the_tracer_is_counted_but_not_timed() {
    let Some(_turn) = turn("in_flight::a_call_that_began_before_the_tracer_is_counted_but_not_timed") else {
        return;
    };
    let mut puppet = Puppet::new();
    puppet.begin("sleep 1 1500");
    puppet.await_asleep(puppet.pid());
    let tracer = Tracer::json(&["-p", &puppet.argument()]);
    puppet.answer();
    puppet.tell("sleep 2 1");
    let report = tracer.interrupt().report();
    assert_eq!((report.returns("nanosleep"), report.sum("nanosleep", "timed")), (3, 2));
    assert_eq!(untimed(&report, "in-flight-at-start"), 1);
    report.assert_nothing_lost();
}

#[test]
fn many_calls_that_began_before_the_tracer_are_counted() {
    let Some(_turn) = turn("in_flight::many_calls_that_began_before_the_tracer_are_counted") else { return };
    let blocked = Blocked::start(&program("workload"), 40).expect("its threads block");
    let tracer = Tracer::json(&["-p", &blocked.pid().to_string()]);
    let want = blocked.release().expect("its threads go on");
    let report = tracer.interrupt().report();
    let comparison = compare(&want, &compare::Report::parse(&report.0.to_string()).expect("a report"));
    assert_eq!(comparison.wrong(), 0, "{comparison}");
    assert!(untimed(&report, "in-flight-at-start") >= 40, "{}", report.0);
}

#[test]
fn a_call_whose_process_is_killed_never_returns() {
    let Some(_turn) = turn("in_flight::a_call_whose_process_is_killed_never_returns") else { return };
    let mut puppet = Puppet::new();
    let tracer = Tracer::json(&["-p", &puppet.argument()]);
    let tid = puppet.tell("block").parse().expect("a thread id");
    puppet.await_asleep(tid);
    // Kills it in pause, and its main thread in read.
    drop(puppet);
    let report = tracer.interrupt().report();
    assert_eq!(report.returns("pause"), 0);
    assert_eq!(untimed(&report, "never-returned"), 2);
    report.assert_nothing_lost();
}
