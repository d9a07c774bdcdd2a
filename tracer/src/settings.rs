//! What a session is asked to trace, resolved to what the programs compare.

use crate::histogram::Precision;

/// What to trace.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent wishes")]
pub struct Settings {
    /// Bucket layout.
    pub precision: Precision,
    /// Series slots of each CPU.
    pub max_series: u32,
    /// Time one call in this many.
    pub sample: u32,
    /// Attach no entry program, read no clock.
    pub counts_only: bool,
    /// Which processes.
    pub tasks: Tasks,
    /// Process name, as the kernel keeps it: at most 15 bytes.
    pub comm: Option<[u8; 16]>,
    /// Real user.
    pub uid: Option<u32>,
    /// Control group (v2) and all below it.
    pub cgroup: Option<Cgroup>,
    /// Which calls: a bit each, 1024 an ABI.
    pub syscalls: Option<[u64; 48]>,
    /// Which errors: a bit each error cell.
    pub errors: Option<[u64; 3]>,
    /// Measure the time from a thread's return to its next entry, where that can be done.
    pub turnaround: bool,
    /// Only failed calls.
    pub failed: bool,
    /// Only calls of at least this many ns.
    pub min_latency: u64,
    /// Diagnostics from the slow-path programs.
    pub verbose: bool,
    /// Switch a syscall tracepoint on, so that a partial-frame kernel runs every call through its slow path.
    pub divert: bool,
}

/// Which processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tasks {
    /// All.
    #[default]
    All,
    /// These, with all their threads, and with `follow` what they create.
    Processes {
        /// Process numbers.
        pids: Vec<u32>,
        /// Children too.
        follow: bool,
    },
    /// The program that this process will execute, and what it creates.
    Command {
        /// Process number.
        pid: u32,
    },
}

/// A control group of the unified hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Its id: the inode of its folder.
    pub id: u64,
    /// How far below the root it lies.
    pub level: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            precision: Precision::Two,
            max_series: crate::budget::ROWS,
            sample: 1,
            counts_only: false,
            tasks: Tasks::All,
            comm: None,
            uid: None,
            cgroup: None,
            syscalls: None,
            errors: None,
            turnaround: true,
            failed: false,
            min_latency: 0,
            verbose: false,
            divert: false,
        }
    }
}

impl Settings {
    /// Nothing is selected, sampled or coarsened: the programs without filters do.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self {
            precision,
            max_series: _,
            sample,
            counts_only: _,
            tasks,
            comm,
            uid,
            cgroup,
            syscalls,
            errors,
            turnaround,
            failed,
            min_latency,
            verbose: _,
            divert: _,
        } = self;
        *precision == Precision::Two
            && *sample <= 1
            && *tasks == Tasks::All
            && comm.is_none()
            && uid.is_none()
            && cgroup.is_none()
            && syscalls.is_none()
            && errors.is_none()
            && *turnaround
            && !failed
            && *min_latency == 0
    }

    /// Turnaround is measured where every return and entry of a thread is timed.
    #[must_use]
    pub const fn measures_turnaround(&self) -> bool {
        self.turnaround && !self.counts_only && self.sample <= 1 && self.syscalls.is_none()
    }
}
