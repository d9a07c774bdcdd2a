//! Rules that hold for any runs.

use proptest::{collection::vec, prelude::*};
use tracer_common::Path::{self, Iret, Sysret};

use super::runs::{key, run, series};
use crate::{
    diff::{Comparison, Estimate, Metric, Options, Run, Times, Track, compare},
    metadata::Metadata,
};

fn options() -> Options {
    Options { resamples: 200, ..Options::default() }
}

/// Two sides of runs of some intervals of two series; times are 200 to 3000 ns.
fn sides() -> impl Strategy<Value = (Vec<Run>, Vec<Run>)> {
    let interval = (1_u64..60, 200.0..3000.0_f64, 1_u64..60, 200.0..3000.0_f64);
    let side = || vec(vec(interval.clone(), 1..4), 1..7);
    (side(), side()).prop_map(|(base, new)| (made("base", &base, 1.0), made("new", &new, 1.0)))
}

type Interval = (u64, f64, u64, f64);

fn made(name: &str, runs: &[Vec<Interval>], scale: f64) -> Vec<Run> {
    let of = |&(one, one_ns, other, other_ns): &Interval| {
        vec![(key(0, Sysret), series(one, one_ns * scale)), (key(1, Iret), series(other, other_ns * scale))]
    };
    let numbered = runs.iter().enumerate();
    numbered.map(|(number, intervals)| run(&format!("{name}{number}"), intervals.iter().map(of))).collect()
}

fn compared(base: &[Run], new: &[Run], options: &Options) -> Comparison {
    compare(base, new, options, &|_| ()).unwrap()
}

/// Equal up to rounding; infinities are equal to themselves.
fn near(one: f64, other: f64) -> bool {
    one.total_cmp(&other).is_eq() || (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

fn mirrored(one: Estimate, other: Estimate) -> bool {
    near(one.value, -other.value) && near(one.low, -other.high) && near(one.high, -other.low)
}

fn logarithm(ratio: Estimate) -> Estimate {
    Estimate { value: ratio.value.ln(), low: ratio.low.ln(), high: ratio.high.ln() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn swapped_sides_are_the_mirror((base, new) in sides()) {
        let (there, back) = (compared(&base, &new, &options()), compared(&new, &base, &options()));
        for (one, other) in there.service.iter().chain(&there.paths).zip(back.service.iter().chain(&back.paths)) {
            prop_assert_eq!(&one.subject, &other.subject);
            prop_assert_eq!(one.changes.len(), other.changes.len());
            for (one, other) in one.changes.iter().zip(&other.changes) {
                prop_assert!(mirrored(one.difference, other.difference), "{:?} {:?}", one, other);
                // None to none is 1 both ways.
                if one.base > 0.0 && one.new > 0.0 {
                    let (one, other) = (logarithm(one.ratio), logarithm(other.ratio));
                    prop_assert!(mirrored(one, other), "{:?} {:?}", one, other);
                }
                prop_assert!(near(one.p.unwrap_or(2.0), other.p.unwrap_or(2.0)));
                prop_assert_eq!(one.verdict == crate::diff::Verdict::Slower, other.verdict == crate::diff::Verdict::Faster);
            }
        }
        for (one, other) in there.calls.iter().zip(&back.calls) {
            prop_assert!(mirrored(one.shift, other.shift), "{:?} {:?}", one, other);
        }
    }

    #[test]
    fn the_parts_add_up((base, new) in sides()) {
        let comparison = compared(&base, &new, &options());
        for call in &comparison.calls {
            prop_assert!(near(call.mix.value + call.within.value, call.shift.value), "{:?}", call);
            prop_assert!(near(call.new - call.base, call.shift.value), "{:?}", call);
        }
        let total = comparison.total.unwrap();
        let parts = total.workload.value + total.paths.value + total.within.value;
        prop_assert!(near(parts, total.shift.value) && near(total.new - total.base, total.shift.value), "{:?}", total);
        prop_assert!(near(comparison.mix.iter().map(|mix| mix.difference.value).sum(), 0.0));
    }

    /// Twice as long, in a histogram whose buckets are twice as wide: twice the difference, and the same ratio.
    #[test]
    fn time_has_no_unit(runs in vec(vec((10_u64..60, 300.0..3000.0_f64), 1..4), 8), split in 1_usize..7) {
        let scaled = |shift: u16| -> (Vec<Run>, Vec<Run>) {
            let mut all: Vec<Run> = runs.iter().enumerate().map(|(number, intervals)| {
                run(&number.to_string(), intervals.iter().map(|&(count, ns)| vec![(key(0, Sysret), series(count, ns))]))
            }).collect();
            for run in &mut all {
                for track in run.series.values_mut() {
                    track.service.cells.iter_mut().for_each(|cell| *cell += 128 * shift);
                    track.service.sums.iter_mut().for_each(|sum| *sum <<= shift);
                }
            }
            let new = all.split_off(split);
            (all, new)
        };
        let options = Options { min_effect_ns: 0.0, ..options() };
        let ((base, new), (base_2, new_2)) = (scaled(0), scaled(1));
        // The draws depend on what the runs hold; the estimates do not depend on the draws.
        let (one, two) = (compared(&base, &new, &options), compared(&base_2, &new_2, &options));
        for (one, two) in one.service[0].changes.iter().zip(&two.service[0].changes) {
            let scale = if one.metric.is_latency() { 2.0 } else { 1.0 };
            prop_assert!(near(one.difference.value * scale, two.difference.value), "{:?} {:?}", one, two);
            prop_assert!(near(one.ratio.value, two.ratio.value), "{:?} {:?}", one, two);
            prop_assert!(near(one.p.unwrap_or(2.0), two.p.unwrap_or(2.0)), "{:?} {:?}", one, two);
            prop_assert_eq!(one.resolution.map(|width| width * 2.0), two.resolution);
        }
    }

    #[test]
    fn a_seed_gives_the_same_on_any_number_of_threads((base, new) in sides(), seed: u64) {
        let with = |seed, threads| compared(&base, &new, &Options { seed, threads, curves: true, ..options() });
        let one = with(seed, 1);
        // As text: infinities and all.
        prop_assert_eq!(format!("{:?}", one), format!("{:?}", with(seed, 3)));
        let other = with(seed ^ 1, 1);
        let first = |one: &Comparison| one.service[0].changes[0].difference.value;
        prop_assert!(near(first(&one), first(&other)));
    }

    #[test]
    fn intervals_hold_their_value_and_verdicts_their_reasons((base, new) in sides()) {
        let comparison = compared(&base, &new, &options());
        for change in comparison.service.iter().flat_map(|row| &row.changes) {
            prop_assert!(change.difference.low <= change.difference.high);
            prop_assert!(change.p.is_none() || change.q >= change.p);
            let verdict = change.verdict;
            let is_found = matches!(verdict, crate::diff::Verdict::Slower | crate::diff::Verdict::Faster);
            prop_assert!(!is_found || change.q.is_some_and(|q| q <= 0.05));
        }
    }

    #[test]
    fn no_run_is_so_odd_that_it_panics(base in vec(odd(), 0..5), new in vec(odd(), 0..5), force: bool, shuffled: bool) {
        let name = |mut runs: Vec<Run>, side: &str| {
            for (at, run) in runs.iter_mut().enumerate() {
                run.file = format!("{side}{at}");
            }
            runs
        };
        let shuffles = shuffled.then_some(3);
        let new = if shuffled { Vec::new() } else { name(new, "new") };
        let options = Options { force, shuffles, curves: true, resamples: 100, ..Options::default() };
        drop(compare(&name(base, "base"), &new, &options, &|_| ()));
    }
}

/// Any numbers at all, and vectors of lengths that do not fit together.
fn odd() -> impl Strategy<Value = Run> {
    let number = || prop_oneof![Just(0), 1_u64..1000, any::<u64>()];
    let numbers = move || vec(number(), 0..4);
    let times = move || {
        (numbers(), numbers(), vec(0_u32..6, 0..5), vec(any::<u16>(), 0..6), numbers())
            .prop_map(|(counts, sums, starts, cells, numbers)| Times { counts, sums, starts, cells, numbers })
    };
    let track = move || {
        (numbers(), numbers(), times(), times()).prop_map(|(returns, errors, service, work)| Track {
            returns,
            errors,
            service,
            work,
        })
    };
    let path = || (0_u32..6).prop_map(Path::from_bits);
    let series = proptest::collection::btree_map(
        (0_u16..3, path()).prop_map(|(nr, path)| key(nr, path)),
        track(),
        0..4,
    );
    let turnaround = proptest::collection::btree_map(path(), times(), 0..3);
    (numbers(), series, turnaround, 0_u8..4, any::<f64>()).prop_map(
        |(durations, series, turnaround, precision, started_at)| Run {
            metadata: Metadata { precision, started_at, ..Metadata::default() },
            durations,
            series,
            turnaround,
            ..Run::default()
        },
    )
}

#[test]
fn metrics_come_in_the_order_of_outputs() {
    let runs = made("b", &vec![vec![(60, 500.0, 60, 900.0); 2]; 2], 1.0);
    let other = made("n", &vec![vec![(60, 500.0, 60, 900.0); 2]; 2], 1.1);
    for row in &compared(&runs, &other, &options()).service {
        let places: Vec<_> = row
            .changes
            .iter()
            .map(|change| Metric::ALL.iter().position(|metric| *metric == change.metric))
            .collect();
        assert!(places.is_sorted(), "{places:?}");
    }
}
