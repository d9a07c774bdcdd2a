//! Processes that fight for one CPU, and one that wanders over two: what a tracer's own preemption loses shows here
//! (`EXIT_PATHS` 3.0, point 3).

use std::io::Error;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Result, ensure};

use super::{BY_SIGNAL, Case, FORK, FORK_CHILD, GETPPID, SIGRETURN, TKILL, WAIT4};
use crate::expect::{Give, Path};
use crate::signals;
use crate::sys::{self, must, nr, plain};

/// Processes in each case.
const RIVALS: u64 = 3;

const FORKS: [Give; 3] = [
    Give::new(FORK, Path::Sysret, RIVALS).once(),
    Give::new(FORK, Path::Iret, RIVALS).once().reason(FORK_CHILD),
    Give::new(WAIT4, Path::Sysret, RIVALS).once(),
];
const CALLS: &[Give] = &[Give::new(GETPPID, Path::Sysret, RIVALS), FORKS[0], FORKS[1], FORKS[2]];
const SIGNALS: &[Give] = &[
    Give::new(TKILL, Path::Iret, RIVALS).cause(BY_SIGNAL),
    Give::new(SIGRETURN, Path::Sysret, RIVALS),
    FORKS[0],
    FORKS[1],
    FORKS[2],
];

/// A case of [`rivals`].
const fn contest(
    name: &'static str,
    what: &'static str,
    natural: u64,
    run: fn(u64) -> Result<()>,
    gives: &'static [Give],
) -> Case {
    Case { name, what, section: "3.0, point 3", run, gives, natural, ..Case::USUAL }
}

pub static CASES: &[Case] = &[
    contest(
        "compete",
        "a getppid in each of three processes on one CPU",
        10_000,
        |count| rivals(count, Place::One, calls),
        CALLS,
    ),
    contest(
        "compete-signal",
        "a signal to itself in each of three processes on one CPU",
        4_000,
        |count| rivals(count, Place::One, self_signals),
        SIGNALS,
    ),
    contest(
        "migrate",
        "a getppid in each of three processes that change between two CPUs every 50 calls",
        10_000,
        |count| rivals(count, Place::Two, calls),
        CALLS,
    ),
    contest(
        "migrate-signal",
        "a signal to itself in each of three processes that change between two CPUs every 50 signals",
        4_000,
        |count| rivals(count, Place::Two, self_signals),
        SIGNALS,
    ),
];

/// Where the processes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// All on the first CPU that this process may use.
    One,
    /// From the first to the last and back; where there is only one, as `One`.
    Two,
}

/// Calls between two moves.
const STAY: u64 = 50;

/// `work(n)` in pieces, in three processes that begin together.
fn rivals(count: u64, place: Place, work: fn(u64) -> Result<()>) -> Result<()> {
    let cpus = allowed()?;
    let [first, last] = [cpus[0], cpus[cpus.len() - 1]];
    signals::handle(libc::SIGUSR1, signals::count, 0)?;
    let (gate, opener) = gate()?;
    let one = || -> Result<()> {
        pin(first)?;
        let mut byte = 0_u8;
        // SAFETY: one byte. At the end of the pipe, which comes when the parent closes it: all begin together.
        let got = unsafe { libc::read(gate.as_raw_fd(), (&raw mut byte).cast(), 1) };
        ensure!(got == 0, "the gate gave {got}");
        if place == Place::One {
            return work(count);
        }
        for done in (0..count).step_by(STAY as usize) {
            pin(if (done / STAY).is_multiple_of(2) { last } else { first })?;
            work(STAY.min(count - done))?;
        }
        Ok(())
    };
    let write_end = opener.as_raw_fd();
    let children: Vec<i32> = (0..RIVALS)
        .map(|_| {
            sys::fork_with(|| {
                // Each child's copy of the other end must go, or the gate never opens.
                // SAFETY: the child leaves without dropping `opener`.
                unsafe { libc::close(write_end) };
                let outcome = one();
                if let Err(error) = &outcome {
                    sys::say(&format!("rival: {error:#}"));
                }
                i32::from(outcome.is_err())
            })
        })
        .collect::<Result<_>>()?;
    drop(opener);
    children.into_iter().try_for_each(|child| sys::wait_ok(child, "a rival"))
}

fn calls(count: u64) -> Result<()> {
    for _ in 0..count {
        let parent = plain(nr::GETPPID, 0, 0);
        ensure!(parent > 0, "getppid gave {parent}");
    }
    Ok(())
}

fn self_signals(count: u64) -> Result<()> {
    let me = plain(libc::SYS_gettid, 0, 0) as usize;
    let before = signals::handled();
    (0..count).try_for_each(|_| must("tkill", plain(nr::TKILL, me, libc::SIGUSR1 as usize), 0))?;
    let ran = signals::handled() - before;
    ensure!(ran == count, "{ran} handlers ran for {count} signals");
    Ok(())
}

/// A pipe as a gate: what reads the first end waits until the second is closed. By `pipe2`, because a case counts `pipe`.
fn gate() -> Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = std::io::pipe()?;
    Ok((reader.into(), writer.into()))
}

/// The CPUs that this process may use, in order.
fn allowed() -> Result<Vec<usize>> {
    // SAFETY: a zeroed set is empty; its own size is passed.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let failed = libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) != 0;
        ensure!(!failed, "sched_getaffinity: {}", Error::last_os_error());
        set
    };
    // SAFETY: the set's own bounds.
    let cpus: Vec<_> =
        (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect();
    ensure!(!cpus.is_empty(), "no CPU is allowed");
    Ok(cpus)
}

fn pin(cpu: usize) -> Result<()> {
    // SAFETY: a zeroed set is empty; its own size is passed.
    let failed = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set) != 0
    };
    ensure!(!failed, "cannot move to CPU {cpu}: {}", Error::last_os_error());
    Ok(())
}
