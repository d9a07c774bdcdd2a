//! `cargo xtask vm`: the test guests. Debian's own kernels, booted under QEMU from a root file system that holds
//! nothing but our static binaries; one verdict a guest, all failures collected.

mod apt;
mod cpio;
mod image;
mod install;
mod kernel;
mod qemu;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use kernel::Kernel;
use qemu::{End, Guest, Outcome};

use crate::{cache, workspace};

/// Boot Debian kernels under QEMU and run the test suite in each
#[derive(clap::Args)]
pub struct Args {
    /// Kernel series to boot
    #[arg(long, value_delimiter = ',', default_value = "6.12", value_name = "SERIES")]
    kernel: Vec<String>,
    /// Boot this kernel image instead of Debian's; what it needs stands in vm/image.rs
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kernel", "update"])]
    image: Vec<PathBuf>,
    /// QEMU's processor models: `max` is an AMD without PTI, `Skylake-Client` an Intel with it
    #[arg(long, value_delimiter = ',', default_value = "max", value_name = "MODEL")]
    cpu: Vec<String>,
    /// Virtual processors, as QEMU's -smp takes them
    #[arg(long, default_value = "1")]
    smp: String,
    /// Seconds a guest may take from power-on to its verdict
    #[arg(long, default_value_t = 240)]
    deadline: u64,
    /// Further words for the guest kernel's command line
    #[arg(long, default_value = "", value_name = "WORDS")]
    append: String,
    /// Build exitpath too and put it into the guests, so that the suite compares what it saw
    #[arg(long)]
    tracer: bool,
    /// Look for newer kernels than the cached ones
    #[arg(long)]
    update: bool,
    /// Show the guests' output while they run
    #[arg(long)]
    verbose: bool,
    /// What the guests run instead of the whole suite; names without a slash are our own binaries
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Kernels that `cargo xtask test` boots: where the plan `tracepoints` loses nothing.
pub const TESTED: [&str; 2] = ["6.1", "6.12"];

impl Args {
    /// The whole suite on one kernel, traced.
    pub fn traced(series: &str) -> Self {
        Self {
            kernel: vec![series.to_owned()],
            image: Vec::new(),
            cpu: vec!["max".to_owned()],
            smp: "1".to_owned(),
            deadline: 240,
            append: String::new(),
            tracer: true,
            update: false,
            verbose: false,
            command: Vec::new(),
        }
    }
}

/// One line of the final table.
struct Run {
    kernel: Kernel,
    cpu: String,
    outcome: Outcome,
}

/// Boots every kernel on every processor model; code 1 if any guest failed.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.deadline > 10, "a deadline of {} s is shorter than a boot: give at least 11", args.deadline);
    for series in &args.kernel {
        kernel::known(series)?;
    }
    let cache = cache::folder()?;
    let qemu = install::qemu(&cache)?;
    let kernels: Vec<_> = if args.image.is_empty() {
        let fetch = |series: &String| {
            kernel::fetch(&cache, series, args.update).with_context(|| format!("kernel {series}"))
        };
        args.kernel.iter().map(fetch).collect::<Result<_>>()?
    } else {
        args.image.iter().map(|image| Kernel::given(image)).collect::<Result<_>>()?
    };
    let place = workspace::target()?.join("vm");
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let initrd = place.join("initramfs");
    image::build(&initrd, &payload(args), args.tracer)?;

    let mut runs = Vec::new();
    for kernel in kernels {
        for cpu in &args.cpu {
            let guest = Guest {
                qemu: &qemu,
                kernel: &kernel.image,
                initrd: &initrd,
                cpu,
                smp: &args.smp,
                append: &args.append,
                deadline: Duration::from_secs(args.deadline),
                logs: place.join(format!("{}-{cpu}", kernel.series)),
                echo: args.verbose,
            };
            println!("vm: {} on {cpu}", kernel.release);
            let outcome = guest.boot()?;
            if !outcome.passed() && !args.verbose {
                outcome.print_tail();
            }
            runs.push(Run { kernel: kernel.clone(), cpu: cpu.clone(), outcome });
        }
    }
    print_table(&runs);
    let failed = runs.iter().any(|run| !run.outcome.passed());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The payload file's content: a deadline so far before the guest's own that, after the boot, init can still say so.
fn payload(args: &Args) -> String {
    let mut command = args.command.clone();
    match command.first_mut() {
        None => command.push("/bin/guest-suite".to_owned()),
        Some(program) if !program.contains('/') => program.insert_str(0, "/bin/"),
        Some(_) => {}
    }
    format!("{}\n{}\n", args.deadline * 3 / 4, command.join("\n"))
}

fn print_table(runs: &[Run]) {
    println!("{:8} {:32} {:16} {:>7}  VERDICT", "SERIES", "KERNEL", "CPU", "SECONDS");
    for Run { kernel, cpu, outcome } in runs {
        let seconds = outcome.took.as_secs_f64();
        print!("{:8} {:32} {cpu:16} {seconds:>7.1}  {}", kernel.series, kernel.release, outcome.end);
        if let End::Verdict(_) = outcome.end {
            println!();
        } else {
            println!(" (logs: {})", outcome.logs.display());
        }
    }
}
