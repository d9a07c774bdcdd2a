//! The tables of a comparison as cells, which the formats for people lay out.

use super::{
    quantity::{self, NONE, Span},
    words,
};
use crate::{
    diff::{CallShift, Change, Comparison, Metric, Row, Unit, Verdict},
    output::human,
};

/// What marks a shift that is smaller than the histogram's buckets.
pub(super) const BELOW_RESOLUTION: &str = " *";

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub title: String,
    /// Numbers stand on the right.
    pub right: bool,
    /// When it gives way to a narrow page: 0 first; `None` never.
    pub drops: Option<u8>,
}

/// Lines about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The cells that all its lines share.
    pub key: Vec<String>,
    /// The same in words, for pages too narrow for columns of them.
    pub heading: String,
    /// The other cells.
    pub lines: Vec<Vec<String>>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub title: String,
    pub key: Vec<Column>,
    pub columns: Vec<Column>,
    pub groups: Vec<Group>,
}

/// All tables that have something to show.
pub(super) fn sections(comparison: &Comparison) -> Vec<Section> {
    let Comparison { service, paths, exit_work, turnaround, method, .. } = comparison;
    let confidence = words::share(method.confidence);
    let rows = [
        ("service time by call and path, sys_enter to sys_exit", service),
        ("service time by path", paths),
        ("exit work by call and path, sys_exit to the last hook before user mode", exit_work),
        ("turnaround by path, a thread's return to its next entry", turnaround),
    ];
    let mut all: Vec<_> =
        rows.into_iter().map(|(title, rows)| of_rows(title, rows, &confidence, method.unit)).collect();
    all.push(of_calls(comparison, &confidence));
    all.push(of_mix(comparison, &confidence));
    all.retain(|section| !section.groups.is_empty());
    all
}

/// The changes that the formats for people show of a row: mean and median (of turnaround the 5th percentile too),
/// and whatever moved. Machine formats have all.
pub(super) fn shown(row: &Row) -> impl Iterator<Item = &Change> {
    row.changes.iter().filter(|change| {
        matches!(change.metric, Metric::Mean | Metric::P5 | Metric::P50)
            || matches!(change.verdict, Verdict::Slower | Verdict::Faster)
    })
}

fn left(title: &str) -> Column {
    Column { title: title.to_owned(), right: false, drops: None }
}

fn right(title: &str) -> Column {
    Column { right: true, ..left(title) }
}

impl Column {
    fn drops(self, order: u8) -> Self {
        Self { drops: Some(order), ..self }
    }
}

fn of_rows(title: &str, rows: &[Row], confidence: &str, unit: Unit) -> Section {
    let interval = format!("{confidence} interval");
    Section {
        title: title.to_owned(),
        key: vec![
            left("call"),
            left("path"),
            right("n base"),
            right("n new"),
            right(&format!("{}s", unit.name())).drops(3),
            left("overall"),
        ],
        columns: vec![
            left("metric"),
            right("base"),
            right("new"),
            right("diff"),
            right(&interval),
            right("ratio"),
            right(&interval).drops(1),
            right("resolution").drops(0),
            right("q").drops(2),
            left("verdict"),
        ],
        groups: rows.iter().map(|row| of_row(row, unit)).collect(),
    }
}

fn of_row(row: &Row, unit: Unit) -> Group {
    let (name, path) = (row.subject.name(), row.subject.path().name());
    let overall = if row.because.is_empty() {
        row.verdict.name().to_owned()
    } else {
        format!("{} ({})", row.verdict.name(), row.because)
    };
    let runs = if row.base.runs == row.new.runs {
        row.base.runs.to_string()
    } else {
        format!("{}/{}", row.base.runs, row.new.runs)
    };
    let [base, new] = [row.base.timed, row.new.timed].map(human::count);
    let heading = format!("{name} {path}: {overall}; n {base} base, {new} new; {}s {runs}", unit.name());
    let mut lines: Vec<_> = shown(row).map(of_change).collect();
    if lines.is_empty() {
        lines.push([NONE; 10].map(str::to_owned).to_vec());
    }
    Group { key: vec![name, path.to_owned(), base, new, runs, overall], heading, lines }
}

fn of_change(change: &Change) -> Vec<String> {
    let difference = quantity::difference(change.metric, change.difference);
    let ratio = quantity::ratio(change.ratio);
    let mark = if change.below_resolution { BELOW_RESOLUTION } else { "" };
    let verdict = format!("{}{mark}", quantity::verdict(change));
    vec![
        change.metric.name().to_owned(),
        quantity::value(change.metric, change.base),
        quantity::value(change.metric, change.new),
        difference.value,
        difference.interval,
        ratio.value,
        ratio.interval,
        quantity::resolution(change),
        quantity::probability(change.q),
        verdict,
    ]
}

/// Calls whose shift is not all of one path's.
fn of_calls(comparison: &Comparison, confidence: &str) -> Section {
    let interval = format!("{confidence} interval");
    let mixed = |call: &&CallShift| call.paradox || call.mix.value != 0.0;
    Section {
        title: "what the shift of a call's mean comes from, where it leaves by several paths".to_owned(),
        key: vec![left("call"), right("n base"), right("n new"), right("base"), right("new")],
        columns: vec![left("part"), right("diff"), right(&interval)],
        groups: comparison.calls.iter().filter(mixed).map(of_call).collect(),
    }
}

fn of_call(call: &CallShift) -> Group {
    let [n_base, n_new] = [call.base_timed, call.new_timed].map(human::count);
    let [base, new] = [call.base, call.new].map(human::mean_time);
    let name = call.call.label();
    let parts = [("shift", call.shift), ("mix of paths", call.mix), ("within paths", call.within)];
    Group {
        heading: format!("{name}: {base} -> {new}; n {n_base} base, {n_new} new"),
        key: vec![name, n_base, n_new, base, new],
        lines: parts
            .map(|(part, estimate)| {
                let Span { value, interval } = quantity::time(estimate);
                vec![part.to_owned(), value, interval]
            })
            .to_vec(),
    }
}

fn of_mix(comparison: &Comparison, confidence: &str) -> Section {
    let groups = comparison.mix.iter().map(|mix| {
        let Span { value, interval } = quantity::points(mix.difference);
        Group {
            key: vec![mix.path.name().to_owned()],
            heading: mix.path.name().to_owned(),
            lines: vec![vec![human::percent(mix.base), human::percent(mix.new), value, interval]],
        }
    });
    Section {
        title: "share of all returns by path".to_owned(),
        key: vec![left("path")],
        columns: vec![right("base"), right("new"), right("diff"), right(&format!("{confidence} interval"))],
        groups: groups.collect(),
    }
}
