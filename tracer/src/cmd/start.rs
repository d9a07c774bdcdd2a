//! From settings to running programs: the plan, the size of the maps, the head of the recording.

use std::ffi::OsString;

use super::metadata;
use crate::{
    budget,
    error::CliError,
    histogram::Precision,
    kernel::Facts,
    metadata::Metadata,
    plan::{Commit, Plan, Wish},
    recorder::Recorder,
    settings::Settings,
};

/// What is to be traced.
pub struct Request<'a> {
    /// All settings; precision and number of series are decided here.
    pub settings: Settings,
    /// Significant digits, if they must be these.
    pub precision: Option<Precision>,
    /// Rows of a CPU, if they must be as many.
    pub max_series: Option<u32>,
    /// This plan and no other.
    pub plan: Option<&'a str>,
    /// Children of the selected processes, too.
    pub follow: bool,
    /// The filters as they would be typed.
    pub filters: Vec<String>,
    /// The traced command.
    pub command: &'a [OsString],
}

/// Attaches; everything counts from here on.
pub fn start(facts: &Facts, request: Request) -> Result<(Recorder, Metadata), CliError> {
    let Request { mut settings, precision, max_series, plan, follow, filters, command } = request;
    settings.precision = precision.unwrap_or_default();
    let wish = Wish { forced: plan, counts_only: settings.counts_only, follow, plain: settings.is_plain() };
    let mut plans = Plan::ranked(facts, &wish)?;
    let rows = budget::rows(
        facts.possible_cpus,
        facts.available_memory,
        plans[0].commit == Commit::AtFinal && !settings.counts_only,
        max_series,
        precision,
    );
    (settings.max_series, settings.precision) = (rows.rows, rows.precision);
    if wish.plain && !settings.is_plain() {
        plans = Plan::ranked(facts, &Wish { plain: false, ..wish })?;
    }
    // Reading the machine's description makes calls of its own: before tracing, so that it does not show.
    let mut metadata = metadata::describe(facts, &plans[0], &settings, filters, command);
    let recorder = Recorder::start_first(plans, facts, &settings)?;
    metadata.plan = recorder.plan().describe();
    Ok((recorder, metadata))
}
