//! Native buckets as OpenTelemetry's: dense, from an offset on, each named by its lower edge.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use crate::daemon::exposition::proto::Histogram;

/// The most buckets that are sent: what the SDKs call `max_size` is 160; sums over a fleet need some more.
const MOST: i32 = 320;

/// Scale and buckets of a native histogram, coarser by as much as it takes to be [`MOST`].
///
/// Prometheus' bucket *i* ends at `base^i`, and OpenTelemetry's begins there: the same bucket is one less. A scale
/// lower, two buckets become one exactly.
pub(super) fn dense(histogram: &Histogram) -> (i32, Buckets) {
    let mut scale = histogram.schema();
    let mut buckets = sparse(histogram);
    while let (Some(&(first, _)), Some(&(last, _))) = (buckets.first(), buckets.last())
        && last - first >= MOST
    {
        scale -= 1;
        for (index, _) in &mut buckets {
            *index = index.div_euclid(2);
        }
    }
    let Some(&(offset, _)) = buckets.first() else { return (scale, Buckets::default()) };
    let mut bucket_counts = Vec::new();
    for (index, count) in buckets {
        bucket_counts.resize((index - offset + 1) as usize, 0);
        if let Some(last) = bucket_counts.last_mut() {
            *last += count;
        }
    }
    (scale, Buckets { offset, bucket_counts })
}

/// Spans and deltas as (OpenTelemetry's index, count), upwards.
fn sparse(histogram: &Histogram) -> Vec<(i32, u64)> {
    let mut all = Vec::with_capacity(histogram.positive_delta.len());
    let (mut index, mut count) = (0, 0);
    let mut deltas = histogram.positive_delta.iter();
    for span in &histogram.positive_span {
        index += span.offset();
        for delta in deltas.by_ref().take(span.length() as usize) {
            count += delta;
            all.push((index - 1, count as u64));
            index += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::exposition::native,
        histogram::{Histogram as Latencies, Precision},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_is_in_its_bucket(values in prop::collection::vec(1_u64..1 << 36, 1..60), schema in 0_i8..=6) {
            let mut latencies = Latencies::new(Precision::Two);
            for &value in &values {
                latencies.record(value);
            }
            let mut message = Histogram::default();
            native::put(&latencies, schema, &mut message);
            let (scale, buckets) = dense(&message);
            prop_assert!(buckets.bucket_counts.len() <= MOST as usize && scale <= i32::from(schema));
            prop_assert_eq!(buckets.bucket_counts.iter().sum::<u64>(), values.len() as u64);
            // The smallest and the largest value stand in the first and the last bucket, up to half a cell.
            let base = 2_f64.powf(2_f64.powi(-scale));
            let lower = |index: i32| base.powi(index) * 1e9;
            let last = buckets.offset + buckets.bucket_counts.len() as i32;
            let (min, max) = (latencies.min as f64, latencies.max as f64);
            prop_assert!(lower(buckets.offset) < min * 1.008 && min < lower(buckets.offset + 1) * 1.008);
            prop_assert!(lower(last - 1) < max * 1.008 && max < lower(last) * 1.008);
        }
    }
}
