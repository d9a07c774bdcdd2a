//! By which instruction a bench's call leaves: the kernel's rules, applied to registers that are known beforehand.
//! Pure.

use tracer_common::{
    Abi, Cause, ExitRegs, Path, Reason, SyscallId,
    exit::{Entry, USER_CS, USER_DS},
    finish::classify_final,
};

use crate::regime::{Frame, Regime};

/// What a call leaves behind in the registers that the exit looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// What the entry saved: RCX is RIP, R11 is RFLAGS.
    Untouched,
    /// The same, in a call that kernels with a partial frame send through their slow path because it needs all
    /// registers (the `ptregs_` stubs of 4.6 to 4.15, `stub_` before).
    AllRegisters,
    /// A context from memory whose RCX is not its RIP (`rt_sigreturn`).
    OtherRcx,
    /// A new program, its registers zeroed.
    NewProgram,
    /// A new task's first return.
    NewTask,
}

/// How a call returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The instruction.
    pub path: Path,
    /// The tests that fail.
    pub reasons: Vec<Reason>,
    /// What stands behind them.
    pub cause: Cause,
}

impl Route {
    /// How `call` returns on such a kernel; `diverted` says that a syscall tracepoint is on, which sends every call of a
    /// partial-frame kernel through its slow path.
    #[must_use]
    pub fn of(call: SyscallId, leaves: Leaves, regime: Regime, diverted: bool) -> Self {
        const IP: u64 = 0x40_1000;
        const FLAGS: u64 = 0x202;
        let entry = Entry { call, newborn: leaves == Leaves::NewTask, fast32: 0, ptraced: false };
        let clean = ExitRegs { ip: IP, cx: IP, flags: FLAGS, r11: FLAGS, cs: USER_CS, ss: USER_DS };
        let regs = match leaves {
            Leaves::Untouched | Leaves::AllRegisters | Leaves::NewTask => clean,
            Leaves::OtherRcx => ExitRegs { cx: 0, ..clean },
            Leaves::NewProgram => ExitRegs { cx: 0, r11: 0, ..clean },
        };
        let (verdict, cause) = classify_final(&entry, &regs, false, false, Cause::None, &regime.exit_rules());
        let fast = regime.frame == Frame::Partial
            && call.abi != Abi::I386
            && leaves == Leaves::Untouched
            && !diverted;
        let path = if fast && verdict.path == Path::Sysret { Path::SysretFast } else { verdict.path };
        let reasons = Reason::ALL.into_iter().filter(|&reason| verdict.reasons.has(reason)).collect();
        Self { path, reasons, cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regime::Decision;

    const FULL: Regime = Regime {
        frame: Frame::Full,
        decision: Decision::C,
        fred: false,
        xenpv: false,
        pti: false,
        la57: false,
    };
    const fn call(nr: u16) -> SyscallId {
        SyscallId { abi: Abi::X86_64, nr }
    }
    const GATE: SyscallId = SyscallId { abi: Abi::I386, nr: 64 };

    fn route(call: SyscallId, leaves: Leaves, regime: Regime) -> (Path, Vec<&'static str>, Cause) {
        let Route { path, reasons, cause } = Route::of(call, leaves, regime, false);
        (path, reasons.into_iter().map(Reason::name).collect(), cause)
    }

    #[test]
    fn a_full_frame_decides_by_the_registers() {
        let none = Vec::new;
        let cases = [
            (call(110), Leaves::Untouched, Path::Sysret, none(), Cause::None),
            (call(15), Leaves::AllRegisters, Path::Sysret, none(), Cause::None),
            (call(15), Leaves::OtherRcx, Path::Iret, vec!["cx!=ip"], Cause::Sigreturn),
            (call(59), Leaves::NewProgram, Path::Iret, vec!["cx!=ip", "r11!=flags"], Cause::Exec),
            (call(57), Leaves::NewTask, Path::Iret, vec!["fork-child"], Cause::None),
            (GATE, Leaves::Untouched, Path::Iret, vec!["int80"], Cause::None),
        ];
        for (call, leaves, path, reasons, cause) in cases {
            assert_eq!(route(call, leaves, FULL), (path, reasons, cause), "{call:?} {leaves:?}");
        }
    }

    #[test]
    fn a_partial_frame_has_a_fast_path_for_calls_that_need_no_registers() {
        let partial = Regime { frame: Frame::Partial, decision: Decision::Asm, ..FULL };
        let path = |call, leaves| route(call, leaves, partial).0;
        assert_eq!(path(call(110), Leaves::Untouched), Path::SysretFast);
        assert_eq!(path(call(15), Leaves::AllRegisters), Path::Sysret);
        assert_eq!(path(call(15), Leaves::OtherRcx), Path::Iret);
        assert_eq!(path(GATE, Leaves::Untouched), Path::Iret);
        assert_eq!(Route::of(call(110), Leaves::Untouched, partial, true).path, Path::Sysret);
    }

    #[test]
    fn fred_and_xen_pv_have_one_instruction_for_all() {
        for (regime, path) in
            [(Regime { fred: true, ..FULL }, Path::Eretu), (Regime { xenpv: true, ..FULL }, Path::XenPv)]
        {
            for leaves in [Leaves::Untouched, Leaves::OtherRcx, Leaves::NewProgram, Leaves::NewTask] {
                assert_eq!(route(call(15), leaves, regime).0, path);
            }
            assert_eq!(route(GATE, Leaves::Untouched, regime).0, path);
        }
    }
}
