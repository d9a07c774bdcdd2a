//! What stands in the way of a comparison, and what is only listed beside it.

use super::*;
use crate::report::fixture;

/// The differences after a change, as lines.
fn after(
    change: impl FnOnce(&mut Metadata),
    list: fn(&Metadata, &Metadata) -> Vec<Difference>,
) -> Vec<String> {
    let base = fixture::metadata();
    let mut new = base.clone();
    change(&mut new);
    list(&base, &new).iter().map(ToString::to_string).collect()
}

#[test]
fn a_recording_does_not_differ_from_itself() {
    assert_eq!(after(|_| (), differences), [""; 0]);
    assert_eq!(after(|_| (), obstacles), [""; 0]);
}

type Change = fn(&mut Metadata);

#[test]
fn each_obstacle_is_named_and_is_no_difference_of_the_environment() {
    let cases: [(Change, &str); 6] = [
        (|new| new.plan.name = "amend".to_owned(), "plan: tracepoints | amend"),
        (|new| new.plan.fidelity = "bounds".to_owned(), "fidelity: amended | bounds"),
        (|new| new.precision = 1, "precision: 2 | 1"),
        (|new| new.filters = vec!["--abi i386".to_owned()], "filters: - | --abi i386"),
        (|new| new.sample = 16, "sample: 1 | 16"),
        (|new| new.counts_only = true, "counts-only: no | yes"),
    ];
    for (change, line) in cases {
        let change = |new: &mut Metadata| {
            new.filters.clear();
            change(new);
        };
        let mut base = fixture::metadata();
        base.filters.clear();
        let mut new = base.clone();
        change(&mut new);
        let lines: Vec<_> = obstacles(&base, &new).iter().map(ToString::to_string).collect();
        assert_eq!(lines, [line]);
        assert_eq!(differences(&base, &new), []);
    }
}

#[test]
fn process_numbers_are_no_obstacle_but_that_there_are_some_is() {
    let with = |filters: &[&str]| Metadata {
        filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        ..fixture::metadata()
    };
    assert_eq!(obstacles(&with(&["-p 12", "-f"]), &with(&["-p 7,9", "-f"])), []);
    assert_eq!(obstacles(&with(&["-p 12", "-f"]), &with(&["-f"])).len(), 1);
    assert_eq!(obstacles(&with(&["--uid 1"]), &with(&["--uid 2"])).len(), 1);
}

#[test]
fn differences_of_the_environment_are_named_and_are_no_obstacles() {
    let cases: [(Change, &str); 16] = [
        (|new| new.tool = "exitpath 9".to_owned(), "exitpath: exitpath 0.1.0 | exitpath 9"),
        (|new| new.command = vec!["true".to_owned()], "command: - | true"),
        (|new| new.kernel.frame = "partial".to_owned(), "frame: full | partial"),
        (|new| new.divert = true, "calls diverted (--divert): no | yes"),
        (|new| new.kernel.fred = true, "FRED: no | yes"),
        (|new| new.kernel.preemption = None, "preemption: voluntary | -"),
        (|new| drop(new.kernel.config.insert("HZ".to_owned(), "1000".to_owned())), "CONFIG_HZ: 250 | 1000"),
        (
            |new| new.kernel.config_digest = Some("beef".to_owned()),
            "kernel configuration (digest): c0ffee | beef",
        ),
        (|new| new.machine.turbo = Some("off".to_owned()), "turbo: on | off"),
        (|new| new.machine.governor = Some("performance".to_owned()), "governor: - | performance"),
        (|new| new.machine.mitigations.clear(), "mitigation meltdown: Mitigation: PTI | -"),
        (|new| new.clock = "other".to_owned(), "clock: monotonic | other"),
        (
            |new| new.plan.attached[0] = "enter_tp@sys_enter".to_owned(),
            "attached only here: enter@sys_enter | enter_tp@sys_enter",
        ),
        (|new| new.conditions.audit = Some("on".to_owned()), "audit: off | on"),
        (|new| new.conditions.load = Some(7.5), "load at start: 0.25 | 7.50"),
        (
            |new| new.conditions.tracers = Some(Vec::new()),
            "other tracers: raw_tracepoint sys_enter (other) | none",
        ),
    ];
    for (change, line) in cases {
        let change = |new: &mut Metadata| {
            change(new);
        };
        assert_eq!(after(change, differences), [line]);
        assert_eq!(after(change, obstacles), [""; 0]);
    }
}

#[test]
fn what_could_not_be_looked_at_is_no_difference_of_the_machines() {
    let unread = |new: &mut Metadata| {
        new.kernel.config.clear();
        new.kernel.config_digest = None;
        new.conditions = crate::metadata::Conditions::default();
        new.run = None;
    };
    assert_eq!(after(unread, differences), [""; 0]);
    assert_eq!(
        after(|new| new.conditions.load = Some(1.0), differences),
        [""; 0],
        "a series raises the load"
    );
}

#[test]
fn an_option_under_its_older_name_and_one_that_is_not_known_are_no_differences() {
    let config = |text: &str| options::of(text);
    let base = config("CONFIG_RETPOLINE=y\nCONFIG_HZ=250\nCONFIG_CPU_SRSO=y\n");
    let new = config(
        "CONFIG_MITIGATION_RETPOLINE=y\nCONFIG_HZ=250\n# CONFIG_X86_FRED is not set\n# CONFIG_MITIGATION_SRSO is not set\n",
    );
    let base =
        Metadata { kernel: KernelInfo { config: base, ..KernelInfo::default() }, ..fixture::metadata() };
    let new = Metadata { kernel: KernelInfo { config: new, ..KernelInfo::default() }, ..base.clone() };
    let lines: Vec<_> = differences(&base, &new).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["CONFIG_MITIGATION_SRSO: y | n"]);
}

#[test]
fn only_what_matters_is_kept_of_a_configuration() {
    let text = "#\n# Automatically generated\nCONFIG_CC_VERSION_TEXT=\"gcc (Debian 14) 14.2\"\nCONFIG_HZ_250=y\n\
                CONFIG_USB=m\n# CONFIG_DEBUG_ENTRY is not set\nCONFIG_PREEMPT_DYNAMIC=y\nCONFIG_AUDIT_TREE=y\n";
    let kept = options::of(text);
    let expected = [
        ("CC_VERSION_TEXT", "gcc (Debian 14) 14.2"),
        ("DEBUG_ENTRY", "n"),
        ("HZ_250", "y"),
        ("PREEMPT_DYNAMIC", "y"),
    ];
    assert_eq!(kept, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn heads_of_before_still_read_and_say_nothing_new() {
    let mut head = serde_json::to_value(fixture::metadata()).unwrap();
    let object = head.as_object_mut().unwrap();
    object.retain(|key, _| !["conditions", "run"].contains(&key.as_str()));
    for (part, keys) in [
        ("kernel", &["config", "compiler", "preemption"][..]),
        ("machine", &["turbo", "hypervisor", "clocksource"]),
    ] {
        object[part].as_object_mut().unwrap().retain(|key, _| !keys.contains(&key.as_str()));
    }
    let old: Metadata = serde_json::from_value(head).unwrap();
    assert_eq!((old.run, old.conditions), (None, crate::metadata::Conditions::default()));
    assert!(old.kernel.config.is_empty() && old.machine.hypervisor.is_none());
}
