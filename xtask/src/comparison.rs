//! `cargo xtask calibrate` and `cargo xtask diff-bench`: is `exitpath diff` right, and is it fast? Both simulate
//! recordings whose truth is known (`tracer/examples`); neither needs root.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::{run, workspace};

/// Compare simulated recordings, and count how often the comparison is right (docs/STATISTICS.md)
#[derive(Args, Clone)]
pub struct Calibrate {
    /// Pairs of sides for each thing that is simulated
    #[arg(long, default_value_t = 1000)]
    pairs: u32,
    /// Seed of the simulation
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Time `exitpath diff` on 20 runs of 300 series and 60 intervals a side
#[derive(Args, Clone)]
pub struct Bench {
    /// More options of `exitpath diff`
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<String>,
}

/// Runs `calibrate`.
pub fn calibrate(arguments: &Calibrate) -> Result<ExitCode> {
    let Calibrate { pairs, seed } = arguments;
    let mut command = built(&["--example", "calibrate"])?;
    run::shown(command.args([pairs.to_string(), seed.to_string()]))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `diff-bench`. The recordings stay in the target folder for the next time.
pub fn bench(arguments: &Bench) -> Result<ExitCode> {
    let mut command = built(&["--bin", "exitpath", "--example", "diff_bench"])?;
    let target = workspace::target()?;
    command.arg(target.join("release/exitpath")).arg(target.join("diff-bench"));
    run::shown(command.args(&arguments.options))?;
    Ok(ExitCode::SUCCESS)
}

/// Builds for speed; the command of the example, which is named last.
fn built(what: &[&str]) -> Result<Command> {
    run::shown(Command::new("cargo").args(["build", "--release", "--package", "tracer"]).args(what))?;
    let name = what.last().copied().unwrap_or_default();
    Ok(Command::new(workspace::target()?.join("release/examples").join(name)))
}
