//! What the daemon counts of itself: name, help and value; `_total` is a counter, all else a gauge.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{governor::Governor, otlp::Counts};
use crate::{ring::Ring, session::cost::cpu_ns};

/// A number with its name and help.
pub type Own = (&'static str, &'static str, f64);

/// Counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// Intervals read.
    pub intervals: u64,
    /// Configurations read again, and taken.
    pub reloads: u64,
    /// Configurations read again, and refused.
    pub failed_reloads: u64,
    /// Times the programs were attached anew, or detached.
    pub reattached: u64,
    /// For how long nothing was attached, in ns.
    pub gap_ns: u64,
    /// Requests answered.
    pub requests: u64,
    /// Connections refused, because there were too many.
    pub refused_connections: u64,
    /// How pushing went.
    pub otlp: Counts,
}

impl Numbers {
    /// All of them.
    #[must_use]
    pub fn list(&self) -> Vec<Own> {
        let Self {
            intervals,
            reloads,
            failed_reloads,
            reattached,
            gap_ns,
            requests,
            refused_connections,
            otlp,
        } = *self;
        let Counts { pushed, failed } = otlp;
        vec![
            ("exitpath_intervals_total", "Intervals read.", intervals as f64),
            ("exitpath_config_reloads_total", "Configurations read again and taken.", reloads as f64),
            (
                "exitpath_config_failures_total",
                "Configurations read again and refused.",
                failed_reloads as f64,
            ),
            (
                "exitpath_reattached_total",
                "Times the programs were attached anew with other settings, or detached.",
                reattached as f64,
            ),
            (
                "exitpath_untraced_seconds_total",
                "For how long nothing was attached: calls of this time are missing.",
                gap_ns as f64 / 1e9,
            ),
            ("exitpath_http_requests_total", "Requests answered.", requests as f64),
            (
                "exitpath_http_refused_connections_total",
                "Connections refused, because there were too many.",
                refused_connections as f64,
            ),
            ("exitpath_otlp_pushes_total", "Requests that a collector took.", pushed as f64),
            ("exitpath_otlp_failures_total", "Requests that a collector did not take.", failed as f64),
        ]
    }
}

/// This process.
#[must_use]
pub fn process(started: SystemTime) -> Vec<Own> {
    let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut all = vec![
        ("exitpath_reader_cpu_seconds_total", "CPU time of the daemon's process.", cpu_ns() as f64 / 1e9),
        (
            "process_start_time_seconds",
            "When the daemon began to count, since the epoch.",
            since.as_secs_f64(),
        ),
    ];
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    if let Some(pages) = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u32>().ok()) {
        // x86_64 has one size of pages.
        all.push((
            "process_resident_memory_bytes",
            "Resident memory of the daemon's process.",
            f64::from(pages) * 4096.0,
        ));
    }
    all
}

/// The ring.
#[must_use]
pub fn ring(ring: &Ring, unsynced: u64) -> [Own; 5] {
    let lost = ring.unkept();
    [
        ("exitpath_ring_bytes", "Size of the ring.", ring.bytes() as f64),
        ("exitpath_ring_segments", "Segments in the ring.", ring.segments() as f64),
        (
            "exitpath_ring_unkept_intervals_total",
            "Intervals that the ring did not take.",
            lost.intervals as f64,
        ),
        ("exitpath_ring_unkept_returns_total", "Returns in these.", lost.returns as f64),
        (
            "exitpath_ring_sync_failures_total",
            "Times that the disk did not say that it has what the ring took.",
            unsynced as f64,
        ),
    ]
}

/// The governor, and what it saw last.
#[must_use]
pub fn governor(governor: &Governor, limit: f64, share: f64) -> [Own; 5] {
    [
        (
            "exitpath_governor_cost_ratio",
            "What tracing cost in the last interval, of all CPU time, as far as it is measured.",
            share,
        ),
        ("exitpath_governor_limit_ratio", "The most that tracing may cost, of all CPU time.", limit),
        (
            "exitpath_governor_level",
            "How far down the ladder it is: 0 measures everything, the last step nothing.",
            governor.level() as f64,
        ),
        ("exitpath_governor_steps_down_total", "Steps to a cheaper way of tracing.", governor.down as f64),
        ("exitpath_governor_steps_up_total", "Steps back.", governor.up as f64),
    ]
}
