//! The terminal table: what was traced and how well, the rows, and what is missing.

mod column;
mod grid;
mod lines;

use std::io::{self, Write};

pub use column::Column;

use super::human;
use crate::report::Report;

/// How the table is laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The columns; `None` is the default ones, of which a narrow terminal drops some.
    pub columns: Option<Vec<Column>>,
    /// Width of the terminal in columns; `None` is no limit (a pipe or a file).
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub style: Style,
}

/// Whether colours may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences.
    #[default]
    Plain,
    /// ANSI colours: bold header, yellow for what limits the result, red for what is missing.
    Coloured,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Bold,
    Yellow,
    Red,
    Green,
}

impl Style {
    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        let code = match (self, ink) {
            (Self::Plain, _) => return text.to_owned(),
            (Self::Coloured, Ink::Bold) => 1,
            (Self::Coloured, Ink::Yellow) => 33,
            (Self::Coloured, Ink::Red) => 31,
            (Self::Coloured, Ink::Green) => 32,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Writes a report as a table.
///
/// # Errors
///
/// Those of the writer.
pub fn write(report: &Report, options: &Options, to: &mut dyn Write) -> io::Result<()> {
    let Options { columns, width, style } = options;
    lines::head(report, *style, to)?;
    if report.rows.is_empty() {
        writeln!(to, "\nno system call returned\n")?;
    } else {
        let chosen = column::choose(report, columns.as_deref(), *width);
        writeln!(to)?;
        grid::write(report, &chosen.columns, *width, *style, to)?;
        writeln!(to)?;
        if report.omitted.rows > 0 {
            let (rows, returns) =
                (human::count(report.omitted.rows as u64), human::count(report.omitted.returns));
            writeln!(to, "--top left out {rows} rows with {returns} returns")?;
        }
        if !chosen.dropped.is_empty() {
            let names: Vec<_> = chosen.dropped.iter().map(|column| column.title()).collect();
            writeln!(
                to,
                "left out to fit the width: {} (a wider terminal or --columns shows them)",
                names.join(", ")
            )?;
        }
    }
    lines::foot(report, *style, to)
}

#[cfg(test)]
mod tests;
