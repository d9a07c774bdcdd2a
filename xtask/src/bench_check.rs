//! `cargo xtask bench-check`: whether `exitpath bench null` says what `perf bench syscall basic` says.
//!
//! Both make the same call in a loop. They alternate, on one CPU, in both orders, so that a machine that changes changes
//! both; what counts is the middle of the rounds.

use crate::{artifacts, overhead::statistics::Quartiles, packages, run};
use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// Compare `exitpath bench null` with `perf bench syscall basic`, alternating; fails when they differ too much
#[derive(Args)]
pub struct Arguments {
    /// Rounds, in each of which both run once
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Calls that each makes in a round
    #[arg(long, default_value_t = 3_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    calls: u64,
    /// Per cent by which the medians may differ
    #[arg(long, default_value_t = 5.0)]
    limit: f64,
}

/// Debian's package of perf.
const PERF: &str = "linux-perf";

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    if !run::exists("perf") {
        packages::need_packages(&[PERF])?;
    }
    let built = artifacts::build(&["build", "--release", "--package", "tracer"])?;
    let exitpath = &artifacts::program(&built, "exitpath")?.executable;
    let calls = arguments.calls.to_string();
    // The CPU that exitpath chooses is perf's too.
    let (cpu, _) = ours(exitpath, "1000")?;
    let (mut exitpaths, mut perfs) = (Vec::new(), Vec::new());
    for round in 0..arguments.rounds {
        if round % 2 == 1 {
            perfs.push(theirs(cpu, &calls)?);
        }
        exitpaths.push(ours(exitpath, &calls)?.1);
        if round % 2 == 0 {
            perfs.push(theirs(cpu, &calls)?);
        }
    }
    let (ours, theirs) = (Both::of(&exitpaths)?, Both::of(&perfs)?);
    println!("CPU {cpu}, {} rounds of {calls} getppid each, usecs/op:", arguments.rounds);
    for (name, both) in [("exitpath bench null", &ours), ("perf bench syscall basic", &theirs)] {
        let Quartiles { q1, median, q3 } = both.quartiles;
        println!("{name:<26} median {median:.6}, quartiles {q1:.6} to {q3:.6}, least {:.6}", both.least);
    }
    let ratio = ours.quartiles.median / theirs.quartiles.median;
    let holds = (ratio - 1.0).abs() * 100.0 <= arguments.limit;
    println!(
        "medians x{ratio:.4} (limit +-{} %: {}), least x{:.4}",
        arguments.limit,
        if holds { "holds" } else { "does not hold" },
        ours.least / theirs.least,
    );
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The middle of some rounds, and the least disturbed one.
struct Both {
    quartiles: Quartiles,
    least: f64,
}

impl Both {
    fn of(rounds: &[f64]) -> Result<Self> {
        let quartiles = Quartiles::of(rounds.iter().copied()).context("no rounds")?;
        Ok(Self { quartiles, least: rounds.iter().copied().fold(f64::INFINITY, f64::min) })
    }
}

/// The CPU that exitpath ran on, and its usecs/op.
fn ours(exitpath: &Path, calls: &str) -> Result<(u64, f64)> {
    let mut command = Command::new(exitpath);
    command.args(["bench", "null", "--warmup", "0.05", "--format", "json", "--calls", calls]);
    let report: Value = serde_json::from_str(&run::quiet(&mut command)?).context("exitpath wrote no JSON")?;
    let bench = &report["bench"];
    let usecs = bench["benches"][0]["usecs_per_op"].as_f64().context("no usecs_per_op in the JSON")?;
    Ok((bench["cpu"].as_u64().context("no CPU in the JSON")?, usecs))
}

/// perf's usecs/op.
fn theirs(cpu: u64, calls: &str) -> Result<f64> {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &cpu.to_string(), "perf", "bench", "syscall", "basic", "--loop", calls]);
    let said = run::quiet(&mut command)?;
    usecs(&said).with_context(|| format!("perf said no usecs/op: {}", said.trim()))
}

fn usecs(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.trim().strip_suffix("usecs/op"))?;
    line.trim().parse().ok().filter(|&usecs: &f64| usecs > 0.0)
}

#[cfg(test)]
mod tests {
    use super::usecs;

    #[test]
    fn perfs_words_are_read() {
        let said = "# Executed 10,000,000 getppid() calls\n     Total time: 0.936 [sec]\n\n       0.093621 usecs/op\n       10,681,336 ops/sec\n";
        assert_eq!(usecs(said), Some(0.093_621));
        assert_eq!(usecs("0.0 usecs/op"), None);
        assert_eq!(usecs("nothing"), None);
    }
}
