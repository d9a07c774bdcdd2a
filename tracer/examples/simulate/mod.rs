//! Recordings whose truth is known: calls with a heavy tail, runs that differ, intervals that resemble their neighbours.

use rand_distr::{Distribution as _, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use tracer::{
    histogram::{Histogram, Precision},
    snapshot::{Series, Snapshot},
};
use tracer_common::{Abi, Path, SeriesKey, SyscallId};

/// How long a call takes: a log-logistic body, and a Pareto tail beginning at twice the median.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// Median of the body, in ns.
    pub median: f64,
    /// Shape of the body: the larger, the narrower.
    pub shape: f64,
    /// Share of the calls in the tail, 0 to 1.
    pub tail: f64,
    /// Its exponent.
    pub exponent: f64,
}

impl Law {
    /// The share of the body's calls that take at most `value` ns.
    fn below(&self, value: f64) -> f64 {
        1.0 / (1.0 + (value / self.median).powf(-self.shape))
    }

    /// About `count` calls, each `scale` times as long as the law says. The body's cells are drawn, the tail's calls one
    /// by one.
    pub fn draw(&self, random: &mut Xoshiro256PlusPlus, scale: f64, count: f64) -> Histogram {
        let precision = Precision::Two;
        let mut histogram = Histogram::new(precision);
        let body = count * (1.0 - self.tail);
        // What lies further out is less than a hundredth of a call.
        let reach = (100.0 * body).powf(1.0 / self.shape);
        let mut cell = precision.index((self.median * scale / reach) as u64);
        let last = precision.index((self.median * scale * reach) as u64);
        let mut below = 0.0;
        while cell <= last {
            let (low, high) = (precision.lowest(cell), precision.highest(cell));
            let upto = self.below((high + 1) as f64 / scale);
            add(&mut histogram, cell, poisson(random, (upto - below) * body), u64::midpoint(low, high + 1));
            below = upto;
            cell += 1;
        }
        for _ in 0..poisson(random, count * self.tail) {
            let value = 2.0 * self.median * scale * (1.0 - uniform(random)).powf(-1.0 / self.exponent);
            let value = value.min(1e11) as u64;
            add(&mut histogram, precision.index(value), 1, value);
        }
        let edge = |cell: Option<&u16>, of: fn(Precision, usize) -> u64| {
            cell.map_or(0, |&cell| of(precision, usize::from(cell)))
        };
        histogram.min = edge(histogram.cells.keys().next(), Precision::lowest);
        histogram.max = edge(histogram.cells.keys().next_back(), Precision::highest);
        histogram
    }
}

fn add(histogram: &mut Histogram, cell: usize, number: u64, value: u64) {
    if number > 0 {
        *histogram.cells.entry(cell as u16).or_default() += number;
        histogram.count += number;
        histogram.sum += number * value;
    }
}

/// A number with Poisson's distribution; above 60 the normal one is near enough.
fn poisson(random: &mut Xoshiro256PlusPlus, mean: f64) -> u64 {
    if mean > 60.0 {
        return normal(random).mul_add(mean.sqrt(), mean).round().max(0.0) as u64;
    }
    let (mut left, mut number) = (uniform(random), 0);
    let floor = (-mean).exp();
    while left > floor {
        left *= uniform(random);
        number += 1;
    }
    number
}

/// A number of the standard normal distribution.
pub fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(random)
}

fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    use rand_core::Rng as _;
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// What one run does to a call.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Standard deviation of the logarithm of what a run's values differ by, that of its intervals' factors included.
    pub run: f64,
    /// The same of an interval's factor.
    pub interval: f64,
    /// Correlation of an interval's factor with the one's before it.
    pub memory: f64,
}

/// A series that is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Which.
    pub key: SeriesKey,
    /// How long it takes.
    pub law: Law,
    /// Calls an interval.
    pub count: f64,
    /// Times the law.
    pub scale: f64,
    /// Of these, failed, 0 to 1.
    pub failed: f64,
}

/// The key of a call.
pub fn key(nr: u16, path: Path) -> SeriesKey {
    SeriesKey::new(SyscallId { abi: Abi::X86_64, nr }, path)
}

/// The intervals of a run. The run's factor is one for all calls to a half, and each call's own to the other.
pub fn run(
    random: &mut Xoshiro256PlusPlus,
    calls: &[Call],
    noise: Noise,
    intervals: u64,
    mut take: impl FnMut(Snapshot),
) {
    let inside = noise.interval.powi(2) * (1.0 + noise.memory) / (1.0 - noise.memory) / intervals as f64;
    let half = ((noise.run.powi(2) - inside).max(0.0) / 2.0).sqrt();
    let common = normal(random) * half;
    let own: Vec<f64> = calls.iter().map(|_| common + normal(random) * half).collect();
    let rate: Vec<f64> = calls.iter().map(|_| (normal(random) * noise.run).exp()).collect();
    let mut states: Vec<f64> = calls.iter().map(|_| normal(random)).collect();
    for number in 0..intervals {
        let second = 1_000_000_000;
        let mut snapshot =
            Snapshot { start_ns: number * second, duration_ns: second, cpus: 2, ..Snapshot::default() };
        for (((call, own), rate), state) in calls.iter().zip(&own).zip(&rate).zip(&mut states) {
            let fresh = (1.0 - noise.memory * noise.memory).sqrt();
            *state = noise.memory.mul_add(*state, fresh * normal(random));
            let scale = call.scale * (own + noise.interval * *state).exp();
            let latency = call.law.draw(random, scale, call.count * rate);
            let failed = poisson(random, latency.count as f64 * call.failed).min(latency.count);
            let errors = if failed > 0 { [(2, failed)].into() } else { std::collections::BTreeMap::new() };
            let series = Series { returns: latency.count, errors, latency, ..Series::default() };
            snapshot.series.insert(call.key, series);
        }
        take(snapshot);
    }
}
