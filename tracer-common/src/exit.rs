//! The decision procedure: from final `pt_regs` to the instruction (`EXIT_PATHS` section 1).

use crate::{
    abi::{Abi, SyscallId},
    verdict::{Cause, Path, Reason, Reasons, Verdict},
};

/// `__USER_CS`: the 64-bit user code segment.
pub const USER_CS: u16 = 0x33;
/// `__USER_DS`: the user stack segment of both widths.
pub const USER_DS: u16 = 0x2b;
/// `__USER32_CS`: the 32-bit user code segment.
pub const USER32_CS: u16 = 0x23;
/// `X86_EFLAGS_TF`.
pub const TF: u64 = 1 << 8;
/// `X86_EFLAGS_DF`.
pub const DF: u64 = 1 << 10;
/// `X86_EFLAGS_RF`.
pub const RF: u64 = 1 << 16;
/// `X86_EFLAGS_VM`.
pub const VM: u64 = 1 << 17;

/// The saved user registers that the exit code looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitRegs {
    /// Return address.
    pub ip: u64,
    /// RCX: what `syscall` put the return address into.
    pub cx: u64,
    /// RFLAGS.
    pub flags: u64,
    /// R11: what `syscall` put RFLAGS into.
    pub r11: u64,
    /// CS, the low 16 bits: FRED keeps state above them (6.9 and later).
    pub cs: u16,
    /// SS, the low 16 bits.
    pub ss: u16,
}

/// What differs between kernels in the decision, fixed when the programs are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitRules {
    /// Addresses below this always pass: `TASK_SIZE_MAX`, or the end of the lower canonical half.
    pub ip_limit: u64,
    /// Address bits of the canonical test of kernels up to 6.6 (48 or 57), where the upper half passes too;
    /// 0 where the kernel compares with `TASK_SIZE_MAX` (6.7 and later).
    pub canonical_bits: u32,
    /// FRED is active: every return is `eretu`.
    pub fred: bool,
    /// The kernel is a Xen PV guest: every return is the hypervisor's.
    pub xenpv: bool,
}

impl ExitRules {
    /// `TASK_SIZE_MAX` with 4-level page tables.
    pub const TASK_SIZE_MAX_47: u64 = (1 << 47) - 4096;
    /// `TASK_SIZE_MAX` with 5-level page tables (LA57).
    pub const TASK_SIZE_MAX_56: u64 = (1 << 56) - 4096;

    /// The limit for [`is_common`].
    #[inline(always)]
    #[must_use]
    pub const fn common_limit(&self) -> u64 {
        if self.fred || self.xenpv { 0 } else { self.ip_limit }
    }

    #[inline(always)]
    pub(crate) const fn ip_passes(&self, ip: u64) -> bool {
        if ip < self.ip_limit {
            return true;
        }
        if self.canonical_bits == 0 {
            return false;
        }
        let unused = (64 - self.canonical_bits) & 63;
        ((ip << unused) as i64 >> unused) as u64 == ip
    }
}

/// Whether all tests of a 64-bit `syscall` pass, in as few operations as they take: most returns end here.
/// `ip_limit` is the rules' own, or 0 under FRED and Xen PV, where nothing is common.
#[inline(always)]
#[must_use]
pub const fn is_common(regs: &ExitRegs, ip_limit: u64) -> bool {
    let wrong = (regs.ip ^ regs.cx)
        | (regs.flags ^ regs.r11)
        | (regs.cs ^ USER_CS) as u64
        | (regs.ss ^ USER_DS) as u64
        | (regs.flags & (RF | TF));
    wrong == 0 && regs.ip < ip_limit
}

/// A 64-bit `syscall` entry: `do_syscall_64`'s return value (6.7 to 7.3), or the tests in `entry_64.S` after it
/// (4.4 to 6.6). All tests are evaluated, not just the first that fails.
#[inline(always)]
#[must_use]
pub const fn classify_syscall64(regs: &ExitRegs, rules: &ExitRules) -> Verdict {
    if is_common(regs, rules.common_limit()) {
        return Verdict::SYSRET;
    }
    if rules.fred {
        // `syscall` under FRED leaves RCX and R11 alone: the tests mean nothing (fred_other ignores the result).
        return Verdict { path: Path::Eretu, reasons: Reasons::NONE };
    }
    let reasons = common(regs, USER_CS)
        .with_if(Reason::CxNeIp, regs.cx != regs.ip)
        .with_if(Reason::R11NeFlags, regs.r11 != regs.flags)
        .with_if(Reason::IpLimit, !rules.ip_passes(regs.ip))
        .with_if(Reason::XenPv, rules.xenpv);
    let path = match (rules.xenpv, reasons.is_empty()) {
        (true, _) => Path::XenPv,
        (false, true) => Path::Sysret,
        (false, false) => Path::Iret,
    };
    Verdict { path, reasons }
}

/// `sysenter` or 32-bit `syscall`: `do_fast_syscall_32` (5.10 to 7.3). RCX is not compared; the return address
/// must be the vDSO's landing pad.
#[inline(always)]
#[must_use]
pub const fn classify_fast32(regs: &ExitRegs, landing_pad: u64, rules: &ExitRules) -> Verdict {
    if rules.fred {
        return Verdict { path: Path::Eretu, reasons: Reasons::NONE };
    }
    let reasons = common(regs, USER32_CS)
        .with_if(Reason::LandingPad, regs.ip != landing_pad || regs.flags & VM != 0)
        .with_if(Reason::XenPv, rules.xenpv);
    let path = match (rules.xenpv, reasons.is_empty()) {
        (true, _) => Path::XenPv,
        (false, true) => Path::Sysretl,
        (false, false) => Path::Iret,
    };
    Verdict { path, reasons }
}

/// `int $0x80`, from 32- or 64-bit code: never a fast exit.
#[inline(always)]
#[must_use]
pub const fn classify_int80(rules: &ExitRules) -> Verdict {
    structural(Reason::Int80, rules)
}

/// A return whose path the entry code fixes, whatever the registers say.
#[inline(always)]
pub(crate) const fn structural(reason: Reason, rules: &ExitRules) -> Verdict {
    let reasons = Reasons::NONE.with(reason);
    if rules.fred {
        Verdict { path: Path::Eretu, reasons }
    } else if rules.xenpv {
        Verdict { path: Path::XenPv, reasons: reasons.with(Reason::XenPv) }
    } else {
        Verdict { path: Path::Iret, reasons }
    }
}

#[inline(always)]
const fn common(regs: &ExitRegs, user_cs: u16) -> Reasons {
    Reasons::NONE
        .with_if(Reason::Cs, regs.cs != user_cs)
        .with_if(Reason::Ss, regs.ss != USER_DS)
        .with_if(Reason::Rf, regs.flags & RF != 0)
        .with_if(Reason::Tf, regs.flags & TF != 0)
}

/// How a return began: what the registers alone cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The call, by its number at entry.
    pub call: SyscallId,
    /// The task's first return (`ret_from_fork`).
    pub newborn: bool,
    /// The landing pad of an i386 call that was entered by `sysenter` or 32-bit `syscall`; 0 for every other call.
    pub fast32: u64,
    /// The task has a tracer.
    pub ptraced: bool,
}

/// `ret` is one of the codes that never reach user mode: the call restarts or a handler turns it into `EINTR`
/// (include/linux/errno.h; `-ENOIOCTLCMD`, 515, is none of them).
#[inline(always)]
#[must_use]
pub const fn is_restart(ret: i64) -> bool {
    matches!(ret, -512 | -513 | -514 | -516)
}

/// What these registers mean, were they final.
#[inline(always)]
#[must_use]
pub const fn verdict(entry: &Entry, regs: &ExitRegs, rules: &ExitRules) -> Verdict {
    if entry.newborn {
        return structural(Reason::ForkChild, rules);
    }
    match (entry.call.abi, entry.fast32) {
        (Abi::I386, 0) => classify_int80(rules),
        (Abi::I386, landing_pad) => classify_fast32(regs, landing_pad, rules),
        _ => classify_syscall64(regs, rules),
    }
}

/// The verdict at `sys_exit`, with what is already certain there about what follows it.
#[inline(always)]
#[must_use]
pub const fn classify(entry: &Entry, regs: &ExitRegs, ret: i64, rules: &ExitRules) -> (Verdict, Cause) {
    let mut verdict = verdict(entry, regs, rules);
    if entry.newborn {
        return (verdict, Cause::None);
    }
    // rt_sigreturn's "return value" is only the restored RAX.
    if ret < 0 && is_restart(ret) && !entry.call.is_sigreturn() {
        if verdict.path.is_fast() {
            // The restart moves `ip` back by two after sys_exit (arch_do_signal_or_restart).
            let reason =
                if matches!(entry.call.abi, Abi::I386) { Reason::LandingPad } else { Reason::CxNeIp };
            verdict = Verdict { path: Path::Iret, reasons: verdict.reasons.with(reason) };
        }
        return (verdict, Cause::Restart);
    }
    if matches!(verdict.path, Path::Sysret) {
        return (verdict, Cause::None);
    }
    let cause = if verdict.path.is_fast() {
        Cause::None
    } else if entry.call.is_exec() && ret == 0 {
        Cause::Exec
    } else if entry.call.is_sigreturn() {
        Cause::Sigreturn
    } else if entry.ptraced && verdict.reasons.has(Reason::Tf) {
        Cause::Ptrace
    } else {
        Cause::None
    };
    (verdict, cause)
}

#[cfg(test)]
#[path = "exit_tests.rs"]
mod tests;
