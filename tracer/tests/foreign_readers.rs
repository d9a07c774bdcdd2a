//! What we write, read by implementations that are not ours.

#[path = "support/skip.rs"]
mod skip;
mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use skip::skip;
use tracer::{
    histogram::Histogram,
    output::{hgrm, openmetrics},
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
        skip(test, "no Python with the test packages (EXITPATH_PYTHON)");
        return None;
    };
    let found = Command::new(&python).args(["-c", &format!("import {module}")]).output().unwrap();
    if !found.status.success() {
        skip(test, &format!("the Python package {module} is not installed"));
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

/// Checks each line of a percentile distribution against the recording, and the summary below it against the tool's own.
const READ_HGRM: &str = r"
import io, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
log = HistogramLogReader(sys.argv[1], HdrHistogram(1, 2**37 - 1, 2))
totals = {}
while True:
    one = log.get_next_interval_histogram()
    if one is None:
        break
    if one.get_tag() in totals:
        totals[one.get_tag()].add(one)
    else:
        totals[one.get_tag()] = one
for part in open(sys.argv[2]).read().rstrip().split('\n\n#['):
    head, *lines = part.lstrip('#[').split('\n')
    tag = head.split(',')[0]
    one = totals.pop(tag)
    own = io.BytesIO()
    one.output_percentile_distribution(own, 1.0, ticks_per_half_distance=5)
    own = own.getvalue().decode().splitlines()
    assert lines[:2] == own[:2], (lines[:2], own[:2])
    # This tool writes the count of all with a fraction, and one word less.
    own[-2] = own[-2].replace('TotalCount ', 'Total count').replace('.00]', ']')
    spaces = lambda lines: [' '.join(line.split()) for line in lines]
    assert spaces(lines[-3:]) == spaces(own[-3:]), (lines[-3:], own[-3:])
    checked = 0
    for value, quantile, count, *rest in (line.split() for line in lines[2:-3]):
        value, quantile, count = int(value[:-3]), float(quantile), int(count)
        below = sum(x.count_added_in_this_iter_step for x in one.get_recorded_iterator() if x.value_iterated_to <= value)
        assert below == count, (tag, value, below, count)
        assert one.get_value_at_percentile(quantile * 100) <= value, (tag, quantile, value)
        assert not rest or abs(float(rest[0]) * (1 - quantile) - 1) < 0.01, (quantile, rest)
        checked += 1
    assert (quantile, count) == (1.0, one.get_total_count())
    print(tag, 'good' if checked > 4 else 'short')
print(len(totals), 'left')
";

#[test]
fn a_percentile_distribution_agrees_with_an_hdr_tool() {
    let folder = tempfile::tempdir().unwrap();
    let (recording, text) = (folder.path().join("test.hlog"), folder.path().join("test.hgrm"));
    support::record(&recording, &support::metadata(), 4);
    let mut whole = Snapshot::default();
    (0..4).for_each(|number| whole.merge(&support::interval(number)));
    let mut bytes = Vec::new();
    hgrm::write(&Report::new(&support::metadata(), &whole, &View::default()), &mut bytes).unwrap();
    fs::write(&text, bytes).unwrap();
    let test = "a_percentile_distribution_agrees_with_an_hdr_tool";
    let Some(output) = python(test, "hdrh", READ_HGRM, &[&recording, &text]) else { return };
    let mut said: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    said.sort_unstable();
    let tags = [
        "turnaround.sysret good",
        "x86_64.futex.sysret good",
        "x86_64.getppid.sysret good",
        "x86_64.kill.iret good",
    ];
    assert_eq!(said, [&["0 left"], &tags[..]].concat());
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
