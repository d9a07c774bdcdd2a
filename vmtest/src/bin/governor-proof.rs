//! The daemon's `--max-overhead` under a storm of getppid whose calls are counted by whoever makes them, on the kernel
//! that runs this: a line an interval, and at the end what was counted against what was called.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::Value;
use vmtest::ready;
use vmtest::scraped::Scrape;
use vmtest::sys::{nr, plain};

/// Storms a daemon at each bound; code 1 if what it counted was more than 2 % off while programs were attached.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The tracer
    #[arg(long, default_value = "/bin/exitpath")]
    tracer: String,
    /// Bounds, of all CPU time
    #[arg(long, value_delimiter = ',', default_value = "20%,10%,5%")]
    limit: Vec<String>,
    /// How long each storm lasts
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The daemon's interval in seconds
    #[arg(long, default_value_t = 1)]
    interval: u64,
}

const SOCKET: &str = "/tmp/governor.sock";

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let mut right = true;
    for (number, limit) in args.limit.iter().enumerate() {
        right &= storm(&args, limit, &format!("/tmp/governor-ring-{number}"))?;
    }
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn storm(args: &Args, limit: &str, ring: &str) -> Result<bool> {
    println!("at most {limit} of all CPU time, intervals of {} s", args.interval);
    let interval = format!("{}s", args.interval);
    let mut command = Command::new(&args.tracer);
    command.args(["daemon", "--listen", "none", "--unix-socket", SOCKET, "--ring", ring]);
    command.args(["--interval", &interval, "--max-overhead", limit]);
    let (mut daemon, _) = ready::start(&mut command)?.attached(Duration::from_mins(2))?;
    let socket = Path::new(SOCKET);
    let before = Scrape::of(socket)?;
    let time = Duration::from_secs(args.seconds);
    let storm = thread::spawn(move || called_in(time));
    let getppid = |scrape: &Scrape, name: &str| scrape.sum(name, "syscall=\"getppid\"");
    let mut last = before.clone();
    while !storm.is_finished() {
        sleep(Duration::from_secs(args.interval));
        let now = Scrape::of(socket)?;
        let gained = |name: &str| getppid(&now, name) - getppid(&last, name);
        let own = |name: &str| now.sum(name, "");
        println!(
            "  cost {:6.2}%  level {}  sampling {:2}  untraced {:7.3} s  calls {:9}  timed, scaled {:9}",
            own("exitpath_governor_cost_ratio") * 100.0,
            own("exitpath_governor_level"),
            own("exitpath_sampling_interval"),
            own("exitpath_untraced_seconds_total"),
            gained("exitpath_returns_total"),
            gained("exitpath_syscall_duration_seconds_count"),
        );
        last = now;
    }
    let called = storm.join().ok().context("the storm panicked")? as f64;
    // Who asks within a second of a reading is given that one.
    sleep(Duration::from_secs(2 * args.interval + 1));
    let now = Scrape::of(socket)?;
    let counted = getppid(&now, "exitpath_returns_total") - getppid(&before, "exitpath_returns_total");
    let untraced = now.sum("exitpath_untraced_seconds_total", "");
    // SAFETY: our own child, not waited for.
    unsafe { libc::kill(daemon.id() as i32, libc::SIGTERM) };
    ensure!(daemon.wait()?.success(), "the daemon failed");
    let report = Command::new(&args.tracer).args(["report", ring, "--format", "json"]).output()?;
    ensure!(report.status.success(), "the ring's report: {}", String::from_utf8_lossy(&report.stderr));
    let json: Value = serde_json::from_slice(&report.stdout).context("the ring's report")?;
    let series = json["series"].as_array().cloned().unwrap_or_default();
    let kept =
        series.iter().filter(|one| one["syscall"] == "getppid").filter_map(|one| one["returns"].as_f64());
    let kept: f64 = kept.sum();
    let text = Command::new(&args.tracer).args(["report", ring, "--top", "1"]).output()?;
    print!("{}{}", String::from_utf8_lossy(&text.stderr), String::from_utf8_lossy(&text.stdout));
    let off = (counted / called - 1.0) * 100.0;
    println!(
        "called {called}, counted {counted} ({off:+.3}%), in the ring {kept}, nothing attached for {untraced:.3} s"
    );
    Ok(off < 2.0 && (off > -2.0 || untraced > 0.02 * args.seconds as f64))
}

/// Whole rounds of calls, between which only the clock is read.
fn called_in(time: Duration) -> u64 {
    const ROUND: u64 = 10_000;
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < time {
        for _ in 0..ROUND {
            let _ = plain(nr::GETPPID, 0, 0);
        }
        calls += ROUND;
    }
    calls
}
