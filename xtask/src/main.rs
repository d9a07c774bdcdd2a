//! Developer tasks: `cargo xtask TASK`. One file a task.

mod apt;
mod artifacts;
mod bench_check;
#[path = "../../tracer/build/cache.rs"]
mod cache;
mod comparison;
mod debian;
mod dist;
mod ebpf;
mod files;
mod fuzz;
mod governor_check;
mod install;
mod lint;
#[path = "../../tracer/build/manifest.rs"]
mod manifest;
mod mutants;
mod overhead;
mod package;
mod packages;
mod prometheus_check;
#[path = "../../tracer/build/ebpf.rs"]
mod recipe;
mod run;
mod setup;
mod soak;
#[path = "../../tracer/build/strip.rs"]
mod strip;
mod syscalls;
mod test;
mod tidy;
mod trace;
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
    Trace(trace::Arguments),
    Test(test::Arguments),
    Setup(setup::Arguments),
    Ebpf(ebpf::Arguments),
    Vm(vm::Args),
    Mutants(mutants::Args),
    Tidy(tidy::Arguments),
    Lint(lint::Arguments),
    Overhead(overhead::Arguments),
    BenchCheck(bench_check::Arguments),
    PrometheusCheck(prometheus_check::Arguments),
    Soak(soak::Arguments),
    GovernorCheck(governor_check::Arguments),
    Fuzz(fuzz::Arguments),
    Calibrate(comparison::Calibrate),
    DiffBench(comparison::Bench),
    Dist(dist::Arguments),
    PackageTest(package::Arguments),
    Syscalls(syscalls::Arguments),
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
        Task::Trace(arguments) => trace::perform(&arguments),
        Task::Test(arguments) => test::perform(arguments),
        Task::Setup(arguments) => setup::perform(&arguments),
        Task::Ebpf(arguments) => ebpf::perform(&arguments),
        Task::Vm(args) => vm::run(&args),
        Task::Mutants(args) => mutants::run(&args),
        Task::Tidy(arguments) => tidy::perform(&arguments),
        Task::Lint(arguments) => lint::perform(&arguments),
        Task::Overhead(arguments) => overhead::perform(&arguments),
        Task::BenchCheck(arguments) => bench_check::perform(&arguments),
        Task::PrometheusCheck(arguments) => prometheus_check::perform(&arguments),
        Task::Soak(arguments) => soak::perform(&arguments),
        Task::GovernorCheck(arguments) => governor_check::perform(&arguments),
        Task::Fuzz(arguments) => fuzz::perform(&arguments),
        Task::Calibrate(arguments) => comparison::calibrate(&arguments),
        Task::DiffBench(arguments) => comparison::bench(&arguments),
        Task::Dist(arguments) => dist::perform(&arguments),
        Task::PackageTest(arguments) => package::perform(&arguments),
        Task::Syscalls(arguments) => syscalls::perform(&arguments),
    }
}
