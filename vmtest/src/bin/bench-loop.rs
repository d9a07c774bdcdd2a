//! What one system call costs, in ns: run it with and without a tracer and subtract.
//!
//! The figure is the lower quartile of many chunks: a mean carries every interruption of a shared machine, a minimum
//! the one lucky chunk.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use vmtest::sys::{nr, plain};

/// Prints the ns that one system call takes.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to run
    kind: Kind,
    /// Calls made by each thread
    calls: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// getppid on one thread, pinned to the last CPU
    One,
    /// getppid on two threads with adjacent ids, pinned to two CPUs: what shared lines in a tracer's tables cost
    Two,
    /// twenty different short calls in a fixed pseudo-random order
    Mix,
}

/// Enough for a quartile, few enough that a chunk is much longer than reading the clock.
const CHUNKS: u64 = 40;

/// Short calls, numbered as in `asm/unistd_64.h`, with an argument that makes each end at once: identity calls, then
/// calls on a descriptor that is not open.
const MIX: [(i64, usize); 20] = [
    (39, 0),
    (102, 0),
    (104, 0),
    (107, 0),
    (108, 0),
    (110, 0),
    (111, 0),
    (121, 0),
    (124, 0),
    (186, 0),
    (140, 0),
    (145, 0),
    (0, usize::MAX),
    (1, usize::MAX),
    (3, usize::MAX),
    (8, usize::MAX),
    (16, usize::MAX),
    (72, usize::MAX),
    (32, usize::MAX),
    (74, usize::MAX),
];

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    ensure!(args.calls >= CHUNKS, "{} calls are too few: give at least {CHUNKS}", args.calls);
    let cpus = allowed_cpus()?;
    let last = *cpus.last().context("no CPU allowed")?;
    let ns = match args.kind {
        Kind::One => {
            pin(last)?;
            quartile(args.calls, getppid())
        }
        Kind::Mix => {
            pin(last)?;
            quartile(args.calls, mix())
        }
        Kind::Two => {
            ensure!(cpus.len() > 1, "only CPU {last} is allowed: `two` needs two CPUs");
            two(args.calls, [cpus[cpus.len() - 2], last])?
        }
    };
    println!("{ns:.2}");
    Ok(ExitCode::SUCCESS)
}

fn getppid() -> impl FnMut() {
    || {
        black_box(plain(nr::GETPPID, 0, 0));
    }
}

fn mix() -> impl FnMut() {
    let mut state = 12_345_u32;
    move || {
        // A linear congruence's upper bits: the branch predictor must not learn the order.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (nr, argument) = MIX[(state >> 16) as usize % MIX.len()];
        black_box(plain(nr, argument, 0));
    }
}

/// ns a call, lower quartile over chunks, after a warm-up of a tenth.
fn quartile(calls: u64, mut call: impl FnMut()) -> f64 {
    (0..calls / 10).for_each(|_| call());
    let per_chunk = calls / CHUNKS;
    let mut chunks: Vec<f64> = (0..CHUNKS)
        .map(|_| {
            let start = Instant::now();
            (0..per_chunk).for_each(|_| call());
            start.elapsed().as_nanos() as f64 / per_chunk as f64
        })
        .collect();
    chunks.sort_by(f64::total_cmp);
    chunks[chunks.len() / 4]
}

/// Mean over two threads, on two CPUs, whose ids follow one another with the first one even: tables indexed by
/// thread id then put both on one cache line if they can.
fn two(calls: u64, cpus: [usize; 2]) -> Result<f64> {
    const TRIES: usize = 10_000;
    for _ in 0..TRIES {
        let tids = [AtomicI32::new(0), AtomicI32::new(0)];
        let started = Barrier::new(2);
        let next = AtomicUsize::new(0);
        let body = || -> Result<Option<f64>> {
            let me = next.fetch_add(1, SeqCst);
            tids[me].store(plain(libc::SYS_gettid, 0, 0) as i32, SeqCst);
            started.wait();
            let [a, b] = [tids[0].load(SeqCst), tids[1].load(SeqCst)];
            // Which thread came first is chance; only the pair counts.
            if a.abs_diff(b) != 1 || a.min(b) % 2 != 0 {
                return Ok(None);
            }
            pin(cpus[me])?;
            started.wait();
            Ok(Some(quartile(calls, getppid())))
        };
        let [a, b] = thread::scope(|scope| {
            let pair = [scope.spawn(body), scope.spawn(body)];
            pair.map(|thread| thread.join().expect("the loop does not panic"))
        });
        if let (Some(a), Some(b)) = (a?, b?) {
            return Ok(f64::midpoint(a, b));
        }
        // Ids are given out in a row: where nobody else takes any, only an odd number of threads a try makes the
        // next pair begin with the other parity.
        thread::scope(|scope| drop(scope.spawn(|| ())));
    }
    anyhow::bail!("no two threads with adjacent ids in {TRIES} tries: too many processes are being made")
}

fn allowed_cpus() -> Result<Vec<usize>> {
    // SAFETY: a zeroed set of the size given.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let failed = libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        ensure!(failed == 0, "sched_getaffinity: {}", std::io::Error::last_os_error());
        set
    };
    // SAFETY: the index stays below the set's size.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

fn pin(cpu: usize) -> Result<()> {
    // SAFETY: a zeroed set of the size given, with one CPU of the allowed ones.
    let failed = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set)
    };
    ensure!(failed == 0, "cannot pin to CPU {cpu}: {}", std::io::Error::last_os_error());
    Ok(())
}
