//! What our programs cost, measured in short windows: the kernel's statistics cost two clock reads a run, more
//! than the runs themselves, so they are on for some hundredths of the time only.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    rc::Rc,
    time::{Duration, Instant},
};

use aya::sys::{Stats, enable_stats};

use super::{Session, info::ProgramStats};
use crate::{plan::Commit, privileges::Keeper, snapshot::OwnCost};

/// How long a window is open.
pub const WINDOW: Duration = Duration::from_millis(20);
/// From the start of tracing to the first window, and from one window to the next.
pub const FIRST: Duration = Duration::from_millis(200);
/// See [`FIRST`].
pub const PERIOD: Duration = Duration::from_secs(5);
/// Longer than anything is traced.
const NEVER: Duration = Duration::from_secs(1 << 32);

/// Opens and closes the windows.
pub struct CostMeter {
    open: Option<Window>,
    next: Instant,
    total: OwnCost,
    reader_ns: u64,
    statistics: Statistics,
}

/// Who turns the kernel's statistics on.
enum Statistics {
    /// We, as far as we may.
    Ours,
    /// The process that keeps the privilege.
    Kept(Rc<Keeper>),
    /// Nobody.
    Off,
}

struct Window {
    since: Instant,
    before: ProgramStats,
    /// Statistics are on until it is closed.
    _on: OwnedFd,
}

impl CostMeter {
    /// The first window opens soon, so that short recordings have a figure too.
    #[must_use]
    pub fn new() -> Self {
        Self {
            open: None,
            next: Instant::now() + FIRST,
            total: OwnCost::default(),
            reader_ns: cpu_ns(),
            statistics: Statistics::Ours,
        }
    }

    /// Has this process turn the statistics on, when we no longer may; without one there is no window any more.
    pub fn through(&mut self, keeper: Option<Rc<Keeper>>) {
        self.statistics = keeper.map_or(Statistics::Off, Statistics::Kept);
        if matches!(self.statistics, Statistics::Off) {
            self.next = Instant::now() + NEVER;
        }
    }

    /// When to call [`Self::tick`] next.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.next
    }

    /// Opens the next window at this time instead.
    pub const fn measure_at(&mut self, at: Instant) {
        if self.open.is_none() && !matches!(self.statistics, Statistics::Off) {
            self.next = at;
        }
    }

    /// Opens or closes a window when it is time.
    pub fn tick(&mut self, session: &Session) {
        if Instant::now() < self.next {
            return;
        }
        if self.open.is_some() {
            self.close(session);
            self.next = Instant::now() + PERIOD;
            return;
        }
        // Without the privilege, or before 5.8, there is no figure: outputs say so.
        match self.enable() {
            Ok(on) => {
                self.open = Some(Window { since: Instant::now(), before: sum(session), _on: on });
                self.next = Instant::now() + WINDOW;
            }
            Err(_) => self.next = Instant::now() + PERIOD,
        }
    }

    fn enable(&self) -> io::Result<OwnedFd> {
        match &self.statistics {
            Statistics::Kept(keeper) => keeper.enable(),
            Statistics::Ours => enable_stats(Stats::RunTime).map_err(io::Error::other),
            Statistics::Off => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    /// What was measured since the last call.
    pub fn take(&mut self, session: &Session) -> OwnCost {
        if self.open.is_some() {
            self.close(session);
            self.next = Instant::now() + PERIOD;
        }
        let now = cpu_ns();
        let mut cost = std::mem::take(&mut self.total);
        cost.reader_ns = now.saturating_sub(self.reader_ns);
        self.reader_ns = now;
        cost
    }

    /// No window: where the kernel keeps no statistics.
    pub fn skip(&mut self) {
        self.next = Instant::now() + PERIOD;
    }

    /// The reader's own share alone.
    pub fn reader(&mut self) -> OwnCost {
        let now = cpu_ns();
        let reader_ns = now.saturating_sub(std::mem::replace(&mut self.reader_ns, now));
        OwnCost { reader_ns, ..OwnCost::default() }
    }

    /// Closes the window, if one is open.
    pub fn close(&mut self, session: &Session) {
        let Some(window) = self.open.take() else { return };
        let after = sum(session);
        self.total.runs += after.runs.saturating_sub(window.before.runs);
        self.total.run_ns += after.run_ns.saturating_sub(window.before.run_ns);
        self.total.window_ns += window.since.elapsed().as_nanos() as u64;
    }
}

impl Default for CostMeter {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs of our programs that the kernel skipped, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// By program.
    pub by_program: BTreeMap<&'static str, u64>,
    /// Of programs on which counts depend: where a final hook counts, that one alone.
    pub counting: u64,
}

impl Missed {
    /// Asks the kernel.
    #[must_use]
    pub fn now(session: &Session) -> Self {
        let by_program: BTreeMap<_, _> =
            session.stats().into_iter().map(|(name, one)| (name, one.recursion_misses)).collect();
        let plan = session.plan();
        let counting = match plan.commit {
            Commit::AtExit | Commit::AtExitFollowed => by_program.values().sum(),
            Commit::AtFinal | Commit::AtFinalQuietly => {
                plan.counting().and_then(|name| by_program.get(name)).copied().unwrap_or(0)
            }
        };
        Self { by_program, counting }
    }

    /// New ones since `before`, by program.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        let new = self.by_program.iter().map(|(name, &count)| {
            (*name, count.saturating_sub(before.by_program.get(name).copied().unwrap_or(0)))
        });
        new.filter(|&(_, count)| count > 0).map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

fn sum(session: &Session) -> ProgramStats {
    session.stats().iter().fold(ProgramStats::default(), |sum, (_, one)| ProgramStats {
        run_ns: sum.run_ns + one.run_ns,
        runs: sum.runs + one.runs,
        recursion_misses: sum.recursion_misses + one.recursion_misses,
    })
}

/// CPU time of this process, in ns.
#[must_use]
pub fn cpu_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid pointer; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
