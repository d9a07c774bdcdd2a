//! Literal expositions, and the protobuf one read back.

use prost::Message as _;

use super::*;
use crate::{
    daemon::totals::{Bounds, Totals},
    report::fixture,
};

fn all(histograms: Histograms) -> Vec<MetricFamily> {
    let mut totals = Totals::new(Bounds { series: 500, errors: 500 });
    totals.add(&fixture::snapshot(), 1);
    let metadata = fixture::metadata();
    let own = [("exitpath_ring_bytes", "Size of the ring.", 4096.0)];
    let started = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_790_000_000_250);
    families(&totals, &Facts { metadata: &metadata, fidelity: "amended", started, histograms, own: &own })
}

const BOTH: Histograms = Histograms { native: Some(5), classic: true };

#[test]
fn text_says_what_prometheus_reads() {
    insta::assert_snapshot!(String::from_utf8(encode(&all(BOTH), Encoding::Text)).unwrap());
}

#[test]
fn openmetrics_ends_and_names_families_by_their_stem() {
    let text = String::from_utf8(encode(&all(BOTH), Encoding::OpenMetrics)).unwrap();
    assert!(text.ends_with("# EOF\n"));
    for line in [
        "# TYPE exitpath_returns counter\n",
        "# TYPE exitpath_kernel info\n",
        "# UNIT exitpath_bpf_run_seconds seconds\n",
        "exitpath_returns_total{abi=\"i386\",path=\"iret\",syscall=\"getppid\"} 300.0\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn protobuf_carries_native_histograms_beside_classic_ones() {
    let decode = |histograms| {
        let bytes = encode(&all(histograms), Encoding::Protobuf);
        let mut rest = &bytes[..];
        let mut read = Vec::new();
        while !rest.is_empty() {
            read.push(MetricFamily::decode_length_delimited(&mut rest).unwrap());
        }
        read
    };
    let read = decode(BOTH);
    assert_eq!(read, all(BOTH));
    for (histograms, native, classic) in [
        (BOTH, true, 15),
        (Histograms { native: None, classic: true }, false, 15),
        (Histograms { native: Some(3), classic: false }, true, 0),
    ] {
        let read = decode(histograms);
        let durations =
            read.iter().find(|family| family.name() == "exitpath_syscall_duration_seconds").unwrap();
        for metric in &durations.metric {
            let histogram = metric.histogram.as_ref().unwrap();
            assert_eq!((!histogram.positive_span.is_empty(), histogram.bucket.len()), (native, classic));
        }
    }
}
