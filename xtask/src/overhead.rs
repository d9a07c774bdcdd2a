//! `cargo xtask overhead`: what tracing adds to a system call, beside the least that any tracer on these hooks adds.
//!
//! A figure alone says little: machines differ, and one machine differs from hour to hour. So every mode is
//! measured beside a bare loop of the same minute, every round loads all of them afresh (where the kernel puts a
//! program alone moves it by some per cent) and in another order, and what counts is the multiple of the *empty
//! pair's* added cost in the same round: a pair of programs on the same tracepoints that do nothing.

mod interrupt;
mod measure;
mod mode;
mod process;
mod programs;
mod results;
mod standing;
pub mod statistics;
mod table;

use crate::{packages, run};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use programs::Programs;
use results::Results;
use serde_json::to_string_pretty;
use std::{
    env, fs,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

/// Measure what tracing adds to a system call, as a multiple of what an empty pair of programs adds
#[derive(Args, Clone)]
pub struct Arguments {
    /// Rounds; each loads every mode afresh, in random order
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(3..=1000))]
    rounds: u32,
    /// Calls of each thread in one measurement
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    calls: u64,
    /// Seed of the order, to repeat one [default: from the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds over which the reader's own CPU time is taken, under load
    #[arg(long, default_value_t = 10)]
    reader_seconds: u64,
    /// Write everything measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fail when a limit does not hold
    #[arg(long)]
    strict: bool,
    /// Measure these programs, built before: how the task calls itself as root
    #[arg(long, hide = true, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(file) = &arguments.json {
        // Before the minutes of measuring, so that a bad path fails at once; and by the caller, who then owns it.
        fs::OpenOptions::new().append(true).create(true).open(file).with_context(|| cannot_write(file))?;
    }
    if packages::is_root() {
        let programs = arguments.programs.as_deref().map_or_else(Programs::build, Programs::inside)?;
        return measure(arguments, &programs);
    }
    // Cargo runs as the user; what loads programs into the kernel runs as root.
    ensure!(arguments.programs.is_none(), "measuring needs root");
    let own = env::current_exe().context("cannot tell this program's own path")?;
    let mut command = packages::as_root(&own).context("loading programs into the kernel")?;
    command.arg("overhead").arg("--programs").arg(Programs::build()?.folder());
    command.args(env::args_os().skip_while(|word| word != "overhead").skip(1));
    run::shown(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

fn measure(arguments: &Arguments, programs: &Programs) -> Result<ExitCode> {
    interrupt::watch();
    let seed = arguments.seed.unwrap_or_else(clock);
    println!("{} rounds of {} calls, seed {seed}", arguments.rounds, arguments.calls);
    for warning in standing::disturbances() {
        println!("warning: {warning}");
    }
    let rounds = measure::rounds(arguments.rounds, arguments.calls, seed, programs)?;
    let standing = standing::measure(programs, arguments.reader_seconds)?;
    let results = Results::of(&rounds, &standing);
    print!("{}", table::render(&results));
    if let Some(file) = &arguments.json {
        let json = results.json(arguments.calls, seed, &rounds);
        fs::write(file, to_string_pretty(&json)? + "\n").with_context(|| cannot_write(file))?;
    }
    let failed = arguments.strict && results.limits.iter().any(|limit| !limit.holds());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn cannot_write(file: &std::path::Path) -> String {
    format!("cannot write {}: give --json a file of yours", file.display())
}

fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64)
}
