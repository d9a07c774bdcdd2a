//! Snapshots add up and subtract.

use super::*;
use tracer_common::{Abi, SyscallId};

fn one(key: SeriesKey, latencies: &[u64]) -> Snapshot {
    let mut series = Series { returns: latencies.len() as u64, ..Series::new(Precision::Two) };
    for &ns in latencies {
        series.latency.record(ns);
    }
    Snapshot { series: [(key, series)].into(), ..Snapshot::default() }
}

#[test]
fn parts_of_an_interval_add_up_to_it() {
    let tkill = SyscallId { abi: Abi::X86_64, nr: 200 };
    let (sysret, iret) = (SeriesKey::new(tkill, Path::Sysret), SeriesKey::new(tkill, Path::Iret));
    let mut second = one(iret, &[900, 1000]);
    // Two of them were counted by SYSRET before: one in this interval, one in the interval before.
    second.moved = one(sysret, &[900, 1000]).series;
    let mut whole = Snapshot::default();
    whole.extend(one(sysret, &[900]));
    whole.extend(second.clone());
    assert_eq!(whole.series.keys().collect::<Vec<_>>(), [&iret]);
    assert_eq!((whole.moved[&sysret].returns, whole.moved[&sysret].latency.sum), (1, 1000));
    let mut by_parts = one(sysret, &[1000, 50]);
    let mut by_whole = by_parts.clone();
    by_parts.merge(&one(sysret, &[900]));
    by_parts.merge(&second);
    by_whole.merge(&whole);
    assert_eq!(by_parts, by_whole);
}

#[test]
fn what_has_moved_is_taken_from_the_sum() {
    let tkill = SyscallId { abi: Abi::X86_64, nr: 200 };
    let (sysret, iret) = (SeriesKey::new(tkill, Path::Sysret), SeriesKey::new(tkill, Path::Iret));
    let mut total = one(sysret, &[900]);
    let mut next = one(iret, &[900, 1000]);
    next.moved = one(sysret, &[900]).series;
    total.merge(&next);
    assert_eq!(total.series.keys().collect::<Vec<_>>(), [&iret]);
    assert_eq!(total.returns(), 2);
    let mut total = one(sysret, &[900, 50]);
    total.merge(&next);
    let left = &total.series[&sysret];
    assert_eq!((left.returns, left.latency.count, left.latency.sum), (1, 1, 50));
    // The interval that counted it is not there.
    let mut alone = Snapshot::default();
    alone.merge(&next);
    assert_eq!(alone.returns(), 2);
}
