//! The formats, literally, and what must hold for any comparison.

use proptest::prelude::*;

use super::{Format, Options, table::LKML_WIDTH, write};
use crate::output::html;
use crate::{
    diff::{
        Comparison, Estimate, Subject,
        fixture::{comparison, large},
    },
    output::table::Style,
};

fn text(format: Format, comparison: &Comparison, options: &Options) -> String {
    let mut bytes = Vec::new();
    write(format, comparison, options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn plain(format: Format) -> String {
    text(format, &comparison(), &Options::default())
}

#[test]
fn table_to_a_pipe() {
    insta::assert_snapshot!(plain(Format::Table));
}

#[test]
fn table_in_80_columns_is_in_blocks() {
    let options = Options { width: Some(80), ..Options::default() };
    let text = text(Format::Table, &comparison(), &options);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn lkml() {
    insta::assert_snapshot!(plain(Format::Lkml));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(plain(Format::Markdown));
}

#[test]
fn json() {
    insta::assert_snapshot!(plain(Format::Json));
}

#[test]
fn csv() {
    let text = plain(Format::Csv);
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
    for line in text.replace("\"p50 faster, p99 slower\"", "").split_terminator("\r\n") {
        assert_eq!(line.split(',').count(), 32, "{line}");
    }
    let quoted = text.matches('"').count();
    assert_eq!(quoted, 4, "because has a comma, in two lines");
}

#[test]
fn colours_only_where_asked() {
    let wide = Options { width: Some(250), style: Style::Coloured };
    let coloured = text(Format::Table, &comparison(), &wide);
    assert!(coloured.contains("\x1b[31mslower\x1b[0m") && coloured.contains("\x1b[32mfaster\x1b[0m"));
    for format in [Format::Table, Format::Lkml, Format::Markdown, Format::Csv] {
        assert!(!plain(format).contains('\x1b'));
    }
}

#[test]
fn nothing_in_common_is_written_too() {
    let empty = Comparison {
        service: Vec::new(),
        paths: Vec::new(),
        exit_work: Vec::new(),
        turnaround: Vec::new(),
        mix: Vec::new(),
        calls: Vec::new(),
        total: None,
        aa: None,
        advice: None,
        environment: Vec::new(),
        ..comparison()
    };
    insta::assert_snapshot!(text(Format::Table, &empty, &Options::default()));
}

/// Whether a text is fit for a mail.
fn fit_for_a_mail(text: &str) -> Result<(), String> {
    match text
        .lines()
        .find(|line| line.len() > LKML_WIDTH || !line.is_ascii() || line.contains(char::is_control))
    {
        Some(line) => Err(line.to_owned()),
        None => Ok(()),
    }
}

#[test]
fn lkml_fits_for_300_series() {
    let text = text(Format::Lkml, &large(300), &Options::default());
    fit_for_a_mail(&text).unwrap();
    assert_eq!(text.matches("a_system_call_with_a_long_name_299 ").count(), 2, "service time and exit work");
}

#[test]
fn the_page_stays_below_its_limit() {
    for series in [7, 300, 1_500] {
        let text = text(Format::Html, &large(series), &Options::default());
        assert!(text.len() < html::LIMIT, "{series}: {}", text.len());
        assert_eq!(text.contains("rows do not fit"), series == 1_500, "{series}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn lkml_fits_for_any_names_and_numbers(
        name in ".{0,120}",
        label in ".{0,120}",
        value in prop::num::f64::ANY,
        low in prop::num::f64::ANY,
        high in prop::num::f64::ANY,
    ) {
        let mut odd = comparison();
        odd.base.label.clone_from(&label);
        odd.notes.push(label.clone());
        odd.repeat = label.repeat(3);
        odd.environment[1].new = name.repeat(4);
        for row in &mut odd.service {
            if let Subject::Series(call, _) = &mut row.subject {
                call.name.clone_from(&name);
            }
            for change in &mut row.changes {
                let odd = Estimate { value, low, high };
                (change.base, change.new, change.difference, change.ratio) = (low, high, odd, odd);
                change.q = Some(value);
            }
        }
        let text = text(Format::Lkml, &odd, &Options::default());
        prop_assert_eq!(fit_for_a_mail(&text), Ok(()));
        for format in [Format::Table, Format::Markdown] {
            let text = super::tests::text(format, &odd, &Options::default());
            prop_assert!(!text.contains(|one: char| one.is_control() && one != '\n'));
        }
        prop_assert!(serde_json::from_str::<serde_json::Value>(&super::tests::text(Format::Json, &odd, &Options::default())).is_ok());
    }
}
