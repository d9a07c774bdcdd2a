//! Comparing recordings: two sides of runs in, one [`Comparison`] out. Pure: no I/O, no clock, and with a fixed seed
//! the same bytes every time. docs/STATISTICS.md says how and why.

mod advice;
mod curve;
mod decompose;
mod draws;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod gather;
mod grid;
mod interval;
mod model;
mod row;
mod run;
mod sample;
mod seen;
mod shuffle;
mod side;
mod sort;
mod tables;
mod verdict;

use decompose::{Decomposition, decompose};
use draws::Draws;
pub use error::DiffError;
pub use gather::Gather;
pub use model::{
    Advice, CallShift, Change, Comparison, CurvePoint, Estimate, FalsePositives, Level, Method, Metric,
    PathMix, Row, Side, Subject, TotalShift, Unit, Verdict,
};
use row::Context;
pub use run::{Run, Times, Track};
pub use sort::Sort;

use crate::{environment::differences, syscalls::SyscallSet};

/// How to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Seed of the resampling.
    pub seed: u64,
    /// Resamples of each interval.
    pub resamples: usize,
    /// Confidence of each interval, 0 to 1.
    pub confidence: f64,
    /// The share of wrong findings among all findings that is accepted, 0 to 1.
    pub fdr: f64,
    /// Changes below this share of the base are no change.
    pub min_effect_ratio: f64,
    /// Changes below this many ns are no change.
    pub min_effect_ns: f64,
    /// The order of rows.
    pub sort: Sort,
    /// Rows of other calls are left out, after everything is computed: what is tested does not depend on what is shown.
    pub only: Option<SyscallSet>,
    /// At most so many rows a table.
    pub top: Option<usize>,
    /// Compare what differs in plan, fidelity, precision or filters, and say so.
    pub force: bool,
    /// Shuffle the labels of one side's runs so often.
    pub shuffles: Option<usize>,
    /// Compute [`Row::curve`].
    pub curves: bool,
    /// Threads to compute on; the result does not depend on it.
    pub threads: usize,
    /// What the base is called.
    pub base_label: String,
    /// What the new side is called.
    pub new_label: String,
    /// The command that repeats the comparison.
    pub repeat: String,
    /// Each run is a host of a fleet.
    pub hosts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            resamples: 2000,
            confidence: 0.95,
            fdr: 0.05,
            min_effect_ratio: 0.01,
            min_effect_ns: 5.0,
            sort: Sort::default(),
            only: None,
            top: None,
            force: false,
            shuffles: None,
            curves: false,
            threads: 1,
            base_label: "base".to_owned(),
            new_label: "new".to_owned(),
            repeat: String::new(),
            hosts: false,
        }
    }
}

/// Told how much is done, 0 to 1, from any of the threads.
pub type Progress<'a> = &'a (dyn Fn(f64) + Sync);

/// Compares two sides. With [`Options::shuffles`] there is one side, `base`, and every second run of it is the other.
pub fn compare(
    base: &[Run],
    new: &[Run],
    options: &Options,
    progress: Progress,
) -> Result<Comparison, DiffError> {
    if options.shuffles.is_none() {
        return two_sides(base, new, options, progress);
    }
    if !new.is_empty() {
        return Err(DiffError::TwoSidesToShuffle);
    }
    if base.len() < 2 * row::TESTABLE {
        return Err(DiffError::TooFewToShuffle { runs: base.len() });
    }
    let every_second = |from| base.iter().skip(from).step_by(2).cloned().collect::<Vec<_>>();
    two_sides(&every_second(0), &every_second(1), options, progress)
}

fn two_sides(
    base: &[Run],
    new: &[Run],
    options: &Options,
    progress: Progress,
) -> Result<Comparison, DiffError> {
    side::check(base, new)?;
    let forced = side::comparable(base, new, options.force)?;
    let unit = match base.len().min(new.len()) {
        1 => Unit::Blocks,
        _ if options.hosts => Unit::Hosts,
        _ => Unit::Runs,
    };
    let draws = |runs, twin| Draws::new(runs, options.seed, options.resamples, twin);
    let (base_draws, new_draws) = (draws(base, false), draws(new, same(base, new)));
    let precision = base.first().map(Run::precision).unwrap_or_default();
    let bucket = base.iter().chain(new).map(|run| run.bucket).fold(0.0, f64::max);
    let context = Context { options, unit, base: &base_draws, new: &new_draws, precision, bucket };
    let mut tables = tables::tables(base, new, &context, progress);
    if !tables.service.iter().any(|row| row.base.runs > 0 && row.new.runs > 0) {
        return Err(DiffError::NothingInCommon);
    }
    let Decomposition { mix, calls, total } = decompose(base, new, &context);
    let tests = verdict::judge(tables.rows(), unit, options);
    let fewest = base.len().min(new.len());
    let advice = advice::advice(fewest, unit, &tables.service, &mut tables.spreads, options);
    let aa = options
        .shuffles
        .map(|shuffles| shuffle::false_positives(&tables.values, base.len() + new.len(), shuffles, options));
    let omitted = tables.show(options);
    let environment = match (base.first(), new.first()) {
        (Some(base), Some(new)) => differences(&base.metadata, &new.metadata),
        _ => Vec::new(),
    };
    let mut notes = [side::notes("base", base), side::notes("new", new)].concat();
    notes.extend(few(unit, fewest, options.hosts));
    progress(1.0);
    Ok(Comparison {
        base: side::side(&options.base_label, base),
        new: side::side(&options.new_label, new),
        method: method(base, new, unit, tests, options),
        environment,
        forced,
        notes,
        advice,
        service: tables.service,
        paths: tables.paths,
        exit_work: tables.exit_work,
        turnaround: tables.turnaround,
        omitted,
        mix,
        calls,
        total,
        aa,
        repeat: options.repeat.clone(),
    })
}

/// Equal sides would draw the same runs at the same time, and never differ.
fn same(base: &[Run], new: &[Run]) -> bool {
    base.iter().map(Run::digest).eq(new.iter().map(Run::digest))
}

fn few(unit: Unit, runs: usize, hosts: bool) -> Option<String> {
    match (unit, runs) {
        (Unit::Blocks, _) if hosts => Some(
            "one host a side: the intervals show the spread within the time compared, and claim nothing of differences \
             between hosts, or from one day to another"
                .to_owned(),
        ),
        (Unit::Blocks, _) => Some(
            "one run a side: the intervals show the spread inside the runs, and claim nothing of run-to-run differences"
                .to_owned(),
        ),
        (_, few) if few < unit.testable() => Some(format!(
            "{few} {}s a side are too few to test: there are intervals, but no verdicts",
            unit.name()
        )),
        (Unit::Hosts, few) if few < row::TESTABLE => Some(format!(
            "{few} hosts a side: the verdicts rest on hosts being spread normally; without that, even the largest \
             difference may be chance one time in ten"
        )),
        _ => None,
    }
}

fn method(base: &[Run], new: &[Run], unit: Unit, tests: usize, options: &Options) -> Method {
    Method {
        unit,
        seed: options.seed,
        resamples: options.resamples,
        confidence: options.confidence,
        fdr: options.fdr,
        min_effect_ratio: options.min_effect_ratio,
        min_effect_ns: options.min_effect_ns,
        tests,
        block: base.iter().chain(new).map(|run| run.block).max().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests;
