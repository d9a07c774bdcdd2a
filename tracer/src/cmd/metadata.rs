//! The head of a recording, from facts, plan and settings.

use std::{
    ffi::OsString,
    fs::File,
    io::Read as _,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    kernel::{Facts, conditions, description},
    metadata::{Metadata, Run},
    plan::Plan,
    recording::FORMAT,
    regime::Regime,
    settings::Settings,
};

/// Describes a recording that begins now: the only run of its kind, until somebody says otherwise.
#[must_use]
pub fn describe(
    facts: &Facts,
    plan: &Plan,
    settings: &Settings,
    filters: Vec<String>,
    command: &[OsString],
) -> Metadata {
    let mut kernel = Regime::of(facts).describe(facts);
    description::complete(&mut kernel);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Metadata {
        format: FORMAT.to_owned(),
        tool: concat!("exitpath ", env!("CARGO_PKG_VERSION")).to_owned(),
        kernel,
        machine: description::machine(),
        conditions: conditions::now(),
        run: run_id().map(|id| Run { id, number: 1, order: 1, ..Run::default() }),
        plan: plan.describe(),
        precision: settings.precision.digits(),
        clock: "CLOCK_MONOTONIC (bpf_ktime_get_ns)".to_owned(),
        started_at: (started.as_secs_f64() * 1000.0).round() / 1000.0,
        filters,
        sample: settings.sample,
        counts_only: settings.counts_only,
        divert: settings.divert,
        command: command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    }
}

/// 128 random bits in hex; `None` where there are none to be had.
fn run_id() -> Option<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").ok()?.read_exact(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
