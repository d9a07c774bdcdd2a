//! What keeps a call off the fast path of a partial frame (`EXIT_PATHS` 4.2).

use crate::abi::SyscallId;

/// Why a call of a partial-frame kernel did not take, or did not keep, the fast path.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Diversion {
    /// A tracer (`TIF_SYSCALL_TRACE`, `TIF_SYSCALL_EMU`).
    Ptrace = 0,
    /// An audit context (`TIF_SYSCALL_AUDIT`).
    Audit = 1,
    /// A seccomp filter (`TIF_SECCOMP`).
    Seccomp = 2,
    /// Context tracking of `nohz_full` (`TIF_NOHZ`).
    Nohz = 3,
    /// A syscall tracepoint, of whoever (`TIF_SYSCALL_TRACEPOINT`).
    Tracepoint = 4,
    /// The call needs all registers: `fork`, `execve`, `rt_sigreturn`, `iopl` and their kind.
    Registers = 5,
    /// A signal, a reschedule or other work was pending at the entry.
    Pending = 6,
    /// The call was fast, and work was pending when it returned.
    Late = 7,
}

impl Diversion {
    /// How many there are.
    pub const COUNT: usize = 8;
    /// All, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Ptrace,
        Self::Audit,
        Self::Seccomp,
        Self::Nohz,
        Self::Tracepoint,
        Self::Registers,
        Self::Pending,
        Self::Late,
    ];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ptrace => "ptrace",
            Self::Audit => "audit",
            Self::Seccomp => "seccomp",
            Self::Nohz => "nohz",
            Self::Tracepoint => "tracepoint",
            Self::Registers => "registers",
            Self::Pending => "pending",
            Self::Late => "late",
        }
    }

    /// The causes that the thread's next call will have too.
    pub const LASTING: u32 = 1 << Self::Ptrace as u32
        | 1 << Self::Audit as u32
        | 1 << Self::Seccomp as u32
        | 1 << Self::Nohz as u32
        | 1 << Self::Tracepoint as u32;

    /// What kept a call off the fast path at its entry, a bit each: `flags` is `thread_info.flags`, whose numbers
    /// are the same from 4.9 to 4.15 (`arch/x86/include/asm/thread_info.h`).
    #[inline(always)]
    #[must_use]
    pub const fn at_entry(flags: u64, call: SyscallId) -> u32 {
        let causes = (flag(flags, 0) | flag(flags, 6)) << Self::Ptrace as u32
            | flag(flags, 7) << Self::Audit as u32
            | flag(flags, 8) << Self::Seccomp as u32
            | flag(flags, 19) << Self::Nohz as u32
            | flag(flags, 28) << Self::Tracepoint as u32;
        if causes != 0 {
            return causes;
        }
        let needs_registers = call.is_sigreturn() || call.is_exec() || matches!(call.nr, 56 | 57 | 58 | 172);
        if needs_registers { 1 << Self::Registers as u32 } else { 1 << Self::Pending as u32 }
    }
}

#[inline(always)]
const fn flag(flags: u64, at: u32) -> u32 {
    (flags >> at) as u32 & 1
}
