//! What we write, read by implementations that are not ours.

mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tracer::{
    histogram::Histogram,
    output::openmetrics,
    report::{Grouping, Report, View},
    snapshot::Snapshot,
};
use tracer_common::hdr::MAX_VALUE;

/// A Python that has the packages the tests need: `EXITPATH_PYTHON` names it (`cargo xtask test` sets it), or it
/// is in the virtual environment `EXITPATH_TEST_VENV`.
fn interpreter() -> Option<PathBuf> {
    env::var_os("EXITPATH_PYTHON")
        .map(PathBuf::from)
        .or_else(|| env::var_os("EXITPATH_TEST_VENV").map(|folder| Path::new(&folder).join("bin/python")))
        .filter(|python| python.exists())
}

/// Runs a script that imports `module`; `None` if it cannot, after saying so.
fn python(test: &str, module: &str, script: &str, arguments: &[&Path]) -> Option<Output> {
    let Some(python) = interpreter() else {
        support::skip(test, "no Python with the test packages (EXITPATH_PYTHON)");
        return None;
    };
    let found = Command::new(&python).args(["-c", &format!("import {module}")]).output().unwrap();
    if !found.status.success() {
        support::skip(test, &format!("the Python package {module} is not installed"));
        return None;
    }
    let output = Command::new(&python).args(["-c", script]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output)
}

const READ_HLOG: &str = r"
import sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
log = HistogramLogReader(sys.argv[1], HdrHistogram(1, 2**37 - 1, 2))
totals = {}
while True:
    one = log.get_next_interval_histogram()
    if one is None:
        break
    tag = one.get_tag()
    if tag in totals:
        totals[tag].add(one)
    else:
        totals[tag] = one
for tag, one in sorted(totals.items()):
    print(tag, one.get_total_count(), *(one.get_value_at_percentile(p) for p in (50.0, 90.0, 99.0, 99.9)))
";

/// What an HDR tool must find: it knows neither the exact extremes nor what is above the range.
fn expected(tag: &str, histogram: &Histogram) -> String {
    let mut blind = histogram.clone();
    (blind.min, blind.max) = (0, u64::MAX);
    let quantiles: Vec<_> = [0.5, 0.9, 0.99, 0.999]
        .map(|quantile| blind.quantile(quantile).unwrap().min(MAX_VALUE).to_string())
        .to_vec();
    format!("{tag} {} {}", histogram.count, quantiles.join(" "))
}

#[test]
fn an_hdr_reader_finds_the_same_counts_and_quantiles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.hlog");
    support::record(&path, &support::metadata(), 4);
    let Some(output) =
        python("an_hdr_reader_finds_the_same_counts_and_quantiles", "hdrh", READ_HLOG, &[&path])
    else {
        return;
    };
    let mut whole = Snapshot::default();
    (0..4).for_each(|number| whole.merge(&support::interval(number)));
    let histogram = |nr: u16| &whole.series.iter().find(|(key, _)| key.call().nr == nr).unwrap().1.latency;
    assert!(histogram(202).overflow() > 0, "the last bucket and what is above it are tested too");
    let lines = [
        expected("turnaround.sysret", &whole.turnaround[&tracer_common::Path::Sysret]),
        expected("x86_64.futex.sysret", histogram(202)),
        expected("x86_64.getppid.sysret", histogram(110)),
        expected("x86_64.kill.iret", histogram(62)),
    ];
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), lines);
}

const READ_METRICS: &str = r"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
for family in parse(open(sys.argv[1]).read()):
    print(family.name, family.type, family.unit or '-', len(family.samples))
";

#[test]
fn an_openmetrics_parser_takes_every_view() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics");
    let mut head = support::metadata();
    head.kernel.release = "a\"b\\c\nd".to_owned();
    for grouping in [Grouping::SyscallPath, Grouping::Syscall, Grouping::Path] {
        let report = Report::new(&head, &support::interval(3), &View { grouping, ..View::default() });
        let mut bytes = Vec::new();
        openmetrics::write(&report, &mut bytes).unwrap();
        fs::write(&path, bytes).unwrap();
        let test = "an_openmetrics_parser_takes_every_view";
        let Some(output) = python(test, "prometheus_client", READ_METRICS, &[&path]) else { return };
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(found.contains("exitpath_returns counter - "), "{found}");
        assert!(found.contains("exitpath_syscall_duration_seconds histogram seconds "), "{found}");
        assert!(found.contains("exitpath_events_missed counter - 7"), "{found}");
        assert!(found.contains("exitpath_kernel info - 1"), "{found}");
    }
}
