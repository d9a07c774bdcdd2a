//! Each way of agreeing, of differing as claimed, and of being wrong.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Key, Opinions, Seen, Verdict, judge};
use crate::cases;
use crate::compare::Report;
use crate::expect::{Abi, Expectation, Path};

const FORK: [(i64, Path, u64, u64); 3] =
    [(57, Path::Sysret, 2, 0), (57, Path::Iret, 2, 2), (61, Path::Sysret, 2, 0)];

fn oracle(rows: &[(i64, Path, u64, u64)]) -> BTreeMap<Key, Seen> {
    rows.iter().map(|&(nr, path, all, newborn)| ((Abi::X86_64, nr, path), Seen { all, newborn })).collect()
}

fn report(fidelity: &str, loss: u64, rows: &[(i64, Path, u64, u64)]) -> Report {
    let series: Vec<_> = rows
        .iter()
        .map(|(nr, path, returns, newborn)| {
            json!({ "abi": "x86_64", "nr": nr, "path": path.name(), "returns": returns,
                "reasons": { "fork-child": newborn } })
        })
        .collect();
    let report = json!({ "schema": "exitpath.report/1", "series": series, "loss": { "lost": loss },
        "plan": { "name": "tracepoints", "fidelity": fidelity } });
    Report::parse(&report.to_string()).expect("a report")
}

fn verdict(rows: &[(i64, Path, u64, u64)], report: Option<&Report>) -> Verdict {
    judged(rows, report, &Expectation::of(&[cases::parse("fork=2").expect("a case")]))
}

fn judged(rows: &[(i64, Path, u64, u64)], report: Option<&Report>, workload: &Expectation) -> Verdict {
    judge(&Opinions { oracle: &oracle(rows), tracer: report, workload, selected: None })
}

#[test]
fn three_equal_opinions_are_equal_and_two_will_do_without_a_tracer() {
    assert_eq!(verdict(&FORK, None), Verdict::Equal);
    assert_eq!(verdict(&FORK, Some(&report("exact", 0, &FORK))), Verdict::Equal);
}

#[test]
fn the_oracle_is_held_against_the_workload() {
    let Verdict::Wrong(said) = verdict(&FORK[..2], None) else { panic!("wait4 is missing") };
    assert_eq!(said, ["workload: x86_64 wait4 sysret: oracle 0, expected 2"]);
}

#[test]
fn the_tracer_is_held_against_the_oracle_also_where_nobody_expected_anything() {
    let more = [&FORK[..], &[(0, Path::Sysret, 3, 0)]].concat();
    let Verdict::Wrong(said) = verdict(&more, Some(&report("exact", 0, &FORK))) else {
        panic!("reads are missing")
    };
    assert_eq!(said, ["tracer: x86_64 0 sysret: oracle 3, tracer 0"]);
    let mut old = FORK;
    old[1].3 = 1;
    let Verdict::Wrong(said) = verdict(&FORK, Some(&report("exact", 0, &old))) else { panic!("not all new") };
    assert!(said.contains(&"tracer: x86_64 57 iret fork-child: oracle 2, tracer 1".to_owned()), "{said:?}");
}

#[test]
fn bounds_may_take_iret_for_sysret_and_never_the_other_way() {
    let mut moved = FORK.to_vec();
    moved.push((62, Path::Iret, 5, 0));
    let with =
        |sysret, iret| [&FORK[..], &[(62, Path::Sysret, sysret, 0), (62, Path::Iret, iret, 0)]].concat();
    assert!(matches!(verdict(&moved, Some(&report("bounds", 0, &with(2, 3)))), Verdict::Within(_)));
    assert!(matches!(verdict(&moved, Some(&report("amended", 0, &with(2, 3)))), Verdict::Wrong(_)));
    assert!(matches!(verdict(&moved, Some(&report("bounds", 0, &with(3, 3)))), Verdict::Wrong(_)));
    assert!(matches!(verdict(&moved, Some(&report("bounds", 0, &with(0, 3)))), Verdict::Wrong(_)));
    assert!(matches!(verdict(&with(4, 1), Some(&report("bounds", 0, &with(3, 2)))), Verdict::Wrong(_)));
}

#[test]
fn declared_losses_excuse_as_many_missing_returns() {
    let less = |n: u64| [&FORK[..2], &[(61, Path::Sysret, 2 - n, 0)]].concat();
    assert!(matches!(verdict(&FORK, Some(&report("exact", 1, &less(1)))), Verdict::Within(_)));
    assert!(matches!(verdict(&FORK, Some(&report("exact", 1, &less(2)))), Verdict::Wrong(_)));
    assert!(matches!(verdict(&FORK, Some(&report("exact", 0, &less(1)))), Verdict::Wrong(_)));
}

#[test]
fn what_a_debugger_may_have_changed_goes_either_way() {
    let took = [&FORK[..], &[(111, Path::Sysret, 20, 0)]].concat();
    let told = [&FORK[..], &[(111, Path::Iret, 20, 0)]].concat();
    let mut said = report("bounds", 0, &told);
    assert!(matches!(verdict(&took, Some(&said)), Verdict::Wrong(_)));
    said.series.iter_mut().filter(|one| one.nr == 111).for_each(|one| one.uncertain = 20);
    assert!(matches!(verdict(&took, Some(&said)), Verdict::Within(_)));
    said.series.iter_mut().for_each(|one| one.uncertain = one.uncertain.min(19));
    assert!(matches!(verdict(&took, Some(&said)), Verdict::Wrong(_)));
}

#[test]
fn skipped_runs_excuse_as_many_errors_of_any_kind() {
    let more = [&FORK[..], &[(34, Path::Iret, 2, 0)]].concat();
    let with = |recursion| {
        let mut said = report("bounds", 0, &more);
        said.loss.insert("recursion".to_owned(), recursion);
        verdict(&FORK, Some(&said))
    };
    assert!(matches!(with(2), Verdict::Within(_)) && matches!(with(1), Verdict::Wrong(_)));
}

#[test]
fn what_the_case_says_of_itself_is_heard() {
    let mut workload = Expectation::of(&[cases::parse("getppid=2").expect("a case")]);
    workload.renames = [(111, 110)].into();
    let [called, ran] = [111, 110].map(|nr| [(nr, Path::Sysret, 2, 0)]);
    assert_eq!(judged(&called, Some(&report("amended", 0, &ran)), &workload), Verdict::Equal);
    assert!(matches!(judged(&called, Some(&report("amended", 0, &[])), &workload), Verdict::Wrong(_)));
    assert!(matches!(judged(&[], None, &workload), Verdict::Wrong(_)), "the oracle is blind to nothing");
    workload.cases.clear();
    workload.unsupported = [("getppid".to_owned(), "why".to_owned())].into();
    assert_eq!(judged(&[], None, &workload), Verdict::Unsupported(vec!["why".to_owned()]));
}

#[test]
fn a_process_that_was_not_followed_may_be_missing_whole() {
    let mut said = report("bounds", 0, &FORK[..1]);
    said.loss = BTreeMap::from([("recursion".to_owned(), 1)]);
    assert!(
        matches!(verdict(&FORK, Some(&said)), Verdict::Wrong(_)),
        "four are missing, and one run was skipped"
    );
    said.recursion_misses.insert("fork_btf".to_owned(), 1);
    assert!(matches!(verdict(&FORK, Some(&said)), Verdict::Within(_)));
}
