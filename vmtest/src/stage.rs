//! Two processes in step: one blocks or spins, the other acts on it only once it is known to.
//!
//! A timer that fires "some time later" may fire before the call it should interrupt, and the count is then off by
//! one. So a forked helper watches the main process's state in `/proc` and sends its signal only when that process
//! sleeps in the very call under test. The helper uses numbers that no case counts (`openat`, `pread64`, `poll`),
//! and `tkill` for the signals, which is counted.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{shared, sys};

/// Longer than any step takes in an emulated guest; then the helper gives up and the case fails.
const STEP: Duration = Duration::from_secs(30);

/// Memory both processes see.
#[derive(Debug)]
pub struct Stage {
    /// The round that the main process has entered, from 1.
    round: AtomicU64,
    /// Handlers that ran in the main process.
    handled: AtomicU64,
}

/// Where this process's handler finds the stage.
static STAGE: AtomicPtr<Stage> = AtomicPtr::new(std::ptr::null_mut());

/// The handler for staged signals.
pub extern "C" fn note(_signal: libc::c_int, _info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: null or the shared page, which is never unmapped.
    if let Some(stage) = unsafe { STAGE.load(SeqCst).as_ref() } {
        stage.handled.fetch_add(1, SeqCst);
    }
}

impl Stage {
    fn map() -> Result<&'static Self> {
        // SAFETY: two atomics, for which zeros are fine.
        let stage = unsafe { shared::zeroed::<Self>() }?;
        STAGE.store(std::ptr::from_ref(stage).cast_mut(), SeqCst);
        Ok(stage)
    }

    /// Runs `play` `rounds` times here while a helper process runs `act` once for each round.
    pub fn run(
        rounds: u64,
        mut play: impl FnMut(&Self) -> Result<()>,
        mut act: impl FnMut(&Helper) -> Result<()>,
    ) -> Result<()> {
        let stage = Self::map()?;
        let main = std::process::id() as i32;
        let helper = sys::fork_with(|| {
            // SAFETY: only asks to die with the parent.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            let outcome = (1..=rounds).try_for_each(|round| {
                let helper = Helper { main, stage, round };
                helper.until("the next round", || Ok(stage.round.load(SeqCst) >= round))?;
                act(&helper)
            });
            match outcome {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("helper: {error:#}");
                    1
                }
            }
        })?;
        for round in 1..=rounds {
            // What follows in `play` must not sleep before the call under test: see `Helper::asleep`.
            stage.round.store(round, SeqCst);
            play(stage)?;
            ensure!(stage.handled() == round, "round {round}: {} handlers ran", stage.handled());
        }
        sys::wait_ok(helper, "the helper process")
    }

    /// Handlers that ran so far.
    #[inline]
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled.load(SeqCst)
    }

    /// Spins in user mode, with no system call, until the handler has run `times` times.
    pub fn spin_until_handled(&self, times: u64) {
        while self.handled() < times {
            std::hint::spin_loop();
        }
    }

    /// The round being played.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round.load(SeqCst)
    }
}

/// The helper's hold on the main process.
#[derive(Debug)]
pub struct Helper {
    main: i32,
    stage: &'static Stage,
    /// The helper's own count: the main process may be one round ahead once its handler ran.
    round: u64,
}

impl Helper {
    /// Waits until the main process sleeps: after it announced a round, that is in the call under test.
    pub fn asleep(&self) -> Result<()> {
        self.until("the main process to sleep", || Ok(self.state()? == b'S'))
    }

    /// Waits until the main process is stopped by a signal.
    pub fn stopped(&self) -> Result<()> {
        self.until("the main process to stop", || Ok(self.state()? == b'T'))
    }

    /// Waits until the handler of the current round has run.
    pub fn handled(&self) -> Result<()> {
        self.until("the handler", || Ok(self.stage.handled() >= self.round))
    }

    /// One signal by one `tkill`.
    pub fn signal(&self, signal: i32) -> Result<()> {
        sys::must("tkill", sys::plain(sys::nr::TKILL, self.main as usize, signal as usize), 0)
    }

    fn state(&self) -> Result<u8> {
        state(self.main as u32)
    }

    fn until(&self, what: &str, ready: impl FnMut() -> Result<bool>) -> Result<()> {
        until(what, ready).with_context(|| format!("process {}", self.main))
    }
}

/// The state of a thread of this machine, as `ps` shows it: `S` for one that sleeps.
pub fn state(thread: u32) -> Result<u8> {
    let mut text = [0_u8; 512];
    let stat = File::open(format!("/proc/{thread}/stat")).context("no /proc: mount it")?;
    let len = stat.read_at(&mut text, 0)?;
    // The name in parentheses may hold anything, so the state is counted from the last one.
    let close = text[..len].iter().rposition(|&byte| byte == b')').context("no name in /proc/PID/stat")?;
    text[..len].get(close + 2).copied().context("no state in /proc/PID/stat")
}

/// Waits, by calls that no case counts, until `ready`; fails after half a minute.
pub fn until(what: &str, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !ready()? {
        if start.elapsed() > STEP {
            bail!("waited {} s for {what}", STEP.as_secs());
        }
        // SAFETY: no descriptors, so poll only sleeps; nanosleep would be one of the counted calls.
        unsafe { libc::poll(std::ptr::null_mut(), 0, 1) };
    }
    Ok(())
}
