//! The subcommands: thin glue between the terminal and the library, one file each.

pub mod args;
pub mod bench;
pub mod daemon;
pub mod diff;
pub mod doctor;
mod failures;
pub mod filters;
pub mod generate;
pub mod inputs;
pub mod metadata;
pub mod outputs;
pub mod plan;
mod privileges;
pub mod record;
mod replicates;
pub mod report;
pub mod run;
mod signals;
pub mod start;
pub mod syscalls;
pub mod when;

use clap::{Parser, Subcommand};

use crate::error::CliError;

/// Where the programs in this binary come from: `prebuilt`, `source`, `env` or `stub`.
pub const OBJECT: &str = concat!(env!("EXITPATH_BPF_SOURCE"), ", sha256 ", env!("EXITPATH_BPF_SHA256"));

/// By which instruction every system call of this machine returns to user mode, why, and how long it took.
#[derive(Parser)]
#[command(name = "exitpath", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 done, 2 wrong usage or input, 3 tracing is not possible here \
                        (`exitpath doctor` says why); `record -- COMMAND` passes on the command's own.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Record(Box<record::RecordArgs>),
    Daemon(Box<daemon::DaemonArgs>),
    Report(report::ReportArgs),
    Diff(Box<diff::DiffArgs>),
    Bench(bench::BenchArgs),
    Syscalls(syscalls::SyscallsArgs),
    Doctor(doctor::DoctorArgs),
    Plan(plan::PlanArgs),
    #[command(hide = true)]
    Generate(generate::GenerateArgs),
}

impl Cli {
    /// Runs the subcommand; the process's exit code.
    pub fn run(self) -> Result<u8, CliError> {
        match self.command {
            Command::Record(args) => record::run(&args),
            Command::Daemon(args) => daemon::run(&args).map(|()| 0),
            Command::Report(args) => report::run(&args).map(|()| 0),
            Command::Diff(args) => diff::run(&args),
            Command::Bench(args) => bench::run(&args).map(|()| 0),
            Command::Syscalls(args) => syscalls::run(&args).map(|()| 0),
            Command::Doctor(args) => doctor::run(&args).map(|()| 0),
            Command::Plan(args) => plan::run(&args).map(|()| 0),
            Command::Generate(args) => generate::run(&args).map(|()| 0),
        }
    }
}
