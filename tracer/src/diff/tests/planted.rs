//! Cases whose truth is known.

use tracer_common::Path::{Iret, Sysret};

use super::runs::{key, run, series, side};
use crate::diff::{Comparison, Metric, Options, Row, Run, Unit, Verdict, compare};

fn compared(base: &[Run], new: &[Run]) -> Comparison {
    compare(base, new, &Options::default(), &|_| ()).unwrap()
}

fn mean(row: &Row) -> f64 {
    row.change(Metric::Mean).unwrap().ratio.value
}

#[test]
fn both_paths_faster_and_the_call_slower_is_said_to_be_the_mix() {
    let base = side("base", 10, &[(key(0, Sysret), 900, 1000.0), (key(0, Iret), 100, 3000.0)]);
    let new = side("new", 10, &[(key(0, Sysret), 500, 950.0), (key(0, Iret), 500, 2850.0)]);
    let comparison = compared(&base, &new);
    assert_eq!(comparison.service.len(), 2);
    for row in comparison.service.iter().chain(&comparison.paths) {
        assert_eq!(row.verdict, Verdict::Faster, "{row:?}");
        assert!((mean(row) - 0.95).abs() < 0.01, "{row:?}");
    }
    let [call] = &*comparison.calls else { panic!("{:?}", comparison.calls) };
    assert!(call.paradox);
    assert!(call.shift.low > 0.0 && call.mix.low > 0.0 && call.within.high < 0.0, "{call:?}");
    assert!((call.base - 1200.0).abs() < 10.0 && (call.new - 1900.0).abs() < 15.0, "{call:?}");
    // 0.4 of the calls went from 950 to 2850; 0.9 of -50 and 0.1 of -150.
    assert!((call.mix.value - 760.0).abs() < 8.0 && (call.within.value + 60.0).abs() < 8.0, "{call:?}");
    let total = comparison.total.unwrap();
    assert!(total.paradox && total.paths.low > 0.0 && total.within.high < 0.0, "{total:?}");
    assert!(total.workload.value.abs() < 1e-9, "{total:?}");
    let iret = comparison.mix.iter().find(|mix| mix.path == Iret).unwrap();
    assert!((iret.base - 0.1).abs() < 1e-9 && (iret.difference.value - 0.4).abs() < 1e-9, "{iret:?}");
}

#[test]
fn a_path_that_one_side_does_not_have_is_mix_and_a_call_is_workload() {
    let base = side("base", 5, &[(key(0, Sysret), 100, 1000.0), (key(1, Sysret), 100, 500.0)]);
    let new = side(
        "new",
        5,
        &[(key(0, Sysret), 50, 1000.0), (key(0, Iret), 50, 2000.0), (key(2, Sysret), 100, 100.0)],
    );
    let comparison = compared(&base, &new);
    let [call] = &*comparison.calls else { panic!("{:?}", comparison.calls) };
    assert!((call.mix.value - 500.0).abs() < 10.0 && call.within.value.abs() < 10.0, "{call:?}");
    let total = comparison.total.unwrap();
    let parts = total.workload.value + total.paths.value + total.within.value;
    assert!((parts - (total.new - total.base)).abs() < 1e-6, "{total:?}");
    // Half of the calls: 500 ns became 100 ns.
    assert!(
        (total.workload.value + 200.0).abs() < 5.0 && (total.paths.value - 250.0).abs() < 5.0,
        "{total:?}"
    );
    let because: Vec<_> = comparison.service.iter().map(|row| (row.subject.name(), &*row.because)).collect();
    assert!(because.contains(&("write".to_owned(), "only in base")), "{because:?}");
    assert!(because.contains(&("open".to_owned(), "only in new")), "{because:?}");
}

#[test]
fn nothing_is_found_where_nothing_is_and_what_is_equal_is_equivalent() {
    let calls = [(key(0, Sysret), 400, 1000.0), (key(1, Iret), 200, 30_000.0)];
    let comparison = compared(&side("base", 12, &calls), &side("other", 12, &calls));
    for row in comparison.service.iter().chain(&comparison.paths) {
        assert_eq!(row.verdict, Verdict::Equivalent, "{row:?}");
    }
    assert!(comparison.calls.iter().all(|call| !call.paradox));
    assert_eq!(comparison.advice, None);
    assert!(comparison.method.tests >= 4 * 4, "{}", comparison.method.tests);
}

#[test]
fn a_change_below_the_minimum_effect_is_none_and_says_so() {
    let calls = |ns| [(key(0, Sysret), 400, ns)];
    let comparison = compared(&side("base", 10, &calls(100.0)), &side("new", 10, &calls(103.0)));
    let [row] = &*comparison.service else { panic!("{:?}", comparison.service) };
    let change = row.change(Metric::Mean).unwrap();
    assert!(change.q.unwrap() < 0.01 && change.ratio.low > 1.01, "{change:?}");
    // 3 %, but 3 ns.
    assert_eq!(row.verdict, Verdict::Equivalent, "{row:?}");
    let options = Options { min_effect_ns: 1.0, ..Options::default() };
    let finer = compare(&side("base", 10, &calls(100.0)), &side("new", 10, &calls(103.0)), &options, &|_| ())
        .unwrap();
    assert_eq!(finer.service[0].verdict, Verdict::Slower);
}

#[test]
fn few_runs_have_intervals_but_no_verdict_and_advice() {
    let (slow, fast) = ([(key(0, Sysret), 400, 2000.0)], [(key(0, Sysret), 400, 1000.0)]);
    let comparison = compared(&side("base", 3, &fast), &side("new", 3, &slow));
    let [row] = &*comparison.service else { panic!("{:?}", comparison.service) };
    assert_eq!((row.verdict, &*row.because), (Verdict::Inconclusive, "3 runs a side"));
    assert!(row.changes.iter().all(|change| change.p.is_none() && change.q.is_none()));
    assert!(row.change(Metric::P50).unwrap().ratio.low > 1.5);
    let advice = comparison.advice.unwrap();
    assert!(advice.runs >= 10 && advice.spread > 0.001 && advice.spread < 0.03, "{advice:?}");
    assert!(comparison.notes.iter().any(|note| note.starts_with("3 runs a side are too few")));
}

#[test]
fn one_run_a_side_is_resampled_by_blocks_and_claims_nothing_of_runs() {
    let (slow, fast) = ([(key(0, Sysret), 400, 2000.0)], [(key(0, Sysret), 400, 1000.0)]);
    let comparison = compared(&side("base", 1, &fast), &side("new", 1, &slow));
    assert_eq!((comparison.method.unit, comparison.method.tests), (Unit::Blocks, 0));
    let [row] = &*comparison.service else { panic!("{:?}", comparison.service) };
    assert_eq!((row.verdict, &*row.because), (Verdict::Inconclusive, "one run a side"));
    let mean = row.change(Metric::Mean).unwrap();
    assert!(mean.difference.low > 900.0 && mean.difference.high < 1100.0 && mean.p.is_none(), "{mean:?}");
    assert!(mean.difference.low < mean.difference.value && mean.difference.value < mean.difference.high);
    assert!(comparison.advice.is_some());
    // With one block, not even that is known.
    let alone = |ns| [run(&format!("{ns}"), [vec![(key(0, Sysret), series(100, ns))]])];
    let comparison = compared(&alone(1000.0), &alone(2000.0));
    let mean = comparison.service[0].change(Metric::Mean).unwrap().clone();
    assert!(mean.difference.low.is_infinite() && mean.ratio.low == 0.0 && mean.ratio.high.is_infinite());
}

#[test]
fn errors_from_none_to_some_are_found() {
    let with = |name: &str, errors: u64| -> Vec<Run> {
        let one = |number: u64| {
            let failing = |mut one: crate::snapshot::Series| {
                one.errors = [(2, errors)].into();
                one
            };
            run(&format!("{name}{number}"), [vec![(key(0, Sysret), failing(series(100 + number, 1000.0)))]])
        };
        (0..8).map(one).collect()
    };
    let comparison = compared(&with("base", 0), &with("new", 10));
    let errors = comparison.service[0].change(Metric::Errors).unwrap().clone();
    assert_eq!(errors.verdict, Verdict::Slower, "{errors:?}");
    assert!(errors.ratio.value.is_infinite() && errors.difference.low > 0.08, "{errors:?}");
    let comparison = compared(&with("base", 0), &with("new", 0));
    let errors = comparison.service[0].change(Metric::Errors).unwrap().clone();
    assert_eq!((errors.verdict, errors.p, errors.ratio.value), (Verdict::Equivalent, None, 1.0));
}

#[test]
fn shuffled_labels_find_next_to_nothing() {
    let calls = [(key(0, Sysret), 300, 1000.0), (key(1, Iret), 200, 3000.0)];
    let options = Options { shuffles: Some(200), ..Options::default() };
    let comparison = compare(&side("base", 16, &calls), &[], &options, &|_| ()).unwrap();
    let aa = comparison.aa.unwrap();
    assert!(aa.shuffles == 200 && aa.tests > 200 && aa.any <= 10 && aa.found >= aa.any, "{aa:?}");
    assert_eq!((comparison.base.runs, comparison.new.runs), (8, 8));
}

#[test]
fn more_timed_calls_than_a_number_holds_do_not_wrap() {
    let most = |ns| {
        let mut one = series(10, ns);
        (one.returns, one.latency.count) = (u64::MAX, u64::MAX);
        one
    };
    let one = |id: &str, ns| run(id, [vec![(key(0, Sysret), most(ns)), (key(0, Iret), most(3.0 * ns))]]);
    let comparison = compared(&[one("base", 100.0)], &[one("new", 200.0)]);
    let [call] = &*comparison.calls else { panic!("{:?}", comparison.calls) };
    assert_eq!((call.base_timed, call.new_timed), (u64::MAX, u64::MAX));
}
