//! The small workload beside `cargo xtask trace`: every exit path shows in the table, at a rate a laptop does not feel.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use vmtest::mixture::Mixture;
use vmtest::sys;

/// Makes a varied mix of some 20,000 system calls a second, silently.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Seconds to run
    #[arg(default_value_t = 12)]
    seconds: u64,
}

/// One tick every 10 ms: a hundred a second.
const TICK: Duration = Duration::from_millis(10);
/// Rounds of some 21 calls a tick: about 20,000 calls a second.
const ROUNDS: u32 = 9;

fn main() -> Result<()> {
    if std::env::args_os().nth(1).is_some_and(|first| first == "noop") {
        return Ok(());
    }
    let args = Args::parse();
    Mixture::handle_signals()?;
    let mixture = Mixture::new(sys::int80_works()?)?;
    let program = std::env::current_exe().context("cannot tell this program's own path: mount /proc")?;
    let start = Instant::now();
    let end = Duration::from_secs(args.seconds);
    for tick in 1_u32.. {
        for _ in 0..ROUNDS {
            mixture.round();
        }
        mixture.signal();
        mixture.sleep(50_000);
        if tick % 5 == 0 {
            mixture.child()?;
        }
        if tick % 25 == 0 {
            Command::new(&program).arg("noop").status().context("cannot execute itself")?;
        }
        // Paced by the clock, not by the work: a slow tracer must not lower the rate it is shown.
        let next = TICK * tick;
        let now = start.elapsed();
        if now >= end {
            break;
        }
        thread::sleep(next.saturating_sub(now));
    }
    Ok(())
}
