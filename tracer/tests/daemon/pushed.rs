//! What a collector is sent.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{AggregationTemporality, metric::Data, number_data_point::Value},
};
use prost::Message as _;
use tracer::daemon::{options::Options, otlp::Otlp};

use crate::{
    client::get,
    served::{RETURNS, Served, options, skip},
};

/// Reads requests, answers each with the next status, and gives head and body of the last.
fn collect(listener: &TcpListener, statuses: &[&str]) -> (String, Vec<u8>) {
    let mut last = (String::new(), Vec::new());
    for status in statuses {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).expect("a head");
        }
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.expect("its length")];
        reader.read_exact(&mut body).expect("a body");
        write!(reader.get_mut(), "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").expect("it reads");
        last = (head, body);
    }
    last
}

/// A served daemon that pushes to a listener, and the request that was taken after one was refused.
fn pushed() -> (Served, String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().unwrap());
    let otlp = Some(Otlp::new(&url, Duration::from_millis(100)).unwrap());
    let served = Served::with(Options { otlp, ..options() });
    let (head, body) = collect(&listener, &["503 Busy", "200 OK"]);
    (served, head, body)
}

#[test]
fn a_collector_gets_what_prometheus_gets() {
    let (served, head, body) = pushed();
    assert!(head.starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf\r\n"), "{head}");
    let request = ExportMetricsServiceRequest::decode(&*body).expect("a request");
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let find = |name: &str| metrics.iter().find(|one| one.name == name).and_then(|one| one.data.as_ref());
    let Some(Data::Sum(returns)) = find("exitpath_returns") else { panic!("{metrics:?}") };
    assert!(returns.is_monotonic && returns.aggregation_temporality() == AggregationTemporality::Cumulative);
    let sum: f64 = returns
        .data_points
        .iter()
        .map(|one| match one.value {
            Some(Value::AsDouble(value)) => value,
            _ => panic!("{one:?}"),
        })
        .sum();
    assert!(sum >= RETURNS as f64 && sum % (RETURNS as f64) < 0.5, "{sum}");
    let Some(Data::ExponentialHistogram(durations)) = find("exitpath_syscall_duration_seconds") else {
        panic!("{metrics:?}")
    };
    for point in &durations.data_points {
        let buckets = point.positive.as_ref().expect("buckets");
        assert_eq!(point.zero_count + buckets.bucket_counts.iter().sum::<u64>(), point.count);
        assert!(point.scale <= 5 && buckets.bucket_counts.len() <= 320);
    }
    std::thread::sleep(Duration::from_millis(50));
    let text = get(served.address, "/metrics").text();
    assert!(text.contains("exitpath_otlp_pushes_total 1.0\n"), "{text}");
}

/// Reads the request with the definitions of `opentelemetry-proto` for Python, and checks its sums.
const READER: &str = r#"
import sys
try:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
except ImportError:
    sys.exit(77)
request = ExportMetricsServiceRequest()
request.ParseFromString(sys.stdin.buffer.read())
resource = {a.key: a.value.string_value for a in request.resource_metrics[0].resource.attributes}
assert resource["service.name"] == "exitpath", resource
metrics = {m.name: m for m in request.resource_metrics[0].scope_metrics[0].metrics}
returns = sum(p.as_double for p in metrics["exitpath_returns"].sum.data_points)
points = metrics["exitpath_syscall_duration_seconds"].exponential_histogram.data_points
for p in points:
    assert sum(p.positive.bucket_counts) + p.zero_count == p.count, p
    base = 2.0 ** (2.0 ** -p.scale)
    # The mean lies between the edges of the outermost buckets.
    low, high = base ** p.positive.offset, base ** (p.positive.offset + len(p.positive.bucket_counts))
    assert p.sum / p.count < high * 2 and low > 0, p
print(int(returns), sum(p.count for p in points))
"#;

#[test]
fn pythons_definitions_read_it_too() {
    let (_served, _, body) = pushed();
    // `cargo xtask test` names a Python that has the package.
    let python = env::var_os("EXITPATH_PYTHON").unwrap_or_else(|| "python3".into());
    let reader =
        Command::new(python).args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let missing = "no opentelemetry-proto for Python here: `cargo xtask test` installs it";
    let test = "pushed::pythons_definitions_read_it_too";
    let Ok(mut reader) = reader else { return skip(test, missing) };
    reader.stdin.take().expect("a pipe").write_all(&body).unwrap_or_default();
    let output = reader.wait_with_output().expect("it ends");
    if output.status.code() == Some(77) {
        return skip(test, missing);
    }
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    assert!(numbers[0] > 0 && numbers[0] == numbers[1], "all returns are timed: {numbers:?}");
}
