//! Developer tasks: `cargo xtask TASK`. One file a task.

#[path = "../../tracer/build/cache.rs"]
mod cache;
mod debian;
mod ebpf;
mod files;
#[path = "../../tracer/build/manifest.rs"]
mod manifest;
#[path = "../../tracer/build/ebpf.rs"]
mod recipe;
mod run;
mod setup;
#[path = "../../tracer/build/strip.rs"]
mod strip;
mod vm;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Developer tasks of exitpath")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Setup(setup::Arguments),
    Ebpf(ebpf::Arguments),
    Vm(vm::Args),
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<ExitCode> {
    match task {
        Task::Setup(arguments) => setup::perform(&arguments),
        Task::Ebpf(arguments) => ebpf::perform(&arguments),
        Task::Vm(args) => vm::run(&args),
    }
}
