//! Load on every CPU, for tests that trace the whole system.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use vmtest::mixture::Mixture;
use vmtest::sys;

/// Mixed system calls as fast as they go, on several threads, for a time; prints nothing.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Threads
    #[arg(long, default_value_t = 8)]
    threads: u32,
    /// Seconds to run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    Mixture::handle_signals()?;
    let gate = sys::int80_works()?;
    let end = Instant::now() + Duration::from_secs(args.seconds);
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..args.threads).map(|index| scope.spawn(move || load(index, gate, end))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("the load does not panic"))
    })
}

/// One thread's load; only the first makes children, so their number stays bounded.
fn load(index: u32, gate: bool, end: Instant) -> Result<()> {
    let mixture = Mixture::new(gate)?;
    for round in 1_u64.. {
        mixture.round();
        if round % 10 == 0 {
            mixture.signal();
        }
        if round % 50 == 0 {
            mixture.sleep(20_000);
        }
        if index == 0 && round % 500 == 0 {
            mixture.child()?;
        }
        if Instant::now() >= end {
            break;
        }
    }
    Ok(())
}
