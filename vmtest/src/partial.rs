//! Calls whose way back a partial frame decides, made by a thread that knows which way each takes.

use anyhow::{Result, ensure};

use crate::breakpoints::Breakpoint;
use crate::signals;
use crate::sys::{must, nr, plain};

/// A round of calls, and how many there are.
pub const CALLS: u64 = 1000;
/// How many rounds.
pub const ROUNDS: u64 = 20;

/// Where rounds of `getppid` went, as the processor's breakpoints count.
#[derive(Debug)]
pub struct FellOut {
    /// How often `do_syscall_64` ran in all.
    pub slow: u64,
    /// How often `syscall_return_slowpath` ran in each round.
    pub late: Vec<u64>,
}

/// Rounds of `getppid`.
pub fn getppid() -> Result<FellOut> {
    let slow = Breakpoint::on("do_syscall_64")?;
    let late = Breakpoint::on("syscall_return_slowpath")?;
    let before = slow.count()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let before = late.count()?;
        for _ in 0..CALLS {
            let _ = plain(nr::GETPPID, 0, 0);
        }
        rounds.push(late.count()? - before);
    }
    Ok(FellOut { slow: slow.count()? - before, late: rounds })
}

/// `iopl`: so many that change the level, by IRET before 5.5, and as many that do not. The thread ends at level 0.
pub fn levels(count: u64) -> Result<()> {
    for call in 0..2 * count {
        // 3, 3, 0, 0: every other call finds the level as it wants it.
        must("iopl", plain(nr::IOPL, if call % 4 < 2 { 3 } else { 0 }, 0), 0)?;
    }
    must("iopl", plain(nr::IOPL, 0, 0), 0)
}

/// So many signals of the thread to itself, each handled before its `tkill` is back in user mode: by IRET, since the
/// handler is not where RCX points.
pub fn signals(count: u64) -> Result<()> {
    signals::handle(libc::SIGUSR1, signals::count, 0)?;
    let before = signals::handled();
    let own = unsafe { libc::gettid() } as usize;
    for _ in 0..count {
        must("tkill", plain(nr::TKILL, own, libc::SIGUSR1 as usize), 0)?;
    }
    let handled = signals::handled() - before;
    ensure!(handled == count, "{handled} of {count} signals came");
    Ok(())
}
