//! One host's run: what its daemon counted during the span, in blocks of time.

use super::{
    answer::Series,
    client::{Client, ServerError},
    hosts::{FleetError, Host, Kernel, Span},
    part::Parts,
    queries::increase,
};
use crate::diff::{Gather, Run, Times};

/// The most blocks of a run, as of a recording.
const MOST_BLOCKS: f64 = 12.0;
/// Scrapes in a block: an increase needs two, and is extrapolated less from more.
const SCRAPES: f64 = 4.0;

/// What is asked of a host over all blocks.
struct Asked<'a> {
    client: &'a Client,
    host: &'a Host,
    /// End of the first block.
    first: f64,
    end: f64,
    step: f64,
}

impl Asked<'_> {
    fn query(&self, query: &str) -> Result<Vec<Series>, ServerError> {
        // Half a step more, so that rounding does not lose the last block.
        self.client.over(query, self.first, self.end + self.step / 2.0, self.step)
    }

    fn increase(&self, name: &str) -> Result<Vec<Series>, ServerError> {
        self.query(&increase(name, &self.host.matchers(), self.step))
    }
}

/// The run of a host.
pub fn run(client: &Client, host: &Host, span: Span) -> Result<Run, FleetError> {
    let blocks = (host.scrapes / SCRAPES).floor().clamp(1.0, MOST_BLOCKS);
    let step = span.length / blocks;
    let first = span.end - span.length + step;
    let asked = Asked { client, host, first, end: span.end, step };
    let mut parts = Parts::new(blocks as usize, first, step);

    let info = host.matchers().over("exitpath_kernel_info", step);
    for series in asked.query(&format!("count_over_time({info})"))? {
        parts.is_there(&series, Kernel::of(&series.labels) == host.kernel);
    }
    for series in asked.increase("exitpath_returns_total")? {
        parts.returns(&series);
    }
    for series in asked.increase("exitpath_syscall_duration_seconds")? {
        parts.service(&series);
    }
    if parts.width() == 0.0 {
        return Err(FleetError::NoNative { host: host.name.clone() });
    }
    for series in asked.increase("exitpath_syscall_errors_total")? {
        parts.errors(&series);
    }
    for series in asked.increase("exitpath_events_missed_total")? {
        parts.losses(&series);
    }
    for series in asked.increase("exitpath_turnaround_seconds")? {
        parts.turnaround(&series);
    }
    for series in asked.increase("exitpath_exit_work_seconds")? {
        parts.work(&series);
    }

    let (sample, resampled) = sample(client, host, span)?;
    let mut gather = Gather::new(host.name.clone(), host.metadata(tool(client, host, span)?, sample, span));
    let (snapshots, work) = parts.blocks();
    for snapshot in &snapshots {
        gather.take(snapshot);
    }
    let mut notes = parts.notes();
    if host.fidelities.iter().any(|one| one != host.fidelity()) {
        notes.push("for some of the time it claimed a lower fidelity".to_owned());
    }
    if resampled {
        notes.push("it timed one call in several for some of the time".to_owned());
    }
    let mut run = gather.finish(notes);
    run.work = work.into_iter().map(|(path, blocks)| (path, Times::of(&blocks))).collect();
    run.bucket = parts.width();
    Ok(run)
}

/// The largest sampling interval, and whether there was another.
fn sample(client: &Client, host: &Host, span: Span) -> Result<(u32, bool), ServerError> {
    let intervals = host.matchers().over("exitpath_sampling_interval", span.length);
    let extreme = |which: &str| -> Result<f64, ServerError> {
        let found = client.at(&format!("{which}({which}_over_time({intervals}))"), span.end)?;
        Ok(found.first().and_then(|series| series.values.first()).map_or(1.0, |value| value.1))
    };
    let (least, most) = (extreme("min")?, extreme("max")?);
    Ok((most.max(1.0) as u32, least < most))
}

/// Name and version of the tool that traces there.
fn tool(client: &Client, host: &Host, span: Span) -> Result<String, ServerError> {
    let info = host.matchers().over("exitpath_build_info", span.length);
    let found = client.at(&format!("last_over_time({info})"), span.end)?;
    let version = found.first().and_then(|series| series.labels.get("version")).map_or("", String::as_str);
    Ok(format!("exitpath {version}"))
}
