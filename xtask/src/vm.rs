//! `cargo xtask vm`: the test guests. Debian's own kernels, booted under QEMU from a root file system that holds
//! nothing but our static binaries.
//!
//! Usually a guest runs the cases under a plan of exitpath's, with the oracle below it, and all opinions of each case
//! are compared ([`suite`]); or it runs one command ([`command`]). All failures of all guests are collected.

mod command;
mod cpio;
mod docs;
mod ended;
mod golden;
mod guests;
pub mod image;
pub mod install;
pub mod kernel;
pub mod matrix;
pub mod oracle;
pub mod qemu;
mod results;
mod suite;
mod table;
mod words;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use vmtest::cases;

use kernel::Kernel;
use matrix::GuestResult;
use words::Words;

use crate::{cache, workspace};

/// Boot Debian kernels under QEMU and compare, case by case, what exitpath saw with what the processor did
///
/// A plugin of QEMU sees each system call's entry and return as instructions. Its counts, exitpath's and the
/// workload's own must be equal.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Args {
    /// Kernel series to boot: 5.10, 6.1, 6.12, 7.2, 7.3, or `all`
    #[arg(long, value_delimiter = ',', default_value = "6.12", value_name = "SERIES")]
    kernel: Vec<String>,
    /// Boot this kernel image instead of Debian's; what it needs stands in vm/image.rs
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kernel", "update"])]
    image: Vec<PathBuf>,
    /// QEMU's processor models: `max` is an AMD without PTI, `Skylake-Client` an Intel with it; features behind a
    /// colon each, `max:-erms`
    #[arg(long, value_delimiter = ',', default_value = "max", value_name = "MODEL")]
    cpu: Vec<String>,
    /// exitpath's plans, a guest for each: `auto` is its own choice, `none` runs the cases untraced, `all` are all
    #[arg(long, alias = "plans", value_delimiter = ',', default_value = "auto", value_name = "NAME")]
    plan: Vec<String>,
    /// Virtual processors, as QEMU's -smp takes them
    #[arg(long, default_value = "1")]
    smp: String,
    /// Seconds a guest may take from power-on to its verdict
    #[arg(long, default_value_t = 900)]
    deadline: u64,
    /// Further words for the guest kernel's command line
    #[arg(long, default_value = "", value_name = "WORDS")]
    append: String,
    /// Guests that run at once; each keeps a core busy
    #[arg(long, default_value_t = 2, value_name = "N")]
    jobs: usize,
    /// The guests' clock counts instructions, one a nanosecond, and skips idle time: what takes a second is a
    /// thousand million instructions of one processor
    #[arg(long)]
    icount: bool,
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

/// Kernels that `cargo xtask test` boots, with two processors each: whatever a case does on one, it does there too.
const TESTED: [&str; 5] = ["5.10", "6.1", "6.12", "7.2", "7.3"];

/// Where the programs for old kernels run too: probes on `__x64_sys_*` and `__ia32_sys_*` instead of `sys_*`.
const PROBED: [&str; 2] = ["5.10", "6.1"];
/// What they see there: each entry, each exit, and calls without a handler.
const PROBED_CASES: [&str; 12] = [
    "getppid",
    "bad-nr",
    "bad-neg",
    "int80",
    "elf32-int80",
    "elf32-vdso",
    "fork",
    "exec",
    "kill-self",
    "sigreturn-async",
    "seccomp-errno",
    "ptrace-rip",
];
/// That nothing stays in `kprobe_events`, after an end and after `kill -9` and a start; and that calls which wait in
/// many threads are not lost.
const PROBE_PROOF: [&str; 4] = ["/bin/probe-proof", "--full-frame", "--threads", "500"];
/// Where the tests hold `doctor` against its golden texts: the two quickest. The others take minutes more.
const TOLD: [&str; 2] = ["5.10", "6.1"];

impl Args {
    /// The plan `handlers` on the kernels of [`PROBED`].
    fn probed() -> Self {
        Self { plan: vec!["handlers".to_owned()], ..Self::traced(&PROBED) }
    }

    /// What `doctor` says on those of [`TOLD`], in each environment that allows less.
    fn told() -> Self {
        Self { smp: "1".to_owned(), words: vec!["guest-doctor".to_owned()], ..Self::traced(&TOLD) }
    }

    /// The whole suite on these kernels, traced.
    fn traced(series: &[&str]) -> Self {
        Self {
            kernel: series.iter().map(|&series| series.to_owned()).collect(),
            image: Vec::new(),
            cpu: vec!["max".to_owned()],
            plan: vec!["auto".to_owned()],
            smp: "2".to_owned(),
            deadline: 900,
            append: String::new(),
            jobs: 2,
            icount: false,
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

/// Boots every kernel on every processor model; code 1 if anything failed. A plan that exitpath refuses is no failure.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.write_docs {
        return docs::write(&results::read(&place()?)?).map(|()| ExitCode::SUCCESS);
    }
    ensure!(args.deadline > 10, "a deadline of {} s is shorter than a boot: give at least 11", args.deadline);
    let words = Words::of(&args.words)?;
    let setting = Setting::prepare(args, words.traced(args.tracer))?;
    let passed = match words {
        Words::Command(command) => command::run(args, &setting, &command)?,
        Words::Cases(cases) => suite::run(args, &setting, &cases)?.iter().all(GuestResult::passed),
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All cases on the kernels of [`TESTED`], traced, and some with probes: how many guests passed and failed. Here a
/// refusal is a failure.
pub fn test() -> Result<(u64, u64)> {
    let args = Args::traced(&TESTED);
    let cases = cases::all().map(|case| (case, case.natural)).collect::<Vec<_>>();
    let results = suite::run(&args, &Setting::prepare(&args, true)?, &cases)?;
    let probed = Args::probed();
    let setting = Setting::prepare(&probed, true)?;
    let few = cases.into_iter().filter(|(case, _)| PROBED_CASES.contains(&case.name)).collect::<Vec<_>>();
    let results = [results, suite::run(&probed, &setting, &few)?].concat();
    let passed = results.iter().filter(|result| result.passed() && result.refused.is_none()).count() as u64;
    let proved = command::run(&probed, &setting, &PROBE_PROOF.map(str::to_owned))?;
    let told = Args::told();
    let as_told = command::run(&told, &Setting::prepare(&told, true)?, &[golden::TELLER.to_owned()])?;
    let commands = [proved, as_told];
    let held = commands.into_iter().filter(|&held| held).count() as u64;
    Ok((passed + held, results.len() as u64 - passed + commands.len() as u64 - held))
}

fn place() -> Result<PathBuf> {
    Ok(workspace::target()?.join("vm"))
}

impl Setting {
    /// Everything that is downloaded, installed and built before the first guest.
    fn prepare(args: &Args, tracer: bool) -> Result<Self> {
        let cache = cache::folder()?;
        let qemu = install::qemu(&cache)?;
        let fetch = |series: &String| {
            kernel::fetch(&cache, series, args.update).with_context(|| format!("kernel {series}"))
        };
        let kernels = if args.image.is_empty() {
            kernel::series(&args.kernel)?.iter().map(fetch).collect::<Result<_>>()?
        } else {
            args.image.iter().map(|image| Kernel::given(image)).collect::<Result<_>>()?
        };
        let place = place()?;
        fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
        Ok(Self { qemu, kernels, place, built: image::compile(tracer)? })
    }
}
