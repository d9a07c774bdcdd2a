//! Options that several subcommands share.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, ValueEnum as _};

use crate::{
    error::CliError,
    output::{
        Format, Renderer,
        table::{Column, Options},
    },
    report::{Grouping, SortKey, View},
    sink::Sink,
};

/// How results are seen.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "View")]
pub struct ViewArgs {
    /// Order of the rows: numbers downwards, names upwards
    #[arg(long, value_enum, value_name = "KEY", default_value_t)]
    pub sort: SortKey,
    /// Show at most N rows
    #[arg(long, value_name = "N")]
    pub top: Option<NonZeroUsize>,
    /// What a row is: a call and a path, a call, or a path
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub by: Grouping,
    /// Columns of the table, separated by commas [default: what fits the terminal]
    #[arg(long, value_enum, value_name = "COLUMN", value_delimiter = ',')]
    pub columns: Option<Vec<Column>>,
}

/// Where results go, and in what format.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Format of the result
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Write the result to FILE, which is opened before any work; `.gz` and `.zst` compress `hlog`
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl ViewArgs {
    /// Whether any of it was asked for.
    #[must_use]
    pub fn is_given(&self) -> bool {
        let Self { sort, top, by, columns } = self;
        *sort != SortKey::default() || top.is_some() || *by != Grouping::default() || columns.is_some()
    }

    /// The view of a report.
    #[must_use]
    pub fn view(&self) -> View {
        View { grouping: self.by, sort: self.sort, top: self.top.map(NonZeroUsize::get) }
    }
}

impl OutputArgs {
    /// Refuses what does not go together; `intervals` says that each interval is written too.
    pub fn check(&self, view: &ViewArgs, intervals: bool) -> Result<(), CliError> {
        if intervals && self.format.is_of_one_moment() {
            let name =
                self.format.to_possible_value().map_or_else(String::new, |name| name.get_name().to_owned());
            return Err(CliError::usage(
                &format!("cannot write intervals as {name}"),
                "it holds one moment",
                "leave the intervals out, or use --format json, csv or hlog",
            ));
        }
        if view.columns.is_some() && self.format != Format::Table {
            return Err(CliError::usage(
                "cannot choose columns",
                "--columns is for the table",
                "leave it out, or use --format table",
            ));
        }
        Ok(())
    }

    /// Opens the output.
    pub fn open(&self) -> Result<Sink, CliError> {
        Sink::open(self.output.as_deref())
    }

    /// What writes reports into the opened output.
    #[must_use]
    pub fn renderer(&self, view: &ViewArgs, sink: &Sink, intervals: bool) -> Renderer {
        let options = Options { columns: view.columns.clone(), width: sink.width(), style: sink.style() };
        Renderer::new(self.format, options, intervals)
    }
}
