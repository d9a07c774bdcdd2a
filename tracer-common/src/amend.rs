//! What happens to the registers after `sys_exit`, and how a counted return moves to its true path.

use crate::{
    abi::Abi,
    exit::{DF, ExitRegs, RF, TF, is_restart},
    layout::{cell_errno, error_cell},
    pairing::names,
    record::Return,
    verdict::{Cause, Path, Reason},
};

/// `SA_RESTART`.
pub const SA_RESTART: u64 = 0x1000_0000;

/// Whether an event in the exit loop belongs to the syscall that was counted last, or to a later interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It belongs to the call.
    Yes,
    /// The call had returned: the event came from an interrupt or exception, which store -1 in `orig_ax`.
    No,
    /// `rt_sigreturn` stores -1 as well: only the kernel stack can tell.
    AskStack,
}

/// Judges by `orig_ax`.
#[inline(always)]
#[must_use]
pub const fn own_exit(orig_ax: i64, counted: &Return) -> Own {
    let call = counted.key.call();
    if orig_ax as u32 == u32::MAX {
        return if call.is_sigreturn() { Own::AskStack } else { Own::No };
    }
    if names(orig_ax, call) { Own::Yes } else { Own::No }
}

/// A signal handler is set up (`handle_signal`, `setup_rt_frame`): `ip` becomes the handler, RCX stays, and DF,
/// RF, TF are cleared.
#[inline(always)]
#[must_use]
pub const fn after_handler(counted: &Return, regs: &ExitRegs, sa_flags: u64) -> Return {
    let mut moved = rewritten(counted, Cause::Signal);
    if matches!(counted.key.path(), Path::Sysret) && regs.r11 != regs.flags & !(DF | RF | TF) {
        moved.reasons = moved.reasons.with(Reason::R11NeFlags);
    }
    if matches!(counted.cause, Cause::Restart) {
        moved.error = error_after_handler(counted.error, sa_flags);
    }
    moved
}

/// `ip` is changed on the way out by something else than a handler.
#[inline(always)]
#[must_use]
pub const fn rewritten(counted: &Return, cause: Cause) -> Return {
    let mut moved = *counted;
    moved.cause = cause;
    if counted.key.path().is_fast() {
        moved.key = counted.key.with_path(Path::Iret);
        let i386 = matches!(counted.key.call().abi, Abi::I386);
        moved.reasons = moved.reasons.with(if i386 { Reason::LandingPad } else { Reason::CxNeIp });
    }
    moved
}

/// What becomes of a restart code when a handler runs (arch/x86 `handle_signal`): EINTR, or a restart after the
/// handler, which user mode does not see as an error of this call either.
#[inline(always)]
#[must_use]
pub const fn error_after_handler(error: u8, sa_flags: u64) -> u8 {
    const EINTR: i64 = -4;
    let Some(errno) = cell_errno(error) else { return error };
    let ret = -(errno as i64);
    if !is_restart(ret) {
        return error;
    }
    match ret {
        // ERESTARTSYS
        -512 if sa_flags & SA_RESTART != 0 => error,
        // ERESTARTNOINTR
        -513 => error,
        _ => error_cell(EINTR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{abi::SyscallId, layout::SeriesKey, verdict::Reasons};

    const REGS: ExitRegs = ExitRegs { ip: 9, cx: 9, flags: 0x246, r11: 0x246, cs: 0x33, ss: 0x2b };

    fn counted(abi: Abi, nr: u16, path: Path, ret: i64) -> Return {
        Return {
            key: SeriesKey::new(SyscallId { abi, nr }, path),
            reasons: Reasons::NONE,
            cause: if is_restart(ret) { Cause::Restart } else { Cause::None },
            error: error_cell(ret),
            timed: true,
            ptraced: false,
        }
    }

    #[test]
    fn a_handler_moves_a_sysret_to_iret() {
        let kill = counted(Abi::X86_64, 62, Path::Sysret, 0);
        let moved = after_handler(&kill, &REGS, 0);
        assert_eq!(moved.key.path(), Path::Iret);
        assert_eq!(moved.reasons, Reasons::NONE.with(Reason::CxNeIp));
        assert_eq!(moved.cause, Cause::Signal);
        let df = ExitRegs { flags: 0x646, r11: 0x646, ..REGS };
        assert!(after_handler(&kill, &df, 0).reasons.has(Reason::R11NeFlags));
    }

    #[test]
    fn a_second_handler_changes_nothing() {
        let once = after_handler(&counted(Abi::X86_64, 62, Path::Sysret, 0), &REGS, 0);
        assert_eq!(after_handler(&once, &ExitRegs { ip: 1, ..REGS }, 0), once);
    }

    #[test]
    fn restart_codes_turn_into_what_user_mode_sees() {
        let after = |ret, flags| {
            let moved = after_handler(&counted(Abi::X86_64, 0, Path::Iret, ret), &REGS, flags);
            assert_eq!(moved.cause, Cause::Signal);
            cell_errno(moved.error)
        };
        assert_eq!(after(-512, 0), Some(4));
        assert_eq!(after(-512, SA_RESTART), Some(512));
        assert_eq!(after(-513, 0), Some(513));
        assert_eq!(after(-514, SA_RESTART), Some(4));
        assert_eq!(after(-516, SA_RESTART), Some(4));
        assert_eq!(after(-2, 0), Some(2));
    }

    #[test]
    fn compat_and_fred() {
        let fast = counted(Abi::I386, 37, Path::Sysretl, 0);
        let moved = rewritten(&fast, Cause::Signal);
        assert_eq!((moved.key.path(), moved.reasons), (Path::Iret, Reasons::NONE.with(Reason::LandingPad)));
        let fred = counted(Abi::X86_64, 62, Path::Eretu, 0);
        assert_eq!(rewritten(&fred, Cause::Signal).key.path(), Path::Eretu);
    }

    #[test]
    fn an_interrupts_signal_is_not_the_calls() {
        let kill = counted(Abi::X86_64, 62, Path::Sysret, 0);
        assert_eq!(own_exit(62, &kill), Own::Yes);
        assert_eq!(own_exit(-1, &kill), Own::No);
        // Syscall user dispatch: another call's frame, whose tracepoints did not fire.
        assert_eq!(own_exit(39, &kill), Own::No);
        assert_eq!(own_exit(-1, &counted(Abi::X86_64, 15, Path::Sysret, 0)), Own::AskStack);
        assert_eq!(own_exit(-1, &counted(Abi::I386, 173, Path::Iret, 0)), Own::AskStack);
    }
}
