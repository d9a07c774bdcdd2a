//! The table, literally.

use super::{Column, Options, Style, write};
use crate::report::{
    Grouping, Report, SortKey, View,
    fixture::{in_flight, metadata, report, snapshot},
};

fn table(report: &Report, options: &Options) -> String {
    let mut bytes = Vec::new();
    write(report, options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn wide(width: usize) -> Options {
    Options { width: Some(width), ..Options::default() }
}

#[test]
fn to_a_pipe() {
    insta::assert_snapshot!(table(&report(&View::default()), &Options::default()));
}

#[test]
fn in_120_columns() {
    let text = table(&report(&View::default()).with_in_flight(in_flight()), &wide(120));
    for line in text.lines().filter(|line| !line.starts_with("note:")) {
        assert!(line.chars().count() <= 120, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn in_80_columns_some_give_way() {
    let text = table(&report(&View::default()), &wide(80));
    let grid = text.lines().skip_while(|line| !line.starts_with("name")).take_while(|line| !line.is_empty());
    for line in grid {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn columns_as_asked_but_no_quantile_without_its_count() {
    let columns = Some(vec![Column::Name, Column::P99, Column::Mean, Column::Errno]);
    insta::assert_snapshot!(table(&report(&View::default()), &Options { columns, ..Options::default() }));
}

#[test]
fn by_path_and_top() {
    let view = View { grouping: Grouping::Path, sort: SortKey::Returns, top: Some(1) };
    insta::assert_snapshot!(table(&report(&view), &Options::default()));
}

#[test]
fn colours_only_where_asked() {
    let options = Options { style: Style::Coloured, ..Options::default() };
    let coloured = table(&report(&View::default()), &options);
    assert!(coloured.contains("\x1b[31mloss: tid-collision 4\x1b[0m"));
    let plain: String = coloured
        .split("\x1b[")
        .enumerate()
        .map(|(n, part)| match n {
            0 => part,
            _ => part.split_once('m').unwrap().1,
        })
        .collect();
    assert_eq!(plain, table(&report(&View::default()), &Options::default()));
}

#[test]
fn samples_and_counts_are_labelled() {
    let mut head = metadata();
    (head.sample, head.filters) = (16, vec!["-p 41".to_owned(), "--failed".to_owned()]);
    head.command = vec!["make".to_owned(), "-j".to_owned()];
    let mut seen = snapshot();
    for one in seen.series.values_mut() {
        one.latency.count = one.latency.count.min(40);
    }
    insta::assert_snapshot!(table(&Report::new(&head, &seen, &View::default()), &wide(120)));
    (head.sample, head.counts_only) = (1, true);
    for one in seen.series.values_mut() {
        one.latency = crate::histogram::Histogram::default();
    }
    (seen.turnaround, seen.losses) = (std::collections::BTreeMap::new(), [0; 7]);
    insta::assert_snapshot!(table(&Report::new(&head, &seen, &View::default()), &wide(120)));
}

#[test]
fn of_nothing() {
    let nothing = Report::new(&metadata(), &crate::snapshot::Snapshot::default(), &View::default());
    insta::assert_snapshot!(table(&nothing, &wide(120)));
}
