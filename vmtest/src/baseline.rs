//! What a tracer is measured against: the least that can hang on the system call tracepoints, and a bare counter.

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::thread;
use std::time::Duration;

use crate::bpf::{self, Attached, Counters, instruction};

/// Which programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A pair that does nothing: what the kernel's own way to a program costs
    Empty,
    /// A pair that reads the clock twice: the floor of whatever measures latency on these hooks
    Clock,
    /// A pair that counts entries and exits
    Count,
}

/// What the counters saw; both of the same stretch of time, give or take what lies between two attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// `sys_enter` events.
    pub enter: u64,
    /// `sys_exit` events: every return to user mode, and the exits of calls whose task was killed in them.
    pub exit: u64,
}

const ENTER: i32 = 0;
const EXIT: i32 = 1;
/// A program that runs on another CPU while it is detached ends within this time.
const GRACE: Duration = Duration::from_millis(20);

/// An attached pair; it ends with this value, or with the process.
#[derive(Debug)]
pub struct Baseline {
    counters: Option<Counters>,
    programs: [Attached; 2],
}

impl Baseline {
    /// Loads and attaches.
    pub fn attach(kind: Kind) -> Result<Self> {
        let counters = match kind {
            Kind::Empty | Kind::Clock => None,
            Kind::Count => Some(Counters::new(2)?),
        };
        let attach = |tracepoint, index| match &counters {
            None if kind == Kind::Clock => bpf::attach(tracepoint, &instruction::clock()),
            None => bpf::attach(tracepoint, &instruction::empty()),
            Some(counters) => bpf::attach(tracepoint, &instruction::count(counters.number(), index)),
        };
        let programs = [attach(c"sys_enter", ENTER)?, attach(c"sys_exit", EXIT)?];
        Ok(Self { counters, programs })
    }

    /// Detaches; the totals of a counting pair.
    pub fn detach(self) -> Result<Option<Totals>> {
        let Self { counters, programs } = self;
        drop(programs);
        let Some(counters) = counters else { return Ok(None) };
        thread::sleep(GRACE);
        Ok(Some(Totals { enter: counters.total(ENTER as u32)?, exit: counters.total(EXIT as u32)? }))
    }
}
