//! What a report says of a literal snapshot.

use super::{
    Grouping, Report, SortKey, View,
    fixture::{metadata, report, snapshot},
};
use crate::snapshot::Snapshot;

fn names(view: &View) -> Vec<String> {
    report(view).rows.iter().map(|row| format!("{} {}", row.name(), row.path())).collect()
}

#[test]
fn rows_are_named_by_table_and_path() {
    let view = View { sort: SortKey::Name, ..View::default() };
    assert_eq!(
        names(&view),
        [
            "clone iret",
            "futex iret",
            "getppid sysret",
            "getppid (i386) iret",
            "invalid sysret",
            "kill iret",
            "kill sysret",
            "openat sysret",
            "syscall_412 sysret",
        ]
    );
    let invalid = report(&view).rows[4].call.clone().unwrap();
    assert_eq!(invalid.nr, -1);
}

#[test]
fn every_key_sorts_numbers_downwards() {
    let rows = |sort| report(&View { sort, ..View::default() }).rows;
    for (sort, key) in [
        (SortKey::Total, (|latency| latency.sum) as fn(&super::Latency) -> u64),
        (SortKey::P50, |latency| latency.p50),
        (SortKey::P99, |latency| latency.p99),
        (SortKey::Max, |latency| latency.max),
        (SortKey::Mean, |latency| latency.mean as u64),
    ] {
        let values: Vec<_> = rows(sort).iter().map(|row| row.latency.as_ref().map(key)).collect();
        assert!(values.is_sorted_by(|a, b| a >= b), "{sort:?}: {values:?}");
        assert_eq!(values.last(), Some(&None), "rows without a latency come last");
    }
    assert!(rows(SortKey::Returns).is_sorted_by(|a, b| a.returns >= b.returns));
    assert!(rows(SortKey::Errors).is_sorted_by(|a, b| a.failed() >= b.failed()));
    assert!(rows(SortKey::Path).is_sorted_by(|a, b| a.paths[0].0 <= b.paths[0].0));
}

#[test]
fn groups_add_up() {
    let all = snapshot().returns();
    for grouping in [Grouping::SyscallPath, Grouping::Syscall, Grouping::Path] {
        let report = report(&View { grouping, ..View::default() });
        assert_eq!(report.returns, all);
        assert_eq!(report.rows.iter().map(|row| row.returns).sum::<u64>(), all);
        assert_eq!(report.paths.iter().map(|path| path.returns).sum::<u64>(), all);
        assert!((report.rows.iter().map(|row| row.share).sum::<f64>() - 1.0).abs() < 1e-9);
    }
    let by_call = View { grouping: Grouping::Syscall, sort: SortKey::Name, ..View::default() };
    assert!(names(&by_call).contains(&"kill sysret+iret".to_owned()));
    let by_path = View { grouping: Grouping::Path, ..View::default() };
    assert_eq!(names(&by_path), ["all iret", "all sysret"]);
}

#[test]
fn top_says_what_it_left_out() {
    let report = report(&View { top: Some(2), sort: SortKey::Returns, ..View::default() });
    assert_eq!(report.rows.len(), 2);
    assert_eq!(report.omitted.rows, 7);
    assert_eq!(report.omitted.returns, report.returns - 101_501);
}

#[test]
fn all_kinds_of_loss_are_named() {
    let report = report(&View::default());
    assert_eq!(report.loss.len(), tracer_common::Loss::COUNT);
    assert_eq!(report.untimed.len(), 7);
    assert!(report.has_loss());
    assert_eq!(report.claim.fidelity, "bounds");
}

#[test]
fn an_empty_snapshot_is_a_report_too() {
    let report = Report::new(&metadata(), &Snapshot::default(), &View::default());
    assert_eq!((report.returns, report.rows.len(), report.has_loss()), (0, 0, false));
    assert_eq!(report.claim.fidelity, "amended");
}
