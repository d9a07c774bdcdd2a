//! What cannot be compared.

use tracer_common::Path::{Iret, Sysret};

use super::runs::{key, side};
use crate::diff::{DiffError, Options, Run, compare};

fn refused(base: &[Run], new: &[Run], options: &Options) -> DiffError {
    compare(base, new, options, &|_| ()).unwrap_err()
}

#[test]
fn sides_that_are_empty_or_have_nothing_in_common() {
    let options = Options::default();
    let one = side("base", 2, &[(key(0, Sysret), 10, 1000.0)]);
    assert_eq!(refused(&one, &[], &options), DiffError::EmptySide { side: "new" });
    assert_eq!(refused(&[], &one, &options), DiffError::EmptySide { side: "base" });
    let other = side("new", 2, &[(key(0, Iret), 10, 1000.0)]);
    assert_eq!(refused(&one, &other, &options), DiffError::NothingInCommon);
    let empty = side("new", 2, &[]);
    assert_eq!(refused(&one, &empty, &options), DiffError::EmptyRun { file: "new0.hlog".to_owned() });
}

#[test]
fn a_run_counts_once() {
    let options = Options::default();
    let (base, mut new) =
        (side("b", 4, &[(key(0, Sysret), 10, 1000.0)]), side("n", 4, &[(key(0, Sysret), 10, 1100.0)]));
    new[1] = base[2].clone();
    let same =
        |first: &str, second: &str| DiffError::SameRun { first: first.to_owned(), second: second.to_owned() };
    assert_eq!(refused(&base, &new, &options), same("b2.hlog", "b2.hlog"));
    new[1] = new[0].clone();
    new[1].file = "copy.hlog".to_owned();
    assert_eq!(refused(&base, &new, &options), same("n0.hlog", "copy.hlog"));
    // Without ids, what they hold decides.
    new[0].metadata.run = None;
    new[1].metadata.run = None;
    assert_eq!(refused(&base, &new, &options), same("n0.hlog", "copy.hlog"));
    new[1].metadata.started_at = 1.0;
    assert!(compare(&base, &new, &options, &|_| ()).is_ok());
}

#[test]
fn recordings_of_other_plans_unless_forced() {
    let options = Options::default();
    let calls = [(key(0, Sysret), 50, 1000.0)];
    let (base, mut new) = (side("b", 4, &calls), side("n", 4, &calls));
    for run in &mut new {
        run.metadata.plan.name = "final-hook".to_owned();
        run.metadata.precision = 1;
        // A coarse histogram's cells have other numbers.
        for track in run.series.values_mut() {
            for cell in &mut track.service.cells {
                *cell /= 8;
            }
        }
    }
    let error = refused(&base, &new, &options).to_string();
    assert!(
        error.starts_with("b0.hlog and n0.hlog cannot be compared: plan - | final-hook, precision 2 | 1"),
        "{error}"
    );
    let forced = compare(&base, &new, &Options { force: true, ..options }, &|_| ()).unwrap();
    let whats: Vec<_> = forced.forced.iter().map(|one| &*one.what).collect();
    assert_eq!(whats, ["plan", "precision"]);
}

#[test]
fn shuffling_takes_one_side_of_enough_runs() {
    let options = Options { shuffles: Some(10), ..Options::default() };
    let runs = side("b", 7, &[(key(0, Sysret), 10, 1000.0)]);
    assert_eq!(refused(&runs, &[], &options), DiffError::TooFewToShuffle { runs: 7 });
    assert_eq!(refused(&runs[..4], &runs[4..], &options), DiffError::TwoSidesToShuffle);
}
