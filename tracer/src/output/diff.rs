//! Bytes from a comparison, one file a format. Pure: they write to the writer they are given, and do nothing else.

pub mod csv;
pub mod html;
pub mod json;
mod layout;
pub mod markdown;
mod page;
mod quantity;
mod section;
pub mod table;
mod words;

use std::io::{self, Write};

use clap::ValueEnum;

use super::table::Style;
use crate::diff::Comparison;

/// The version of this tool.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The formats of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table to read.
    #[default]
    Table,
    /// Plain ASCII of at most 75 columns, for a patch mail.
    Lkml,
    /// Tables as GitHub and GitLab show them.
    Markdown,
    /// One JSON object (docs/JSON.md).
    Json,
    /// One line a row and metric, RFC 4180.
    Csv,
    /// One page that needs no network.
    Html,
}

/// How a comparison is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Width of the terminal in columns; `None` is no limit (a pipe or a file).
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub style: Style,
}

/// Writes a comparison in a format.
///
/// # Errors
///
/// Those of the writer.
pub fn write(
    format: Format,
    comparison: &Comparison,
    options: &Options,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(comparison, options, to),
        Format::Lkml => table::write_lkml(comparison, to),
        Format::Markdown => markdown::write(comparison, to),
        Format::Json => json::write(comparison, to),
        Format::Csv => csv::write(comparison, to),
        Format::Html => html::write(comparison, to),
    }
}

#[cfg(test)]
mod tests;
