//! Flags and privileges that bend the usual way out.

use std::arch::asm;

use anyhow::{Result, ensure};

use super::{Case, GETPPID, SIGRETURN};
use crate::expect::Give;
use crate::observed;
use crate::signals;
use crate::sys::{nr, plain};

const IOPL: (i64, &str) = (nr::IOPL, "iopl");

pub static CASES: &[Case] = &[
    Case {
        name: "own-tf",
        what: "getppid with the trap flag set; a partial-frame fast path leaves by SYSRET",
        section: "2, user-set TF; 9",
        run: own_tf,
        gives: &[Give::iret(GETPPID).reason("tf"), Give::iret(SIGRETURN).cause("sigreturn")],
        ..Case::USUAL
    },
    Case {
        name: "own-ac",
        what: "getppid with the alignment-check flag set: no test looks at it",
        section: "1.1, AC",
        run: own_ac,
        gives: &[Give::sysret(GETPPID)],
        ..Case::USUAL
    },
    Case {
        name: "iopl",
        what: "iopl(3) and iopl(0), permitted or not; before 5.5 a change of level is IRET",
        section: "9, iopl",
        run: iopl,
        // Which of the two is observed: before 5.5 the level stands in the flags, where user mode sees it.
        gives: &[Give::sysret(IOPL).times(0), Give::iret(IOPL).times(0)],
        ..Case::USUAL
    },
];

/// The trap flag in EFLAGS.
const TF: i64 = 0x100;

pub fn own_tf(count: u64) -> Result<()> {
    signals::handle(libc::SIGTRAP, clear_tf, 0)?;
    let before = signals::handled();
    for _ in 0..count {
        let got = getppid_with_tf();
        ensure!(got >= 0, "getppid with TF gave {got}");
    }
    let traps = signals::handled() - before;
    // More or fewer would mean that the processor or a debugger traps elsewhere, and the count would be wrong.
    ensure!(traps == count, "{traps} traps for {count} calls: is a debugger attached?");
    Ok(())
}

/// Sets TF, calls, and is trapped once after the next instruction; the handler clears TF for the rest.
fn getppid_with_tf() -> i64 {
    let ret: i64;
    // SAFETY: pushes and pops are balanced (and not marked `nostack`, so the red zone is left alone).
    unsafe {
        asm!(
            "pushfq",
            "or qword ptr [rsp], 0x100",
            "popfq",
            // POPF traps after the instruction that follows it, which is this one; the kernel runs with TF masked.
            "syscall",
            // IRET loads TF again, so the trap comes after this one.
            "nop",
            inlateout("rax") nr::GETPPID => ret,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    ret
}

/// Clears TF in the interrupted context, so each call traps exactly once.
extern "C" fn clear_tf(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    signals::count(signal, info, context);
    // SAFETY: the kernel passes a ucontext to a SA_SIGINFO handler.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_EFL as usize] &= !TF };
}

pub fn own_ac(count: u64) -> Result<()> {
    for _ in 0..count {
        let (got, flags): (i64, i64);
        // SAFETY: pushes and pops are balanced; nothing else touches memory while the flag is set.
        unsafe {
            asm!(
                "pushfq",
                "or qword ptr [rsp], 0x40000",
                "popfq",
                "syscall",
                "pushfq",
                "mov {flags}, [rsp]",
                "and qword ptr [rsp], -0x40001",
                "popfq",
                inlateout("rax") nr::GETPPID => got,
                flags = out(reg) flags,
                lateout("rcx") _, lateout("r11") _,
            );
        }
        ensure!(got >= 0 && flags & 0x4_0000 != 0, "getppid with AC gave {got}, flags {flags:#x}");
    }
    Ok(())
}

pub fn iopl(count: u64) -> Result<()> {
    let mut changes = 0;
    for _ in 0..count {
        // EPERM without CAP_SYS_RAWIO or under lockdown, ENOSYS without CONFIG_X86_IOPL_IOPERM: all leave alike.
        let (up, raised) = set_level(3);
        let refused = [libc::EPERM, libc::ENOSYS].contains(&((-up) as i32));
        ensure!(up == 0 || refused, "iopl(3) gave {up}");
        let (down, lowered) = set_level(0);
        ensure!(down == 0 || down == -i64::from(libc::ENOSYS), "iopl(0) gave {down}");
        changes += u64::from(raised) + u64::from(lowered);
    }
    observed::add(Give::sysret(IOPL), 2 * count - changes);
    observed::add(Give::iret(IOPL), changes);
    Ok(())
}

/// One iopl; its answer, and whether it changed the level in the flags.
fn set_level(level: usize) -> (i64, bool) {
    const LEVEL: u64 = 0x3000;
    let before = flags();
    let got = plain(nr::IOPL, level, 0);
    (got, (before ^ flags()) & LEVEL != 0)
}

fn flags() -> u64 {
    let flags: u64;
    // SAFETY: a balanced push and pop.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags) };
    flags
}
