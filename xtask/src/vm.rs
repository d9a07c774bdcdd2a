//! `cargo xtask vm`: the test guests. Debian's own kernels, booted under QEMU from a root file system that holds
//! nothing but our static binaries.
//!
//! Usually a guest runs the cases under a plan of exitpath's, with the oracle below it, and all opinions of each case
//! are compared ([`suite`]); or it runs one command ([`command`]). All failures of all guests are collected.

mod apt;
mod command;
mod cpio;
mod docs;
mod golden;
mod guests;
mod image;
mod install;
mod kernel;
mod matrix;
mod oracle;
mod qemu;
mod results;
mod suite;
mod table;
mod words;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use kernel::Kernel;
use words::Words;

use crate::{cache, workspace};

/// Boot Debian kernels under QEMU and compare, case by case, what exitpath saw with what the processor did
///
/// A plugin of QEMU sees each system call's entry and return as instructions. Its counts, exitpath's and the
/// workload's own must be equal.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// Kernel series to boot: 5.10, 6.1, 6.12, 7.2, 7.3, or `all`
    #[arg(long, value_delimiter = ',', default_value = "6.12", value_name = "SERIES")]
    kernel: Vec<String>,
    /// QEMU's processor models: `max` is an AMD without PTI, `Skylake-Client` an Intel with it
    #[arg(long, value_delimiter = ',', default_value = "max", value_name = "MODEL")]
    cpu: Vec<String>,
    /// exitpath's plans, a guest for each: `auto` is its own choice, `none` runs the cases untraced, `all` are all
    #[arg(long, alias = "plans", value_delimiter = ',', default_value = "auto", value_name = "NAME")]
    plan: Vec<String>,
    /// Virtual processors, as QEMU's -smp takes them
    #[arg(long, default_value = "1")]
    smp: String,
    /// Seconds a guest may take from power-on to its verdict
    #[arg(long, default_value_t = 480)]
    deadline: u64,
    /// Further words for the guest kernel's command line
    #[arg(long, default_value = "", value_name = "WORDS")]
    append: String,
    /// Guests that run at once; each keeps a core busy
    #[arg(long, default_value_t = 2, value_name = "N")]
    jobs: usize,
    /// Put exitpath into guests that run a COMMAND too
    #[arg(long)]
    tracer: bool,
    /// Look for newer kernels than the cached ones
    #[arg(long)]
    update: bool,
    /// Show the guests' output while they run
    #[arg(long)]
    verbose: bool,
    /// With guest-doctor: its output becomes the golden one that later runs are compared with
    #[arg(long)]
    bless: bool,
    /// Boot nothing: make docs/KERNELS.md from the results of earlier runs
    #[arg(long)]
    write_docs: bool,
    /// Cases to run (a name, a part of one, or CASE=COUNT) instead of all; or, when the first is one of our
    /// binaries or has a slash, a command to run in the guests
    #[arg(last = true, value_name = "TEST")]
    words: Vec<String>,
}

/// Kernels that `cargo xtask test` boots: where the plan `tracepoints` loses nothing.
pub const TESTED: [&str; 2] = ["6.1", "6.12"];

impl Args {
    /// The whole suite on one kernel, traced.
    pub fn traced(series: &str) -> Self {
        Self {
            kernel: vec![series.to_owned()],
            cpu: vec!["max".to_owned()],
            plan: vec!["auto".to_owned()],
            smp: "1".to_owned(),
            deadline: 480,
            append: String::new(),
            jobs: 1,
            tracer: true,
            update: false,
            verbose: false,
            bless: false,
            write_docs: false,
            words: Vec::new(),
        }
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }

    /// The payload file's content: a deadline so far before the guest's own that, after the boot, init can still say
    /// so.
    fn payload(&self, command: &[String]) -> String {
        format!("{}\n{}\n", self.deadline * 3 / 4, command.join("\n"))
    }
}

/// What all guests share.
struct Setting {
    qemu: PathBuf,
    kernels: Vec<Kernel>,
    /// The folder of the logs and results.
    place: PathBuf,
    /// The folder of the guests' binaries.
    built: PathBuf,
}

/// Boots every kernel on every processor model; code 1 if anything failed.
pub fn run(args: &Args) -> Result<ExitCode> {
    let place = workspace::target()?.join("vm");
    if args.write_docs {
        return docs::write(&results::read(&place)?).map(|()| ExitCode::SUCCESS);
    }
    ensure!(args.deadline > 10, "a deadline of {} s is shorter than a boot: give at least 11", args.deadline);
    let words = Words::of(&args.words)?;
    let series = kernel::series(&args.kernel)?;
    let cache = cache::folder()?;
    let qemu = install::qemu(&cache)?;
    let fetch = |series: &String| {
        kernel::fetch(&cache, series, args.update).with_context(|| format!("kernel {series}"))
    };
    let kernels = series.iter().map(fetch).collect::<Result<_>>()?;
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let built = image::compile(words.traced(args.tracer))?;
    let setting = Setting { qemu, kernels, place, built };
    match words {
        Words::Command(command) => command::run(args, &setting, &command),
        Words::Cases(cases) => suite::run(args, &setting, &cases),
    }
}
