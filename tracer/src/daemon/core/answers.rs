//! What the state says to whoever asks.

use std::{ffi::CStr, time::SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::Core;
use crate::{
    daemon::{
        exposition::{self, Encoding, Histograms, proto::MetricFamily},
        numbers::{self, Own},
        otlp,
    },
    report::{Claim, Report, View},
};

/// The schema of pushed histograms where native ones are switched off.
const OTLP_SCHEMA: i8 = 5;

/// How a blind spot begins while nothing is traced; the live page looks for it.
const DETACHED: &str = "nothing has been attached";

impl Core {
    /// An exposition.
    pub fn metrics(&mut self, encoding: Encoding) -> Vec<u8> {
        self.refresh();
        if let Some((_, bytes)) = self.encoded.iter().find(|(one, _)| *one == encoding) {
            return bytes.clone();
        }
        let bytes = exposition::encode(&self.families(self.options.histograms), encoding);
        self.encoded.push((encoding, bytes.clone()));
        bytes
    }

    /// The same as a request of OTLP.
    pub fn otlp(&mut self) -> ExportMetricsServiceRequest {
        let native = Some(self.options.histograms.native.unwrap_or(OTLP_SCHEMA));
        let families = self.families(Histograms { native, classic: false });
        otlp::request(&families, &self.metadata, &host(), self.started, SystemTime::now())
    }

    fn families(&mut self, histograms: Histograms) -> Vec<MetricFamily> {
        self.refresh();
        let own = self.own_numbers();
        let claim = Claim::new(&self.metadata, 0, &self.totals.losses, &self.totals.missed);
        let facts = exposition::Facts {
            metadata: &self.metadata,
            fidelity: &claim.fidelity,
            started: self.started,
            histograms,
            own: &own,
        };
        exposition::families(&self.totals, &facts)
    }

    fn own_numbers(&self) -> Vec<Own> {
        let mut numbers = self.numbers;
        numbers.gap_ns += self.paused.map_or(0, |since| since.elapsed().as_nanos() as u64);
        let mut own = numbers.list();
        own.extend(numbers::process(self.started));
        if let Some(ring) = &self.ring {
            own.extend(numbers::ring(ring, self.durable.failures()));
        }
        if let (Some(governor), Some(limit)) = (&self.governor, self.options.max_overhead) {
            own.extend(numbers::governor(governor, limit, self.share));
        }
        own
    }

    /// The report of the last seconds, as far as they are in memory.
    pub fn report(&mut self, seconds: f64, view: &View) -> Report {
        self.refresh();
        let mut sum = self.recent.last(seconds - self.pending.duration_ns as f64 / 1e9);
        sum.merge(&self.pending);
        let mut metadata = self.metadata.clone();
        if let Some(since) = self.paused {
            let seconds = since.elapsed().as_secs();
            metadata.plan.blind_spots.push(format!(
                "{DETACHED} for {seconds} s: tracing would have cost more than --max-overhead"
            ));
        }
        Report::new(&metadata, &sum, view)
    }
}

/// The machine's name. Asked for without a file: those are out of reach by now.
fn host() -> String {
    // SAFETY: plain arrays of bytes, for which zeros are valid.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: a valid pointer to a structure of the size that the call fills.
    if unsafe { libc::uname(&raw mut names) } != 0 {
        return String::new();
    }
    // SAFETY: the kernel ends each of them with a zero.
    unsafe { CStr::from_ptr(names.nodename.as_ptr()) }.to_string_lossy().into_owned()
}
