//! Compares simulated recordings whose truth is known, and counts how often the comparison is right. The results stand in
//! docs/STATISTICS.md; `cargo xtask calibrate` builds and runs it.

mod simulate;

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;
use simulate::{Call, Law, Noise};
use tracer::{
    diff::{Comparison, Gather, Metric, Options, Run, Verdict, compare},
    metadata::Metadata,
};
use tracer_common::Path as Exit;

const LATENCIES: [Metric; 5] = [Metric::Mean, Metric::P50, Metric::P90, Metric::P99, Metric::P999];
const INTERVALS: u64 = 12;
const RESAMPLES: usize = 1000;

/// What is simulated.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    /// Runs, base and new.
    runs: [usize; 2],
    /// Calls: as many series.
    calls: u16,
    /// How many of these take longer in the new runs.
    shifted: u16,
    /// How many times longer.
    shift: f64,
    /// Standard deviation between runs.
    spread: f64,
    /// Calls an interval.
    count: f64,
}

/// What came out, added up over pairs.
#[derive(Default)]
struct Tally {
    pairs: u64,
    /// Pairs with a call, path or metric that is called slower or faster and is not, or the wrong way.
    any_false: u64,
    /// Rows whose time changed by more than the minimum effect, and of these how many were called so.
    shifted: u64,
    found: u64,
    /// Rows with a change of the minimum effect or more, called equivalent; rows without any, called so.
    wrongly_equal: u64,
    unshifted: u64,
    equal: u64,
    /// By metric: intervals of the ratio, and how many hold the truth; the same of the difference in ns.
    intervals: [u64; 5],
    covered: [u64; 5],
    covered_ns: [u64; 5],
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let only = std::env::args().nth(3);
    let pairs: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let seed: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let plain =
        Scenario { name: "", runs: [10, 10], calls: 4, shifted: 0, shift: 1.0, spread: 0.02, count: 1000.0 };
    let scenarios = [
        Scenario { name: "A/A", ..plain },
        Scenario { name: "A/A, 4 runs", runs: [4, 4], ..plain },
        Scenario { name: "A/A, noise inside runs only", spread: 0.0, count: 200.0, ..plain },
        Scenario { name: "all calls + 3 %", shifted: 4, shift: 1.03, ..plain },
        Scenario { name: "all calls + 3 %, 5 runs", shifted: 4, shift: 1.03, runs: [5, 5], ..plain },
        Scenario { name: "all calls + 3 %, 20 and 8 runs", shifted: 4, shift: 1.03, runs: [20, 8], ..plain },
        Scenario { name: "the only call + 3 %", calls: 1, shifted: 1, shift: 1.03, ..plain },
        Scenario { name: "one call of 4 + 3 %", shifted: 1, shift: 1.03, ..plain },
        Scenario { name: "one call of 4 + 4 %", shifted: 1, shift: 1.04, ..plain },
        Scenario { name: "all + 1.01 %, spread 0.5 %", shifted: 4, shift: 1.0101, spread: 0.005, ..plain },
        Scenario { name: "A/A, spread 0.5 %", spread: 0.005, ..plain },
        Scenario { name: "A/A, 3 hosts", runs: [3, 3], ..plain },
        Scenario { name: "one call of 4 + 10 %, 3 hosts", shifted: 1, shift: 1.1, runs: [3, 3], ..plain },
        Scenario { name: "all calls + 10 %, 3 hosts", shifted: 4, shift: 1.1, runs: [3, 3], ..plain },
    ];
    println!("{pairs} pairs each, seed {seed}, {RESAMPLES} resamples, {INTERVALS} intervals a run\n");
    println!(
        "| simulated | runs | pairs with a false finding | shifted rows found | called equivalent: wrongly, rightly | the ratio's interval covers: mean, p50, p90, p99, p99.9 | in ns: mean |"
    );
    println!("|---|---|---|---|---|---|---|");
    for scenario in scenarios.into_iter().filter(|one| only.as_ref().is_none_or(|name| one.name == name)) {
        println!("{}", line(scenario, &simulated(scenario, pairs, seed)));
    }
}

fn simulated(scenario: Scenario, pairs: u64, seed: u64) -> Tally {
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        loop {
            let pair = next.fetch_add(1, Ordering::Relaxed);
            if pair >= pairs {
                return;
            }
            let comparison = one(scenario, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(pair));
            tally.lock().expect("no thread panics").count(scenario, &comparison);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    tally.into_inner().expect("no thread panics")
}

fn one(scenario: Scenario, seed: u64) -> Comparison {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let [base, new] = [1.0, scenario.shift].map(|shift| {
        let calls: Vec<Call> = (0..scenario.calls)
            .map(|at| Call {
                key: simulate::key(at, if at % 2 == 0 { Exit::Sysret } else { Exit::Iret }),
                law: Law {
                    median: 800.0 * 1.4_f64.powi(i32::from(at % 8)),
                    shape: 9.0,
                    tail: 0.02,
                    exponent: 2.2,
                },
                count: scenario.count,
                scale: if at < scenario.shifted { shift } else { 1.0 },
                failed: 0.05,
            })
            .collect();
        calls
    });
    let mut side = |calls: &[Call], runs: usize| -> Vec<Run> {
        (0..runs).map(|_| run(&mut random, calls, scenario.spread)).collect()
    };
    let (base, new) = (side(&base, scenario.runs[0]), side(&new, scenario.runs[1]));
    // Three runs are not tested, three hosts are.
    let hosts = scenario.runs[0] < 4;
    let options = Options { seed, resamples: RESAMPLES, hosts, ..Options::default() };
    compare(&base, &new, &options, &|_| ()).expect("they can be compared")
}

fn run(random: &mut Xoshiro256PlusPlus, calls: &[Call], spread: f64) -> Run {
    let metadata = Metadata { precision: 2, ..Metadata::default() };
    let mut gather = Gather::new(String::new(), metadata);
    let noise = Noise { run: spread, interval: 0.01, memory: 0.6 };
    simulate::run(random, calls, noise, INTERVALS, |snapshot| gather.take(&snapshot));
    gather.finish(Vec::new())
}

impl Tally {
    fn count(&mut self, scenario: Scenario, comparison: &Comparison) {
        let mut any = false;
        let all = scenario.shifted == scenario.calls;
        for row in &comparison.paths {
            // Where some calls of a path changed, what is true of the path is another question.
            let truth = if all { scenario.shift } else { 1.0 };
            let known = all || scenario.shifted == 0;
            any |= known && row.changes.iter().any(|change| is_false(change.metric, change.verdict, truth));
        }
        for (at, row) in comparison.service.iter().enumerate() {
            let number = match &row.subject {
                tracer::diff::Subject::Series(call, _) => call.nr,
                tracer::diff::Subject::Path(_) => at as i32,
            };
            let truth = if number < i32::from(scenario.shifted) { scenario.shift } else { 1.0 };
            any |= row.changes.iter().any(|change| is_false(change.metric, change.verdict, truth));
            let is_shifted = truth > 1.01;
            self.shifted += u64::from(is_shifted);
            self.found += u64::from(is_shifted && row.verdict == Verdict::Slower);
            self.wrongly_equal += u64::from(is_shifted && row.verdict == Verdict::Equivalent);
            self.unshifted += u64::from(!is_shifted);
            self.equal += u64::from(!is_shifted && row.verdict == Verdict::Equivalent);
            for (at, metric) in LATENCIES.into_iter().enumerate() {
                let Some(change) = row.change(metric) else { continue };
                self.intervals[at] += 1;
                self.covered[at] += u64::from(change.ratio.low <= truth && truth <= change.ratio.high);
                // The mean of the law, or its quantile, is the same in both scales: what it is, the base's truth says.
                let (low, high) = (change.difference.low, change.difference.high);
                let shift = change.base.mul_add(truth, -change.base);
                self.covered_ns[at] += u64::from(low <= shift && shift <= high);
            }
        }
        self.pairs += 1;
        self.any_false += u64::from(any);
    }
}

/// Rates and errors never change here.
fn is_false(metric: Metric, verdict: Verdict, truth: f64) -> bool {
    match verdict {
        Verdict::Slower => !(metric.is_latency() && truth > 1.0),
        Verdict::Faster => true,
        Verdict::Equivalent | Verdict::Inconclusive => false,
    }
}

fn line(scenario: Scenario, tally: &Tally) -> String {
    let share = |part: u64, whole: u64| {
        if whole == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
    };
    let [base, new] = scenario.runs;
    let covered: Vec<String> =
        (0..5).map(|at| share(tally.covered[at], tally.intervals[at]).replace(" %", "")).collect();
    format!(
        "| {} | {base} + {new} | {} | {} | {}, {} | {} % | {} |",
        scenario.name,
        share(tally.any_false, tally.pairs),
        share(tally.found, tally.shifted),
        share(tally.wrongly_equal, tally.shifted),
        share(tally.equal, tally.unshifted),
        covered.join(", "),
        share(tally.covered_ns[0], tally.intervals[0]),
    )
}
