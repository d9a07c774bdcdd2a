//! What a daemon is told, resolved and checked.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{exposition::Histograms, otlp::Otlp, totals::Bounds};
use crate::{cmd::filters::FilterArgs, histogram::Precision, ring::Limits};

/// Everything.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often the maps are read.
    pub interval: Duration,
    /// Where the ring is; `None` for none.
    pub ring: Option<PathBuf>,
    /// How much of it is kept.
    pub limits: Limits,
    /// What is exposed.
    pub histograms: Histograms,
    /// How many label sets there may be.
    pub bounds: Bounds,
    /// The most of all CPU time that tracing may take, 0 to 1; `None` for no bound.
    pub max_overhead: Option<f64>,
    /// How it is served.
    pub http: Http,
    /// The collector that metrics are pushed to, if any.
    pub otlp: Option<Otlp>,
    /// What is traced.
    pub tracing: Tracing,
    /// Files that a reload reads again.
    pub files: Vec<PathBuf>,
    /// Nothing is given up once it traces.
    pub keep_privileges: bool,
}

/// Where and to whom it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Addresses; none for none.
    pub listen: Vec<SocketAddr>,
    /// A socket of the file system.
    pub socket: Option<PathBuf>,
    /// SHA-256 of the token that a client must show.
    pub token: Option<[u8; 32]>,
    /// Files of certificate chain and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Connections at once.
    pub connections: usize,
    /// For one request, beyond what it asks to wait for; for a connection without a request half of it.
    pub request_time: Duration,
}

/// What is traced, and how.
#[derive(Clone, Debug)]
pub struct Tracing {
    /// Which calls.
    pub filters: FilterArgs,
    /// No latencies.
    pub counts_only: bool,
    /// One call in this many is timed.
    pub sample: u32,
    /// The time between calls.
    pub turnaround: bool,
    /// Of the histograms.
    pub precision: Option<Precision>,
    /// Rows of a CPU.
    pub max_series: Option<u32>,
    /// This plan and no other.
    pub plan: Option<String>,
}

impl Tracing {
    /// Whether these are the same settings: then nothing needs to be attached again.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let Self { filters, counts_only, sample, turnaround, precision, max_series, plan } = self;
        filters.describe() == other.filters.describe()
            && (*counts_only, *sample, *turnaround) == (other.counts_only, other.sample, other.turnaround)
            && (*precision, *max_series, plan) == (other.precision, other.max_series, &other.plan)
    }
}
