//! The tables of a comparison, row by row on several threads.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tracer_common::SeriesKey;

use super::{
    Options, Progress,
    advice::spread,
    model::{Row, Subject},
    row::{Context, row},
    run::Run,
    seen::{Kind, Seen},
    shuffle::{Values, values},
};
use crate::report::CallName;

/// All rows.
#[derive(Debug, Default)]
pub struct Tables {
    /// Of series.
    pub service: Vec<Row>,
    /// Of paths.
    pub paths: Vec<Row>,
    /// Of series.
    pub exit_work: Vec<Row>,
    /// Of paths.
    pub turnaround: Vec<Row>,
    /// The spread between runs of each series' mean, where it can be seen.
    pub spreads: Vec<f64>,
    /// For `--aa`: each metric of each row, by run.
    pub values: Vec<Values>,
}

impl Tables {
    /// All of them.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        let Self { service, paths, exit_work, turnaround, spreads: _, values: _ } = self;
        service.iter_mut().chain(paths).chain(exit_work).chain(turnaround)
    }

    /// Sorts, and leaves out what is not to be shown: how many rows that were.
    pub fn show(&mut self, options: &Options) -> usize {
        let mut omitted = 0;
        for table in [&mut self.service, &mut self.paths, &mut self.exit_work, &mut self.turnaround] {
            let before = table.len();
            table.retain(|row| is_wanted(&row.subject, options));
            options.sort.sort(table);
            table.truncate(options.top.unwrap_or(usize::MAX));
            omitted += before - table.len();
        }
        omitted
    }
}

fn is_wanted(subject: &Subject, options: &Options) -> bool {
    match (subject, &options.only) {
        (Subject::Series(CallName { abi, nr, .. }, _), Some(set)) => {
            let nr = u32::try_from(*nr).unwrap_or(u32::from(tracer_common::NR_INVALID));
            set.contains(*abi, nr)
        }
        _ => true,
    }
}

struct Made {
    row: Row,
    spread: Option<f64>,
    values: Vec<Values>,
}

/// Computes all rows.
#[must_use]
pub fn tables(base: &[Run], new: &[Run], context: &Context, progress: Progress) -> Tables {
    let kinds = kinds(base, new);
    let made: Vec<Mutex<Option<Made>>> = kinds.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&kind) = kinds.get(at) else { return };
            let one = make(kind, base, new, context);
            if let Ok(mut place) = made[at].lock() {
                *place = Some(one);
            }
            progress((at + 1) as f64 / (kinds.len() + 1) as f64);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..context.options.threads.clamp(1, kinds.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let mut tables = Tables::default();
    for (kind, made) in kinds.iter().zip(made) {
        let Some(Made { row, spread, values }) = made.into_inner().ok().flatten() else { continue };
        tables.values.extend(values);
        match kind {
            Kind::Service(_) => {
                tables.spreads.extend(spread);
                tables.service.push(row);
            }
            Kind::Path(_) => tables.paths.push(row),
            Kind::Work(_) | Kind::PathWork(_) => tables.exit_work.push(row),
            Kind::Turnaround(_) => tables.turnaround.push(row),
        }
    }
    tables
}

fn make(kind: Kind, base: &[Run], new: &[Run], context: &Context) -> Made {
    let runs = [base.len(), new.len()];
    let (base, new) = (Seen::of(kind, base), Seen::of(kind, new));
    Made {
        row: row(kind, &base, &new, context),
        spread: spread(&base, &new),
        values: if context.options.shuffles.is_some() { values(kind, &base, &new, runs) } else { Vec::new() },
    }
}

/// What there are rows of, in the order of ABI, number and path.
fn kinds(base: &[Run], new: &[Run]) -> Vec<Kind> {
    let runs = || base.iter().chain(new);
    let mut keys: Vec<_> =
        runs().flat_map(|run| run.series.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect();
    keys.sort_by_key(|key| (key.call().abi, key.call().nr, key.path()));
    let worked =
        |key: &SeriesKey| runs().any(|run| run.series.get(key).is_some_and(|track| !track.work.is_empty()));
    let paths: BTreeSet<_> = keys.iter().map(|key| key.path()).collect();
    let turnarounds: BTreeSet<_> = runs().flat_map(|run| run.turnaround.keys().copied()).collect();
    let path_works: BTreeSet<_> = runs().flat_map(|run| run.work.keys().copied()).collect();
    let works: Vec<_> = keys.iter().copied().filter(worked).map(Kind::Work).collect();
    let services = keys.into_iter().map(Kind::Service);
    let paths = paths.into_iter().map(Kind::Path);
    let path_works = path_works.into_iter().map(Kind::PathWork);
    let turnarounds = turnarounds.into_iter().map(Kind::Turnaround);
    services.chain(paths).chain(works).chain(path_works).chain(turnarounds).collect()
}
