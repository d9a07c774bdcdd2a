//! Answers of a server land in their blocks of time.

use super::*;
use crate::prometheus::answer::{Bucket, Native};

fn answered(labels: &[(&str, &str)], values: &[(f64, f64)]) -> Answered {
    let labels = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Answered { labels, values: values.to_vec(), ..Answered::default() }
}

fn of(call: &str, path: &str, values: &[(f64, f64)]) -> Answered {
    answered(&[("abi", "x86_64"), ("path", path), ("syscall", call)], values)
}

#[test]
fn answers_land_in_their_blocks() {
    let mut parts = Parts::new(3, 110.0, 10.0);
    parts.is_there(&answered(&[], &[(110.0, 4.0), (120.0, 4.0)]), true);
    parts.is_there(&answered(&[], &[(120.0, 1.0)]), false);
    parts.is_there(&answered(&[], &[(130.0, 4.0)]), true);
    parts.returns(&of("kill", "sysret", &[(110.0, 29.7), (120.001, 5.0), (130.0, 9.0)]));
    parts.returns(&of("kill", "iret", &[(110.0, 10.2)]));
    parts.returns(&of("other", "iret", &[(110.0, 7.0)]));
    parts.returns(&of("syscall_999", "iret", &[(130.0, 1.0)]));
    parts.returns(&of("nonsense", "iret", &[(130.0, 1.0)]));
    parts.errors(&answered(&[("syscall", "kill"), ("errno", "EPERM")], &[(110.0, 8.0)]));
    parts.losses(&answered(&[("reason", "slot-full")], &[(130.0, 0.1)]));
    let native =
        Native { count: 2.0, sum: 2e-6, buckets: vec![Bucket { low: 9e-7, high: 1.1e-6, count: 2.0 }] };
    parts.work(&Answered { histograms: vec![(130.0, native)], ..answered(&[("path", "iret")], &[]) });
    let (blocks, work) = parts.blocks();
    let starts: Vec<_> = blocks.iter().map(|one| (one.start_ns, one.duration_ns)).collect();
    assert_eq!(starts, [(0, 10_000_000_000), (20_000_000_000, 10_000_000_000)]);
    let counted: Vec<_> = blocks[0].series.values().map(|one| (one.returns, one.errors[&0])).collect();
    assert_eq!(counted, [(30, 6), (10, 2)]);
    assert_eq!((blocks[1].returns(), blocks[1].losses.iter().sum::<u64>()), (10, 1));
    assert_eq!(work[&Path::Iret].iter().map(|one| one.count).collect::<Vec<_>>(), [0, 2]);
    assert!((parts.width() - 2.0 / 9.0).abs() < 1e-9);
    let notes = parts.notes().join("; ");
    assert!(
        notes.contains("2 of 3 blocks")
            && notes.contains("left out 7 returns")
            && notes.contains("nonsense (x86_64, iret)"),
        "{notes}"
    );
}

#[test]
fn more_returns_than_a_number_holds_do_not_wrap() {
    let mut parts = Parts::new(1, 110.0, 10.0);
    parts.is_there(&answered(&[], &[(110.0, 4.0)]), true);
    parts.returns(&of("kill", "sysret", &[(110.0, 1e30)]));
    parts.returns(&of("kill", "iret", &[(110.0, 1e30)]));
    parts.errors(&answered(&[("syscall", "kill"), ("errno", "EPERM")], &[(110.0, 8.0)]));
    let (blocks, _) = parts.blocks();
    let errors: u64 = blocks[0].series.values().map(|one| one.errors[&0]).sum();
    assert_eq!(errors, 8);
}
