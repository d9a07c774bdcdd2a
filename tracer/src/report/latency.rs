//! A distribution's summary.

use crate::histogram::Histogram;

/// What outputs say of a distribution, in ns. There is none without a value, so that no quantile stands without
/// its count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// How many values.
    pub count: u64,
    /// The smallest; exact.
    pub min: u64,
    /// The largest; exact.
    pub max: u64,
    /// Their sum; exact.
    pub sum: u64,
    /// Their mean.
    pub mean: f64,
    /// Median: the upper edge of its bucket, as all quantiles here.
    pub p50: u64,
    /// 90 % do not exceed it.
    pub p90: u64,
    /// 99 % do not exceed it.
    pub p99: u64,
    /// 99.9 % do not exceed it.
    pub p999: u64,
    /// Values above the histogram's range (137 s), known by sum and max only.
    pub overflow: u64,
}

impl Latency {
    /// The summary of a distribution; `None` if it is empty.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Option<Self> {
        Some(Self {
            count: histogram.count,
            min: histogram.min,
            max: histogram.max,
            sum: histogram.sum,
            mean: histogram.mean()?,
            p50: histogram.quantile(0.5)?,
            p90: histogram.quantile(0.9)?,
            p99: histogram.quantile(0.99)?,
            p999: histogram.quantile(0.999)?,
            overflow: histogram.overflow(),
        })
    }
}
