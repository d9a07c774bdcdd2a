//! The benches: what each repeats, and how its call leaves.

use tracer_common::{Abi, Path, SyscallId};

use super::{
    Operation,
    entry::{Answer, Call, Int80, LibraryGetppid, Repeated},
    null::null,
    process::{Exec, Fork},
    route::{Leaves, Route},
    sigreturn::Sigreturn,
    switch::Switch,
};
use crate::regime::Regime;

/// A bench.
#[derive(Debug)]
pub struct Bench {
    /// Its name.
    pub name: &'static str,
    /// Another name for it.
    pub alias: Option<&'static str>,
    /// What one operation is.
    pub what: &'static str,
    /// The call that the time is recorded for, once an operation.
    pub call: SyscallId,
    /// What it leaves in the registers.
    pub leaves: Leaves,
    /// The error it fails with, each time.
    pub error: Option<i32>,
    /// Each call makes a child, whose first return is one of the same call.
    pub child: bool,
    /// Operations come in multiples of this.
    pub grain: u64,
    /// Calls by the same path that beginning and ending a slot of time makes.
    pub extra_calls: u64,
    /// All work is done by this thread: its counters count it.
    pub alone: bool,
    /// Run when no bench is named.
    pub standard: bool,
    /// Makes what is repeated.
    pub start: fn() -> Result<Box<dyn Operation>, String>,
}

const fn native(nr: u16) -> SyscallId {
    SyscallId { abi: Abi::X86_64, nr }
}

impl Bench {
    const USUAL: Self = Self {
        name: "",
        alias: None,
        what: "",
        call: native(0),
        leaves: Leaves::Untouched,
        error: None,
        child: false,
        grain: 1,
        extra_calls: 0,
        alone: true,
        standard: false,
        start: || Err(String::new()),
    };

    /// How its call leaves such a kernel.
    #[must_use]
    pub fn route(&self, regime: Regime, diverted: bool) -> Route {
        Route::of(self.call, self.leaves, regime, diverted)
    }

    /// How the children that its calls make leave, if they make any.
    #[must_use]
    pub fn child_route(&self, regime: Regime) -> Option<Route> {
        self.child.then(|| Route::of(self.call, Leaves::NewTask, regime, false))
    }

    /// Whether this kernel has two ways for it, of which a syscall tracepoint chooses the slower.
    #[must_use]
    pub fn can_be_diverted(&self, regime: Regime) -> bool {
        self.route(regime, false).path == Path::SysretFast
    }
}

/// A number that no kernel has given out.
const UNASSIGNED: u16 = 1000;
/// How the kernel answers it: `-ENOSYS`.
const NO_SYSTEM_CALL: i64 = -38;

/// All benches, the standard ones in the order in which they run.
pub static ALL: &[Bench] = &[
    Bench {
        name: "null",
        alias: Some("getppid"),
        what: "getppid, the cheapest call, by the C library's function, as `perf bench syscall basic` does it",
        call: native(110),
        standard: true,
        start: || Ok(Box::new(LibraryGetppid)),
        ..Bench::USUAL
    },
    Bench {
        name: "bad-nr",
        what: "number 1000, which no kernel has: entry and exit without a call",
        call: native(UNASSIGNED),
        error: Some(libc::ENOSYS),
        standard: true,
        start: || Ok(repeated(UNASSIGNED.into(), [0; 3], Answer::Is(NO_SYSTEM_CALL))),
        ..Bench::USUAL
    },
    Bench {
        name: "int80",
        what: "i386's getppid by int $0x80, from 64-bit code",
        call: SyscallId { abi: Abi::I386, nr: 64 },
        standard: true,
        start: || Ok(Box::new(Int80)),
        ..Bench::USUAL
    },
    Bench {
        name: "sigreturn",
        what: "rt_sigreturn to a system call's boundary, no signal: SYSRET",
        call: native(15),
        leaves: Leaves::AllRegisters,
        // The context is caught from a signal.
        extra_calls: 1,
        standard: true,
        start: || Ok(Box::new(Sigreturn::start(true)?)),
        ..Bench::USUAL
    },
    Bench {
        name: "sigreturn-iret",
        what: "the same with another RCX: IRET, all else equal",
        call: native(15),
        leaves: Leaves::OtherRcx,
        standard: true,
        start: || Ok(Box::new(Sigreturn::start(false)?)),
        ..Bench::USUAL
    },
    Bench {
        name: "read-null",
        what: "read of 1 byte from /dev/null, which has none",
        call: native(0),
        standard: true,
        start: || null(0, Answer::Is(0)),
        ..Bench::USUAL
    },
    Bench {
        name: "write-null",
        what: "write of 1 byte to /dev/null",
        call: native(1),
        standard: true,
        start: || null(1, Answer::Is(1)),
        ..Bench::USUAL
    },
    Bench {
        name: "thread-switch",
        what: "a switch between two threads on one CPU, by writev and a readv that waits; two are a round trip of \
               `perf bench sched pipe -T`",
        call: native(19),
        grain: 2,
        // What ends the partner.
        extra_calls: 1,
        alone: false,
        standard: true,
        start: || Ok(Box::new(Switch::start()?)),
        ..Bench::USUAL
    },
    Bench {
        name: "gettid",
        what: "gettid, by nothing but the instruction: what `null` takes more is the way through the C library",
        call: native(186),
        start: || Ok(repeated(186, [0; 3], Answer::Success)),
        ..Bench::USUAL
    },
    Bench {
        name: "getpgid",
        what: "getpgid of this process, as `perf bench syscall getpgid` does it",
        call: native(121),
        start: || Ok(repeated(121, [0; 3], Answer::Success)),
        ..Bench::USUAL
    },
    Bench {
        name: "fork",
        what: "fork of a child that leaves at once, and wait4",
        call: native(57),
        leaves: Leaves::AllRegisters,
        child: true,
        alone: false,
        start: || Ok(Box::new(Fork)),
        ..Bench::USUAL
    },
    Bench {
        name: "exec",
        what: "vfork, execve of a static program of nine bytes, and wait4",
        call: native(59),
        leaves: Leaves::NewProgram,
        alone: false,
        start: || Ok(Box::new(Exec::start()?)),
        ..Bench::USUAL
    },
];

fn repeated(nr: u32, arguments: [usize; 3], answer: Answer) -> Box<dyn Operation> {
    // SAFETY: the callers above name calls that look at numbers only, or no call.
    Box::new(Repeated { call: unsafe { Call::new(nr, arguments) }, answer })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::regime::{Decision, Frame};

    const REGIME: Regime = Regime {
        frame: Frame::Full,
        decision: Decision::C,
        fred: false,
        xenpv: false,
        pti: false,
        la57: false,
    };

    #[test]
    fn no_two_benches_are_recorded_as_one_series() {
        let routes = ALL.iter().flat_map(|bench| {
            let own = Some(bench.route(REGIME, false));
            [own, bench.child_route(REGIME)].into_iter().flatten().map(move |route| (bench.call, route.path))
        });
        let keys: BTreeSet<_> = routes.map(|(call, path)| (call.abi, call.nr, path)).collect();
        assert_eq!(keys.len(), ALL.len() + 1);
    }

    #[test]
    fn every_bench_runs_here_or_says_why_not() {
        for bench in ALL.iter().filter(|bench| bench.name != "int80") {
            let outcome = (bench.start)().and_then(|mut one| one.run(2 * bench.grain));
            assert_eq!(outcome, Ok(()), "{}", bench.name);
        }
    }
}
