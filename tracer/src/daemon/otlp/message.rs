//! The request of `/v1/metrics`, from the families that Prometheus gets.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};

use super::buckets::dense;
use crate::{
    daemon::exposition::proto::{self, LabelPair, MetricFamily, MetricType},
    metadata::Metadata,
};

/// The families as one request. `host` is the machine's name.
#[must_use]
pub fn request(
    families: &[MetricFamily],
    metadata: &Metadata,
    host: &str,
    started: SystemTime,
    now: SystemTime,
) -> ExportMetricsServiceRequest {
    let nanos = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let times = Times { started: nanos(started), now: nanos(now) };
    let version = metadata.tool.rsplit(' ').next().unwrap_or_default();
    let resource = [
        ("service.name", "exitpath"),
        ("service.version", version),
        ("host.name", host),
        ("os.type", "linux"),
        ("os.version", &metadata.kernel.release),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource.iter().map(|(name, value)| attribute(name, value)).collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "exitpath".to_owned(),
                    version: version.to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics: families.iter().map(|family| times.metric(family)).collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// Of all points: counted since, and read at, in ns since the epoch.
struct Times {
    started: u64,
    now: u64,
}

impl Times {
    fn metric(&self, family: &MetricFamily) -> Metric {
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        let points = family.metric.iter();
        let data = match family.r#type() {
            MetricType::Counter => Data::Sum(Sum {
                data_points: points
                    .map(|one| {
                        self.number(&one.label, one.counter.and_then(|counter| counter.value), self.started)
                    })
                    .collect(),
                aggregation_temporality,
                is_monotonic: true,
            }),
            MetricType::Gauge => Data::Gauge(Gauge {
                data_points: points
                    .map(|one| self.number(&one.label, one.gauge.and_then(|gauge| gauge.value), 0))
                    .collect(),
            }),
            MetricType::Histogram => Data::ExponentialHistogram(ExponentialHistogram {
                data_points: points
                    .filter_map(|one| Some(self.histogram(&one.label, one.histogram.as_ref()?)))
                    .collect(),
                aggregation_temporality,
            }),
        };
        let name = family.name();
        Metric {
            // Suffixes of counters are Prometheus' custom, which it adds itself.
            name: name.strip_suffix("_total").unwrap_or(name).to_owned(),
            description: family.help().to_owned(),
            unit: if family.unit() == "seconds" { "s" } else { "1" }.to_owned(),
            data: Some(data),
            ..Metric::default()
        }
    }

    fn number(&self, labels: &[LabelPair], value: Option<f64>, started: u64) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: started,
            time_unix_nano: self.now,
            value: value.map(number_data_point::Value::AsDouble),
            ..NumberDataPoint::default()
        }
    }

    fn histogram(&self, labels: &[LabelPair], histogram: &proto::Histogram) -> ExponentialHistogramDataPoint {
        let (scale, positive) = dense(histogram);
        ExponentialHistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.started,
            time_unix_nano: self.now,
            count: histogram.sample_count(),
            sum: histogram.sample_sum,
            scale,
            zero_count: histogram.zero_count(),
            zero_threshold: histogram.zero_threshold(),
            positive: Some(positive),
            ..ExponentialHistogramDataPoint::default()
        }
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<KeyValue> {
    labels.iter().map(|pair| attribute(pair.name(), pair.value())).collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}
