//! `kill -9` of a daemon at moments that nobody chose, under load, on the kernel that runs this: every file of its ring
//! reads, no more than the interval in progress is lost, and nothing of it stays in the kernel.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use vmtest::bpf::ids;
use vmtest::ready;
use vmtest::scraped::Scrape;

/// Kills it again and again; code 1 if anything does not hold.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The tracer
    #[arg(long, default_value = "/bin/exitpath")]
    tracer: String,
    /// The load
    #[arg(long, default_value = "/bin/loadgen")]
    load: String,
    /// How often
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// At most so long after it was attached, in ms
    #[arg(long, default_value_t = 1500)]
    within: u64,
}

const RING: &str = "/tmp/kill-ring";
const SOCKET: &str = "/tmp/kill.sock";

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let mut load = Command::new(&args.load).args(["--threads", "2", "--seconds", "3600"]).spawn()?;
    let mut seen = BTreeSet::new();
    let (mut kept, mut wrong, mut random) = (0, 0, std::process::id() ^ 0x9e37_79b9);
    for kill in 1..=args.kills {
        let before = ids::all()?;
        let mut command = Command::new(&args.tracer);
        command.args([
            "daemon",
            "--interval",
            "0.2s",
            "--listen",
            "none",
            "--unix-socket",
            SOCKET,
            "--ring",
            RING,
        ]);
        let (mut daemon, _) = ready::start(&mut command)?.attached(Duration::from_mins(2))?;
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sleep(Duration::from_micros(u64::from(random >> 8) % (args.within * 1000)));
        // What it says to have read by now is in its ring by now.
        let told = Scrape::of(Path::new(SOCKET))?.sum("exitpath_intervals_total", "") as u64;
        daemon.kill()?;
        daemon.wait()?;
        let (files, intervals, broken) = read(&args.tracer, &mut seen)?;
        let left = left(&before)?;
        let holds = broken.is_empty() && intervals >= told && left == 0;
        println!(
            "{} kill {kill}: {told} intervals told, {intervals} in {files} new files, broken {broken:?}, left in the kernel {left}",
            if holds { "ok    " } else { "WRONG " },
        );
        wrong += u32::from(!holds);
        kept += intervals;
    }
    load.kill()?;
    load.wait()?;
    println!("{} kills, {kept} intervals in the ring, {wrong} wrong", args.kills);
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Files that were not read yet, intervals in them, and what could not be read.
fn read(tracer: &str, seen: &mut BTreeSet<PathBuf>) -> Result<(usize, u64, Vec<String>)> {
    let (mut files, mut intervals, mut broken) = (0, 0, Vec::new());
    for file in fs::read_dir(RING).context("the ring")? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "zst") && seen.insert(file.clone()) {
            files += 1;
            let words = ["--intervals", "--format", "json", "--top", "1"];
            let read = Command::new(tracer).arg("report").arg(&file).args(words).output()?;
            if !read.status.success() {
                broken.push(String::from_utf8_lossy(&read.stderr).into_owned());
            }
            // A line an interval, and one of all.
            let lines = String::from_utf8_lossy(&read.stdout).lines().count();
            intervals += lines.saturating_sub(1) as u64;
        }
    }
    Ok((files, intervals, broken))
}

/// Objects that were not there before; the kernel frees them a little after their last descriptor.
fn left(before: &BTreeSet<ids::Id>) -> Result<usize> {
    let since = Instant::now();
    loop {
        let left = ids::all()?.difference(before).count();
        if left == 0 || since.elapsed() > Duration::from_secs(10) {
            return Ok(left);
        }
        sleep(Duration::from_millis(50));
    }
}
