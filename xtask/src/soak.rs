//! `cargo xtask soak`: what the daemon holds, uses and loses over a long time under load.
//!
//! Memory that grows by a page a minute, a ring above its bound, a tick too many on the CPU: minutes of tests show none of it.

mod daemon;
mod sample;

use crate::{artifacts, overhead::statistics::Quartiles, packages, run};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use daemon::Daemon;
use sample::{Sample, at_most};
use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

/// Run the daemon for an hour under load, and say what it held, used and lost; fails when a limit does not hold
#[derive(Args)]
pub struct Arguments {
    /// How long
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: u64,
    /// Threads that make mixed calls as fast as they go
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    threads: u32,
    /// Niceness of the load and of its session, for a machine that has other work
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=19))]
    nice: u8,
    /// The ring's bound in MiB
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    ring_mib: u64,
    /// Measure these programs, built before: how the task calls itself as root
    #[arg(long, hide = true, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

/// A window, as long as the daemon's interval.
const WINDOW: Duration = Duration::from_secs(10);
/// How often it is scraped; Prometheus' default is a minute.
const SCRAPE: u32 = 15;
/// What resident memory may grow by after [`SETTLED`], in KiB.
const GROWTH_KIB: u64 = 2048;
/// Until the daemon holds all that it ever will.
const SETTLED: Duration = Duration::from_mins(5);
/// The share of one CPU that reader and server may use.
const SHARE: f64 = 0.01;
/// How many of the windows with the highest share are named.
const NAMED: usize = 3;

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let folder = match &arguments.programs {
        Some(folder) => folder.clone(),
        None => build()?,
    };
    if packages::is_root() {
        return soak(arguments, &folder);
    }
    ensure!(arguments.programs.is_none(), "tracing needs root");
    let own = env::current_exe().context("cannot tell this program's own path")?;
    let mut command = packages::as_root(&own).context("tracing")?;
    command.arg("soak").arg("--programs").arg(folder);
    command.args(env::args_os().skip_while(|word| word != "soak").skip(1));
    run::shown(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the daemon and the load; the folder that both lie in.
fn build() -> Result<PathBuf> {
    let built = artifacts::build(&["build", "--release", "--package", "tracer", "--package", "vmtest"])?;
    let exitpath = &artifacts::program(&built, "exitpath")?.executable;
    Ok(exitpath.parent().context("a program lies in a folder")?.to_owned())
}

fn soak(arguments: &Arguments, programs: &Path) -> Result<ExitCode> {
    let bound = arguments.ring_mib << 20;
    let daemon = Daemon::start(&programs.join("exitpath"), bound)?;
    let end = Duration::from_secs(arguments.minutes * 60);
    let mut load = Load::start(&programs.join("loadgen"), arguments, end + Duration::from_mins(1))?;
    println!(
        "{} min, {} threads of load, ring of {} MiB",
        arguments.minutes, arguments.threads, arguments.ring_mib
    );
    println!(
        "{:>6} {:>9} {:>8} {:>10} {:>14} {:>6}",
        "min", "RSS KiB", "CPU %", "ring KiB", "returns", "lost"
    );
    let since = Instant::now();
    let mut samples = vec![daemon.sample(Duration::ZERO)?];
    let mut unanswered = 0;
    for window in 1_u32.. {
        let until = WINDOW * window;
        for second in 1..=WINDOW.as_secs() as u32 {
            let due = WINDOW * (window - 1) + Duration::from_secs(second.into());
            thread::sleep(due.saturating_sub(since.elapsed()));
            if (due.as_secs() as u32).is_multiple_of(SCRAPE) {
                unanswered += u64::from(daemon.scrape().is_err());
            }
        }
        samples.push(daemon.sample(since.elapsed())?);
        ensure!(load.runs()?, "the load ended by itself");
        if window.is_multiple_of(6) {
            println!("{}", Sample::line(&samples));
        }
        if until >= end {
            break;
        }
    }
    drop(load);
    let ended = daemon.end()?;
    println!("SIGTERM: {ended}; {}; {unanswered} scrapes without an answer in 10 s", at_end(&samples));
    Ok(if judge(&samples, bound) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints each limit and what was seen; whether all hold.
fn judge(samples: &[Sample], bound: u64) -> bool {
    let late: Vec<&Sample> = samples.iter().filter(|sample| sample.at >= SETTLED).collect();
    let settled = late.first().map_or(0, |sample| sample.resident_kib);
    let most = late.iter().map(|sample| sample.resident_kib).max().unwrap_or(0);
    let mut windows: Vec<(f64, Duration)> =
        samples.windows(2).map(|pair| (pair[1].share_since(&pair[0]), pair[0].at)).collect();
    windows.sort_by(|one, other| other.0.total_cmp(&one.0));
    let highest = windows.first().map_or(0.0, |window| window.0);
    // Which they were: a new segment, a busy neighbour and a leak lie at different times.
    let most_used: Vec<String> = windows
        .iter()
        .take(NAMED)
        .map(|(share, at)| format!("{:.2} % at {:.1} min", share * 100.0, at.as_secs_f64() / 60.0))
        .collect();
    let shares = windows.iter().map(|window| window.0);
    let middle = Quartiles::of(shares).map_or(0.0, |quartiles| quartiles.median);
    let ring = samples.iter().map(|sample| sample.ring_bytes).max().unwrap_or(0);
    let lost = samples.last().map_or(0, |sample| sample.lost);
    [
        at_most("growth of resident memory after 5 min, KiB", most.saturating_sub(settled), GROWTH_KIB),
        at_most("the ring at most, KiB", ring / 1024, bound / 1024),
        at_most("events lost", lost, 0),
        {
            let holds = highest <= SHARE;
            println!(
                "{} own CPU, of one CPU: median {:.2} %, highest windows {} (limit {:.0} %)",
                if holds { "ok   " } else { "WRONG" },
                middle * 100.0,
                most_used.join(", "),
                SHARE * 100.0
            );
            holds
        },
    ]
    .into_iter()
    .all(|holds| holds)
}

fn at_end(samples: &[Sample]) -> String {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return String::new() };
    let returns = last.returns.saturating_sub(first.returns);
    format!("{returns} returns in {} s", last.at.as_secs())
}

/// Mixed calls on some threads, which end with it.
struct Load(Child);

impl Load {
    fn start(program: &Path, arguments: &Arguments, time: Duration) -> Result<Self> {
        let mut command = Command::new(program);
        let nice = arguments.nice;
        // Where sessions are scheduled as groups, niceness counts inside one only: the load gets one of its own.
        // SAFETY: system calls, and a file that is written, in a child that has one thread.
        unsafe {
            command.pre_exec(move || {
                libc::setsid();
                libc::setpriority(libc::PRIO_PROCESS, 0, i32::from(nice));
                // Other kernels have no such groups.
                let _ = fs::write("/proc/self/autogroup", nice.to_string());
                Ok(())
            });
        }
        command.args(["--threads", &arguments.threads.to_string(), "--seconds", &time.as_secs().to_string()]);
        Ok(Self(command.spawn().context("cannot start the load")?))
    }

    fn runs(&mut self) -> Result<bool> {
        Ok(self.0.try_wait().context("cannot tell whether the load runs")?.is_none())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Bytes of all files of a folder.
fn folder_bytes(folder: &Path) -> Result<u64> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    // A segment may go between being listed and being looked at.
    Ok(entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum())
}
