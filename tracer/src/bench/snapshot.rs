//! A round as an interval of a recording: each call recorded with its batch's mean, the sums exact.

use tracer_common::{Path, SeriesKey, Untimed, layout::error_cell};

use super::{
    Bench,
    clock::Rate,
    rounds::{Condition, Round},
    route::Route,
};
use crate::{
    histogram::{Histogram, Precision},
    regime::Regime,
    snapshot::{Series, Snapshot},
};

/// The interval of a round. What was measured with the tracer attached is no part of it: recordings are compared as
/// what they were made of.
#[must_use]
pub fn interval(round: &Round, rate: &Rate, regime: Regime, cpus: u32) -> Snapshot {
    let mut snapshot =
        Snapshot { start_ns: round.start_ns, duration_ns: round.duration_ns, cpus, ..Snapshot::default() };
    for turn in round.turns.iter().filter(|turn| turn.condition != Condition::Traced) {
        let (bench, batches) = (turn.bench, &turn.slot.batches);
        let route = bench.route(regime, turn.condition == Condition::Diverted);
        let calls = batches.iter().map(|(calls, _)| calls).sum();
        let mut series = returns(bench, &route, calls);
        for &(calls, ticks) in batches {
            series.latency.merge(&batch(calls, rate.ns(ticks)));
        }
        add(&mut snapshot, bench, route.path, &series);
        if let Some(child) = bench.child_route(regime) {
            snapshot.untimed[Untimed::ForkChild as usize] += calls;
            add(&mut snapshot, bench, child.path, &returns(bench, &child, calls));
        }
    }
    snapshot
}

fn add(snapshot: &mut Snapshot, bench: &Bench, path: Path, series: &Series) {
    let key = SeriesKey::new(bench.call, path);
    snapshot.series.entry(key).or_insert_with(|| Series::new(Precision::Two)).merge(series);
}

/// So many returns by a route, without their times.
fn returns(bench: &Bench, route: &Route, calls: u64) -> Series {
    let mut series = Series { returns: calls, ..Series::new(Precision::Two) };
    for &reason in &route.reasons {
        series.reasons[reason as usize] = calls;
    }
    if route.path != Path::Sysret && route.path != Path::SysretFast {
        series.causes[route.cause as usize] = calls;
    }
    if let Some(error) = bench.error {
        series.errors.insert(error_cell(-i64::from(error)), calls);
    }
    series
}

/// A batch of calls that took so long together.
fn batch(calls: u64, ns: f64) -> Histogram {
    let mean = (ns / calls.max(1) as f64).round() as u64;
    let cell = Precision::Two.index(mean) as u16;
    Histogram {
        precision: Precision::Two,
        count: calls,
        sum: ns.round() as u64,
        min: mean,
        max: mean,
        cells: [(cell, calls)].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bench::{list, rounds::Turn, slot::Slot},
        regime::{Decision, Frame},
    };
    use tracer_common::{Cause, Reason};

    const REGIME: Regime = Regime {
        frame: Frame::Full,
        decision: Decision::C,
        fred: false,
        xenpv: false,
        pti: false,
        la57: false,
    };

    fn turn(name: &str, condition: Condition) -> Turn {
        let bench = list::ALL.iter().find(|bench| bench.name == name).unwrap();
        let slot = Slot { batches: vec![(100, 20_050), (100, 21_000)], untimed: 100, ..Slot::default() };
        Turn { bench, condition, slot }
    }

    fn snapshot(turns: Vec<Turn>) -> Snapshot {
        let round = Round { start_ns: 5, duration_ns: 1_000, turns };
        let rate = Rate { ticks_per_ns: 2.0, error: 0.0, over_ns: 1 };
        interval(&round, &rate, REGIME, 2)
    }

    #[test]
    fn calls_have_their_batchs_mean_and_the_sum_is_exact() {
        let snapshot = snapshot(vec![turn("sigreturn-iret", Condition::Bare)]);
        let (key, series) = snapshot.series.first_key_value().unwrap();
        assert_eq!((key.call().nr, key.path()), (15, Path::Iret));
        assert_eq!((series.returns, series.latency.count), (200, 200));
        assert_eq!((series.latency.sum, series.latency.min, series.latency.max), (20_525, 100, 105));
        assert_eq!(series.reasons[Reason::CxNeIp as usize], 200);
        assert_eq!(series.causes[Cause::Sigreturn as usize], 200);
        assert_eq!((snapshot.start_ns, snapshot.duration_ns, snapshot.cpus), (5, 1_000, 2));
    }

    #[test]
    fn what_a_tracer_changed_is_not_recorded() {
        let both = snapshot(vec![turn("null", Condition::Bare), turn("null", Condition::Traced)]);
        assert_eq!(both.returns(), 200);
    }

    #[test]
    fn errors_and_children_are_there() {
        let snapshot = snapshot(vec![turn("bad-nr", Condition::Bare), turn("fork", Condition::Bare)]);
        let rows: Vec<_> = snapshot.series.iter().map(|(key, one)| (key.path(), one.latency.count)).collect();
        assert_eq!(rows, [(Path::Sysret, 200), (Path::Sysret, 200), (Path::Iret, 0)]);
        assert_eq!(snapshot.untimed[Untimed::ForkChild as usize], 200);
        let enosys = error_cell(-i64::from(libc::ENOSYS));
        assert!(snapshot.series.values().any(|one| one.errors.get(&enosys) == Some(&200)));
    }
}
