//! The metrics: what is counted, under which names.

use std::time::SystemTime;

use tracer_common::{Loss, Path, Reason, Untimed};

use super::{
    native,
    proto::{self, Bucket, Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType, Timestamp},
};
use crate::{daemon::totals::Totals, histogram::Histogram, metadata::Metadata, output::openmetrics::classic};

/// Which histograms are exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histograms {
    /// The schema of native ones, which only protobuf carries; `None` for none.
    pub native: Option<i8>,
    /// Classic ones, with 15 buckets.
    pub classic: bool,
}

/// What else there is to say.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Of the recording as it runs.
    pub metadata: &'a Metadata,
    /// What may be claimed now.
    pub fidelity: &'a str,
    /// Since when it is counted.
    pub started: SystemTime,
    /// Which histograms are wanted.
    pub histograms: Histograms,
    /// Numbers about the daemon itself, each with name (`_total` is a counter), help and value.
    pub own: &'a [(&'static str, &'static str, f64)],
}

/// All of them.
#[must_use]
pub fn families(totals: &Totals, facts: &Facts) -> Vec<MetricFamily> {
    let since = facts.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let created = Timestamp { seconds: since.as_secs() as i64, nanos: since.subsec_nanos() as i32 };
    let maker = Maker { created, histograms: facts.histograms };
    let mut all = maker.calls(totals).to_vec();
    all.extend(maker.paths(totals));
    all.extend(maker.own(totals, facts));
    all.retain(|family| !family.metric.is_empty());
    all
}

struct Maker {
    created: Timestamp,
    histograms: Histograms,
}

impl Maker {
    fn calls(&self, totals: &Totals) -> [MetricFamily; 3] {
        let labels = |one: &crate::daemon::totals::Labels| {
            pairs(&[("abi", one.abi.name()), ("path", one.path.name()), ("syscall", &one.syscall)])
        };
        let timed = totals.series.iter().filter(|(_, total)| total.latency.count > 0);
        [
            family(
                "exitpath_returns_total",
                "System calls that returned to user mode.",
                MetricType::Counter,
                totals.series.iter().map(|(one, total)| self.counter(labels(one), total.returns as f64)),
            ),
            family(
                "exitpath_syscall_duration_seconds",
                "Service time of system calls, sys_enter to sys_exit. Where one call in N is timed, each stands for N.",
                MetricType::Histogram,
                timed.map(|(one, total)| self.histogram(labels(one), &total.latency)),
            ),
            family(
                "exitpath_syscall_errors_total",
                "Failed system calls.",
                MetricType::Counter,
                totals.errors.iter().map(|((syscall, errno), &count)| {
                    self.counter(pairs(&[("errno", errno), ("syscall", syscall)]), count as f64)
                }),
            ),
        ]
    }

    fn paths(&self, totals: &Totals) -> [MetricFamily; 5] {
        let by_path = |(path, histogram): (&Path, &Histogram)| {
            self.histogram(pairs(&[("path", path.name())]), histogram)
        };
        [
            self.named(
                "exitpath_exit_reasons_total",
                "Failed tests that kept returns from SYSRET; a return may have failed several.",
                "reason",
                Reason::ALL.iter().map(|&kind| (kind.name(), totals.reasons[kind as usize])),
            ),
            family(
                "exitpath_exit_work_seconds",
                "From sys_exit to the last hook before user mode.",
                MetricType::Histogram,
                totals.work.iter().map(by_path),
            ),
            family(
                "exitpath_turnaround_seconds",
                "From a thread's return by this path to its next entry.",
                MetricType::Histogram,
                totals.turnaround.iter().map(by_path),
            ),
            self.named(
                "exitpath_events_missed_total",
                "What is missing from the result.",
                "reason",
                Loss::ALL.iter().map(|&kind| (kind.name(), totals.losses[kind as usize])),
            ),
            self.named(
                "exitpath_untimed_total",
                "Returns without a latency although nothing was lost, and calls that never returned.",
                "reason",
                Untimed::ALL.iter().map(|&kind| (kind.name(), totals.untimed[kind as usize])),
            ),
        ]
    }

    fn own(&self, totals: &Totals, facts: &Facts) -> Vec<MetricFamily> {
        let Metadata { tool, kernel, plan, sample, counts_only, .. } = facts.metadata;
        let version = tool.rsplit(' ').next().unwrap_or(tool);
        let build = pairs(&[("object", facts.metadata.object()), ("version", version)]);
        let kernel = pairs(&[
            ("decision", &kernel.decision),
            ("fidelity", facts.fidelity),
            ("frame", &kernel.frame),
            ("plan", &plan.name),
            ("release", &kernel.release),
        ]);
        let seconds = |ns: u64| ns as f64 / 1e9;
        let numbers = [
            (
                "exitpath_bpf_run_seconds_total",
                "Time in the tracer's BPF programs while it was measured: of all time, as much as exitpath_bpf_window_seconds_total.",
                seconds(totals.run_ns),
            ),
            (
                "exitpath_bpf_runs_total",
                "Runs of the tracer's BPF programs while they were measured.",
                totals.runs as f64,
            ),
            (
                "exitpath_bpf_window_seconds_total",
                "For how long the programs were measured.",
                seconds(totals.window_ns),
            ),
            (
                "exitpath_folded_returns_total",
                "Returns counted under the syscall \"other\", because there are more series than are named.",
                totals.folded as f64,
            ),
            (
                "exitpath_sampling_interval",
                "One call in this many is timed, and each latency counts for as many; 0 where none is. All returns are counted.",
                if *counts_only { 0.0 } else { f64::from(*sample) },
            ),
        ];
        let info =
            |name, help, labels| family(name, help, MetricType::Gauge, [gauge(labels, 1.0)].into_iter());
        let mut all = vec![
            info("exitpath_build_info", "The tool that traces.", build),
            info("exitpath_kernel_info", "The traced kernel, and what may be claimed of its paths.", kernel),
        ];
        all.extend(numbers.iter().chain(facts.own).map(|&(name, help, value)| {
            if name.ends_with("_total") {
                family(name, help, MetricType::Counter, [self.counter(Vec::new(), value)].into_iter())
            } else {
                family(name, help, MetricType::Gauge, [gauge(Vec::new(), value)].into_iter())
            }
        }));
        all
    }

    fn named(
        &self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl Iterator<Item = (&'static str, u64)>,
    ) -> MetricFamily {
        let metrics = counts.map(|(kind, count)| self.counter(pairs(&[(label, kind)]), count as f64));
        family(name, help, MetricType::Counter, metrics)
    }

    fn counter(&self, label: Vec<LabelPair>, value: f64) -> Metric {
        let counter = Counter { value: Some(value), created_timestamp: Some(self.created) };
        Metric { label, counter: Some(counter), ..Metric::default() }
    }

    fn histogram(&self, label: Vec<LabelPair>, of: &Histogram) -> Metric {
        let (edges, all) = classic(of);
        let mut histogram = proto::Histogram {
            sample_count: Some(all),
            sample_sum: Some(of.sum as f64 / 1e9),
            created_timestamp: Some(self.created),
            ..proto::Histogram::default()
        };
        if self.histograms.classic {
            let bucket = |(edge, below): (u64, u64)| Bucket {
                cumulative_count: Some(below),
                upper_bound: Some(edge as f64 / 1e9),
            };
            histogram.bucket = edges.into_iter().map(bucket).collect();
        }
        if let Some(schema) = self.histograms.native {
            native::put(of, schema, &mut histogram);
        }
        Metric { label, histogram: Some(histogram), ..Metric::default() }
    }
}

fn gauge(label: Vec<LabelPair>, value: f64) -> Metric {
    Metric { label, gauge: Some(Gauge { value: Some(value) }), ..Metric::default() }
}

fn family(name: &str, help: &str, kind: MetricType, metric: impl Iterator<Item = Metric>) -> MetricFamily {
    let stem = name.strip_suffix("_total").unwrap_or(name);
    MetricFamily {
        name: Some(name.to_owned()),
        help: Some(help.to_owned()),
        r#type: Some(kind as i32),
        metric: metric.collect(),
        unit: stem.ends_with("_seconds").then(|| "seconds".to_owned()),
    }
}

fn pairs(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |&(name, value): &(&str, &str)| LabelPair {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
    };
    labels.iter().map(pair).collect()
}
