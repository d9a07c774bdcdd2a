//! Makes exactly the system calls it is told to, and says by which path each must return.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use vmtest::blocked;
use vmtest::cases::{self, Case};
use vmtest::marker::Marker;
use vmtest::signals;

/// Makes exactly the system calls it is told to.
///
/// `workload noop` does nothing at all: it is what the case `exec` executes. `workload blocked N` is for a tracer that
/// comes late: N threads block, and go on at the end of stdin.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// CASE=COUNT, run in this order; counts of one case add up
    #[arg(value_name = "CASE=COUNT", value_parser = cases::parse, required_unless_present = "list")]
    runs: Vec<(&'static Case, u64)>,
    /// Where to write, as JSON, the returns that this run makes
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Seconds after which the run is killed (SIGALRM): a case that blocks for ever must not
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    deadline: u32,
    /// Tell the oracle below a test guest that the cases begin; anywhere else it is one unknown system call
    #[arg(long)]
    marker: bool,
    /// Show the cases
    #[arg(long)]
    list: bool,
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some("noop") => return Ok(()),
        Some("blocked") => return blocked::run(words.next().context("how many threads?")?.parse()?),
        _ => {}
    }
    let args = Args::parse();
    if args.list {
        for case in cases::all() {
            println!("{:19} {} (EXIT_PATHS {})", case.name, case.what, case.section);
        }
        return Ok(());
    }
    // Opened before the run, so that a bad path fails at once; written by pwrite64, so that `write` stays countable.
    let expect = args
        .expect
        .map(|path| File::create(&path).with_context(|| format!("cannot write {}", path.display())))
        .transpose()?;
    // SAFETY: only sets this process's timer.
    unsafe { libc::alarm(args.deadline) };
    signals::reset()?;
    if args.marker {
        Marker::Begin.say(0, 0);
    }
    let expectation = cases::run(&args.runs)?;
    if let Some(file) = expect {
        let text = serde_json::to_string_pretty(&expectation)?;
        file.write_all_at(text.as_bytes(), 0).context("cannot write the expectation")?;
    }
    Ok(())
}
