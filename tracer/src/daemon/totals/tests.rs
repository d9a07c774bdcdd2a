//! Counters that never fall.

use super::*;
use crate::{histogram::Precision, report::fixture};
use proptest::prelude::*;
use tracer_common::SyscallId;

const WIDE: Bounds = Bounds { series: 500, errors: 500 };

fn key(nr: u16, path: Path) -> SeriesKey {
    SeriesKey::new(SyscallId { abi: Abi::X86_64, nr }, path)
}

fn series(latencies: &[u64]) -> Series {
    let mut series = Series { returns: latencies.len() as u64, ..Series::new(Precision::Two) };
    for &ns in latencies {
        series.latency.record(ns);
    }
    series
}

fn counters(totals: &Totals) -> BTreeMap<(Labels, u16), u64> {
    let mut all = BTreeMap::new();
    for (labels, total) in &totals.series {
        all.insert((labels.clone(), u16::MAX), total.returns);
        all.insert((labels.clone(), u16::MAX - 1), total.latency.sum);
        all.extend(total.latency.cells.iter().map(|(&cell, &count)| ((labels.clone(), cell), count)));
    }
    all
}

proptest! {
    /// Calls return by one path and move to the other, at once or an interval or two later.
    #[test]
    fn no_counter_ever_falls(calls in prop::collection::vec((0_usize..8, 0_usize..3, 1_u64..2000), 1..60)) {
        let (sysret, iret) = (key(62, Path::Sysret), key(62, Path::Iret));
        let mut intervals = vec![Snapshot::default(); 12];
        let mut moves = 0;
        for &(at, later, ns) in &calls {
            let one = series(&[ns]);
            let put = |to: &mut BTreeMap<_, Series>, key| to.entry(key).or_insert_with(|| Series::new(Precision::Two)).merge(&one);
            if later == 0 {
                put(&mut intervals[at].series, sysret);
            } else {
                put(&mut intervals[at].series, sysret);
                put(&mut intervals[at + later].series, iret);
                put(&mut intervals[at + later].moved, sysret);
                moves += 1;
            }
        }
        let mut totals = Totals::new(WIDE);
        let mut before = counters(&totals);
        for one in &intervals {
            totals.add(one, 1);
            let now = counters(&totals);
            for (name, count) in &before {
                prop_assert!(now[name] >= *count);
            }
            before = now;
        }
        let all: u64 = totals.series.values().map(|one| one.returns).sum();
        let owed: u64 = totals.owed.values().map(|one| one.returns).sum();
        prop_assert_eq!(all - owed, calls.len() as u64);
        prop_assert!(owed <= moves);
        for total in totals.series.values() {
            prop_assert_eq!(total.latency.count, total.latency.cells.values().sum::<u64>());
        }
    }
}

#[test]
fn beyond_the_bound_is_other() {
    let mut totals = Totals::new(Bounds { series: 2, errors: 1 });
    let snapshot = fixture::snapshot();
    totals.add(&snapshot, 1);
    totals.add(&snapshot, 1);
    assert_eq!(totals.series.keys().filter(|labels| labels.syscall != OTHER).count(), 2);
    assert_eq!(totals.series.values().map(|one| one.returns).sum::<u64>(), 2 * snapshot.returns());
    let other: u64 =
        totals.series.iter().filter(|(labels, _)| labels.syscall == OTHER).map(|(_, one)| one.returns).sum();
    assert_eq!(other, totals.folded);
    let failed: u64 = snapshot.series.values().flat_map(|one| one.errors.values()).sum();
    assert_eq!(totals.errors.values().sum::<u64>(), 2 * failed);
    assert_eq!(totals.errors.len(), 2);
}

#[test]
fn sampled_latencies_stand_for_all() {
    let mut totals = Totals::new(WIDE);
    let mut snapshot =
        Snapshot { series: [(key(110, Path::Sysret), series(&[80, 90]))].into(), ..Snapshot::default() };
    snapshot.series.values_mut().for_each(|one| one.returns = 32);
    totals.add(&snapshot, 16);
    let total = totals.series.values().next().unwrap();
    assert_eq!((total.returns, total.latency.count, total.latency.sum), (32, 32, 170 * 16));
}
