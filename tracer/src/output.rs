//! Bytes from a report, one file a format. Pure: they write to the writer they are given, and do nothing else.

pub mod bench;
pub mod csv;
pub mod diff;
pub mod hgrm;
pub mod html;
pub mod human;
pub mod json;
pub mod openmetrics;
pub mod table;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::report::Report;

/// The formats that draw from a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table to read.
    #[default]
    Table,
    /// One JSON object (docs/JSON.md).
    Json,
    /// One line a row, RFC 4180.
    Csv,
    /// A recording that HdrHistogram tools read.
    Hlog,
    /// OpenMetrics text, as Prometheus reads it.
    #[value(name = "openmetrics")]
    OpenMetrics,
    /// One page that needs no network.
    Html,
    /// `HdrHistogram`'s percentile distribution, one a series.
    Hgrm,
}

impl Format {
    /// Whether it holds one report and no more: there are no intervals in it.
    #[must_use]
    pub const fn is_of_one_moment(self) -> bool {
        matches!(self, Self::OpenMetrics | Self::Html | Self::Hgrm)
    }
}

/// Writes one report, or one report an interval and one of the whole, in a format.
#[derive(Debug)]
pub struct Renderer {
    format: Format,
    options: table::Options,
    several: bool,
    begun: bool,
}

impl Renderer {
    /// `several` says that more than one report will follow: JSON is then one object a line.
    /// [`Format::Hlog`] does not come from a report: [`crate::recording`] writes it.
    #[must_use]
    pub const fn new(format: Format, options: table::Options, several: bool) -> Self {
        Self { format, options, several, begun: false }
    }

    /// Writes the next report.
    ///
    /// # Errors
    ///
    /// Those of the writer; `Unsupported` for [`Format::Hlog`].
    pub fn render(&mut self, report: &Report, to: &mut dyn Write) -> io::Result<()> {
        let first = !std::mem::replace(&mut self.begun, true);
        match self.format {
            Format::Table => {
                if !first {
                    writeln!(to)?;
                }
                table::write(report, &self.options, to)
            }
            Format::Json if self.several => json::write_line(report, to),
            Format::Json => json::write(report, to),
            Format::Csv => {
                if first {
                    csv::write_header(to)?;
                }
                csv::write_rows(report, to)
            }
            Format::OpenMetrics => openmetrics::write(report, to),
            Format::Html => html::report::write(report, to),
            Format::Hgrm => hgrm::write(report, to),
            Format::Hlog => Err(io::Error::new(io::ErrorKind::Unsupported, "hlog is no format of a report")),
        }
    }
}
