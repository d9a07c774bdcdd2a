//! The rows and columns themselves.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};

use super::{
    Ink, Style,
    column::{Column, GAP},
};
use crate::report::Report;

pub(super) fn write(
    report: &Report,
    columns: &[Column],
    width: Option<usize>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let table = table(report, columns, width);
    for (number, line) in table.trim_fmt().lines().enumerate() {
        // A cell is padded on its left, so that nothing stands behind the last one: the first column's goes.
        let line = line.get(GAP..).unwrap_or_default();
        if number == 0 {
            writeln!(to, "{}", style.paint(Ink::Bold, line))?;
        } else {
            writeln!(to, "{line}")?;
        }
    }
    Ok(())
}

fn table(report: &Report, columns: &[Column], width: Option<usize>) -> Table {
    let room = width.map_or(usize::MAX, |width| list_width(report, columns, width));
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.title()));
    for row in &report.rows {
        table.add_row(columns.iter().map(|column| {
            let text = column.text(row);
            if column.is_list() { wrap(&text, room) } else { text }
        }));
    }
    for (column, one) in columns.iter().zip(table.column_iter_mut()) {
        one.set_padding((GAP as u16, 0));
        one.set_cell_alignment(if column.is_text() { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// The width of a column of lists: what the other columns leave, in equal parts.
fn list_width(report: &Report, columns: &[Column], width: usize) -> usize {
    let (lists, others): (Vec<&Column>, Vec<&Column>) = columns.iter().partition(|column| column.is_list());
    let fixed: usize = others.iter().map(|column| column.width(report) + GAP).sum();
    let left = (width + GAP).saturating_sub(fixed);
    (left / lists.len().max(1)).saturating_sub(GAP)
}

/// Breaks a list between its items (`name count`, separated by `, ` or before a parenthesis).
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for item in text.replace(" (", "\n(").replace(", ", ",\n").lines() {
        if used > 0 && used + 1 + item.len() > width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(item);
        used += item.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lists_break_between_items() {
        let text = "cx!=ip 1, r11!=flags 2 (restart 1, ptrace 1)";
        assert_eq!(wrap(text, 80), text);
        assert_eq!(wrap(text, 24), "cx!=ip 1, r11!=flags 2\n(restart 1, ptrace 1)");
        assert_eq!(wrap(text, 1), "cx!=ip 1,\nr11!=flags 2\n(restart 1,\nptrace 1)");
    }
}
