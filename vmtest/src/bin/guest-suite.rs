//! What a guest runs: the workload, traced if the tracer is there, and the verdict on what the tracer saw.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vmtest::cases::{self, Case};
use vmtest::compare::{Report, compare};
use vmtest::expect::Expectation;
use vmtest::matrix::{Matrix, Run};

/// Runs the workload under the tracer and compares, one line a number; code 1 if any is wrong.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The plan that the tracer is forced to
    #[arg(long, default_value = "tracepoints")]
    plan: String,
    /// The tracer; without it only the workload itself is tested
    #[arg(long, default_value = "/bin/exitpath")]
    tracer: String,
    /// The workload
    #[arg(long, default_value = "/bin/workload")]
    workload: String,
    /// Each case in a session of its own, for the oracle below the guest: one line of JSON a case, no verdict
    #[arg(long)]
    matrix: bool,
    /// CASE=COUNT; without any, every case as often as is natural to it, but those that a traced
    /// plan `tracepoints` cannot see right
    #[arg(value_name = "CASE=COUNT", value_parser = cases::parse)]
    runs: Vec<(&'static Case, u64)>,
    /// In the matrix: a further case, under another tracer
    #[arg(long, value_name = "TRACER:CASE=COUNT", value_parser = under)]
    under: Vec<(String, &'static Case, u64)>,
}

/// One word of `--under`.
fn under(word: &str) -> Result<(String, &'static Case, u64)> {
    let (tracer, run) = word.split_once(':').context("write TRACER:CASE=COUNT")?;
    let (case, count) = cases::parse(run)?;
    Ok((tracer.to_owned(), case, count))
}

const EXPECTATION: &str = "/tmp/expectation.json";
const REPORT: &str = "/tmp/report.json";

fn main() -> Result<ExitCode> {
    let mut args = Args::parse();
    let traced = Path::new(&args.tracer).exists();
    if args.runs.is_empty() && args.under.is_empty() {
        // The matrix has the oracle, and knows by how much a plan may be wrong.
        let blind = traced && !args.matrix;
        let seen = cases::all().filter(|case| !blind || !case.beyond_tracepoints);
        args.runs = seen.map(|case| (case, case.natural)).collect();
    }
    if args.matrix {
        let Args { plan, tracer, workload, runs, under, .. } = &args;
        let mut all: Vec<_> = runs.iter().map(|&(case, count)| Run { case, count, tracer }).collect();
        all.extend(under.iter().map(|&(ref tracer, case, count)| Run { case, count, tracer }));
        Matrix { plan, workload }.run(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let runs = args.runs.iter().map(|(case, count)| format!("{}={count}", case.name));
    let mut command: Vec<String> = [&args.workload, "--expect", EXPECTATION].map(str::to_owned).into();
    command.extend(runs);
    if traced {
        let record =
            [&args.tracer, "record", "--plan", &args.plan, "--format", "json", "--output", REPORT, "--"];
        command.splice(0..0, record.map(str::to_owned));
    }
    println!("guest-suite: {}", command.join(" "));
    let status = Command::new(&command[0])
        .args(&command[1..])
        .status()
        .with_context(|| format!("cannot run {}", command[0]))?;
    ensure!(status.success(), "{} ended with {status}", command[0]);
    let want: Expectation = serde_json::from_str(&read(EXPECTATION)?)?;
    if !traced {
        for row in &want.returns {
            println!("made   {} {} {} {}", row.abi.name(), row.syscall, row.path.name(), row.n);
        }
        println!(
            "guest-suite: {} cases ran; no tracer at {}, so nothing to compare",
            want.cases.len(),
            args.tracer
        );
        return Ok(ExitCode::SUCCESS);
    }
    let comparison = compare(&want, &Report::parse(&read(REPORT)?)?);
    print!("{comparison}");
    let wrong = comparison.wrong();
    println!("guest-suite: {} numbers compared, {wrong} wrong", comparison.rows.len());
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}
