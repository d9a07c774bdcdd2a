//! The exposition, literally; its buckets, against every value. `tests/foreign_readers.rs` has it read by a parser
//! that is not ours.

use super::{edges, write};
use crate::{
    histogram::{Histogram, Precision},
    report::{
        Grouping, Report, View,
        fixture::{metadata, report},
    },
};
use proptest::prelude::*;

fn text(report: &Report) -> String {
    let mut bytes = Vec::new();
    write(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn literally() {
    insta::assert_snapshot!(text(&report(&View::default())));
}

#[test]
fn no_sample_stands_twice() {
    for grouping in [Grouping::SyscallPath, Grouping::Syscall, Grouping::Path] {
        let text = text(&report(&View { grouping, ..View::default() }));
        let mut samples: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .collect();
        let all = samples.len();
        samples.sort_unstable();
        samples.dedup_by_key(|(name, _)| *name);
        assert_eq!(samples.len(), all);
        assert!(text.ends_with("# EOF\n"));
    }
}

proptest! {
    #[test]
    fn buckets_are_exact(values in prop::collection::vec(0_u64..1 << 39, 1..60), coarse: bool) {
        let mut histogram = Histogram::new(if coarse { Precision::One } else { Precision::Two });
        for &value in &values {
            histogram.record(value);
        }
        let mut report = report(&View::default());
        report.rows.truncate(1);
        report.rows[0].histogram = histogram;
        report.turnaround.clear();
        report.metadata = metadata();
        let text = text(&report);
        let found: Vec<u64> = text
            .lines()
            .filter(|line| line.contains("_bucket{"))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect();
        let count = |edge: u64| values.iter().filter(|&&value| value <= edge).count() as u64;
        let expected: Vec<u64> = edges().chain([u64::MAX]).map(count).collect();
        prop_assert_eq!(found, expected);
    }
}
