//! The head of a recording, from facts, plan and settings.

use std::{
    ffi::OsString,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    kernel::{Facts, machine},
    metadata::{Conditions, Metadata},
    plan::Plan,
    recording::FORMAT,
    regime::Regime,
    settings::Settings,
};

/// Describes a recording that begins now.
#[must_use]
pub fn describe(
    facts: &Facts,
    plan: &Plan,
    settings: &Settings,
    filters: Vec<String>,
    command: &[OsString],
) -> Metadata {
    let mut kernel = Regime::of(facts).describe(facts);
    kernel.config_digest = machine::config_digest();
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Metadata {
        format: FORMAT.to_owned(),
        tool: concat!("exitpath ", env!("CARGO_PKG_VERSION")).to_owned(),
        kernel,
        machine: machine::describe(),
        conditions: Conditions::default(),
        run: None,
        plan: plan.describe(),
        precision: settings.precision.digits(),
        clock: "CLOCK_MONOTONIC (bpf_ktime_get_ns)".to_owned(),
        started_at: (started.as_secs_f64() * 1000.0).round() / 1000.0,
        filters,
        sample: settings.sample,
        counts_only: settings.counts_only,
        command: command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    }
}
