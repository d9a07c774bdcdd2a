//! What a handler writes into the context it returns to: the tests of the exit, one at a time.
//!
//! A signal to oneself leaves a context that is a system call's boundary (RCX is RIP, R11 is RFLAGS), to which
//! `rt_sigreturn` leaves by SYSRET. Each case spoils one part of it; both registers are the call's to destroy.

use std::arch::asm;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use anyhow::{Result, ensure};

use super::{BY_SIGNAL, Case, KILL, SIGRETURN};
use crate::expect::Give;
use crate::observed::Unsupported;
use crate::signals::{self, Handler};
use crate::sys::{self, must, nr, plain};

/// Signal to oneself with a handler, then a return by IRET for `reason`.
const fn spoilt(
    name: &'static str,
    what: &'static str,
    run: fn(u64) -> Result<()>,
    gives: &'static [Give],
) -> Case {
    Case { name, what, section: "1.1; 2, rt_sigreturn", run, gives, ..Case::USUAL }
}

const SENT: Give = Give::iret(KILL).cause(BY_SIGNAL);
const IRET: Give = Give::iret(SIGRETURN).cause("sigreturn");

pub static CASES: &[Case] = &[
    spoilt(
        "sigreturn-cx",
        "a handler changes RCX",
        |count| edited(count, |regs| regs[RCX] ^= 1),
        &[SENT, IRET.reason("cx!=ip")],
    ),
    spoilt(
        "sigreturn-r11",
        "a handler changes R11",
        |count| edited(count, |regs| regs[R11] ^= CARRY),
        &[SENT, IRET.reason("r11!=flags")],
    ),
    spoilt(
        "sigreturn-rf",
        "a handler sets the resume flag, in R11 too",
        |count| edited(count, |regs| (regs[EFL], regs[R11]) = (regs[EFL] | RF, regs[EFL] | RF)),
        &[SENT, IRET.reason("rf")],
    ),
    spoilt(
        "sigreturn-ss",
        "a handler sets SS to a data segment of the process's own",
        other_stack_segment,
        &[SENT, IRET.reason("ss")],
    ),
    spoilt(
        "sigreturn-rip",
        "a handler sets RIP, in RCX too, to no canonical address; the fault's handler sets it right",
        not_canonical,
        &[SENT, IRET.reason("ip-limit"), IRET.reason("cx!=ip")],
    ),
    Case {
        // One in some hundred leaves by IRET all the same, on a busy kernel with full preemption: the oracle knows by which
        // each left, and without one the sums over all cases do not hold.
        beyond_tracepoints: true,
        ..spoilt(
            "sigreturn-trap",
            "a breakpoint's handler makes RCX and R11 what SYSRET needs: no call was interrupted, yet it is SYSRET",
            trap,
            &[],
        )
    },
    Case {
        name: "sigreturn-second",
        what: "a second signal, pending until the first handler's rt_sigreturn unblocks it",
        section: "2, signal with handler; 3.0, errors of E",
        run: second,
        gives: &[SENT, Give::sysret(KILL), Give::iret(SIGRETURN).cause(BY_SIGNAL), Give::sysret(SIGRETURN)],
        ..Case::USUAL
    },
];

const RCX: usize = libc::REG_RCX as usize;
const R11: usize = libc::REG_R11 as usize;
const RIP: usize = libc::REG_RIP as usize;
const EFL: usize = libc::REG_EFL as usize;
const CARRY: i64 = 1;
const RF: i64 = 0x1_0000;
/// The first address beyond five-level paging's half, so no machine's canonical one.
const NOT_CANONICAL: i64 = 1 << 62;

type Registers = [libc::greg_t; 23];
type Edit = fn(&mut Registers);

/// The edit that [`edit`] makes, as a number: handlers take no argument.
static EDIT: AtomicI64 = AtomicI64::new(0);
/// Where the interrupted call goes on.
static BOUNDARY: AtomicI64 = AtomicI64::new(0);

extern "C" fn edit(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    signals::count(signal, info, context);
    // SAFETY: `edited` stored an `Edit`, and a handler with SA_SIGINFO gets a ucontext.
    unsafe {
        let edit: Edit = std::mem::transmute(EDIT.load(SeqCst));
        edit(&mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs);
    }
}

fn kill_me(signal: i32) -> Result<()> {
    must("kill", plain(nr::KILL, std::process::id() as usize, signal as usize), 0)
}

/// `each` handlers a unit must have run.
fn counted(count: u64, each: u64, unit: impl Fn() -> Result<()>) -> Result<()> {
    let before = signals::handled();
    (0..count).try_for_each(|_| unit())?;
    let ran = signals::handled() - before;
    ensure!(ran == count * each, "{ran} handlers ran, expected {}", count * each);
    Ok(())
}

fn edited(count: u64, edit_with: Edit) -> Result<()> {
    EDIT.store(edit_with as usize as i64, SeqCst);
    signals::handle(libc::SIGUSR1, edit as Handler, 0)?;
    counted(count, 1, || kill_me(libc::SIGUSR1))
}

/// `struct user_desc` (arch/x86/include/uapi/asm/ldt.h).
#[repr(C)]
struct Segment {
    entry: u32,
    base: u32,
    limit: u32,
    flags: u32,
}

/// `modify_ldt`'s word for writing an entry.
const WRITE: usize = 0x11;
/// A user's selector of the first entry in the process's own table (LDT).
const SELECTOR: i64 = 7;
/// CS, GS, FS, SS, 16 bits each.
const SEGMENTS: usize = libc::REG_CSGSFS as usize;

fn other_stack_segment(count: u64) -> Result<()> {
    // 32-bit, limit in pages, useable: flat data.
    let segment = Segment { entry: 0, base: 0, limit: 0xf_ffff, flags: 1 | 1 << 4 | 1 << 6 };
    let arguments = [WRITE, (&raw const segment) as usize, size_of::<Segment>(), 0, 0];
    // SAFETY: the call reads one segment's description; nothing uses that segment but the edit below.
    let got = unsafe { sys::syscall(libc::SYS_modify_ldt, arguments) };
    // The kernel's function returns an int, which is not sign-extended.
    if got as i32 == -libc::ENOSYS {
        return Err(Unsupported("no modify_ldt (CONFIG_MODIFY_LDT_SYSCALL)".to_owned()).into());
    }
    must("modify_ldt", got, 0)?;
    edited(count, |regs| regs[SEGMENTS] = regs[SEGMENTS] & !(0xffff << 48) | SELECTOR << 48)
}

fn not_canonical(count: u64) -> Result<()> {
    extern "C" fn repair(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        signals::count(signal, info, context);
        // SAFETY: a handler with SA_SIGINFO gets a ucontext.
        unsafe {
            (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[RIP] = BOUNDARY.load(SeqCst);
        }
    }
    EDIT.store(break_rip as Edit as usize as i64, SeqCst);
    signals::handle(libc::SIGUSR1, edit as Handler, 0)?;
    signals::handle(libc::SIGSEGV, repair, 0)?;
    let outcome = counted(count, 2, || kill_me(libc::SIGUSR1));
    signals::default(libc::SIGSEGV)?;
    outcome
}

fn break_rip(regs: &mut Registers) {
    BOUNDARY.store(regs[RIP], SeqCst);
    (regs[RIP], regs[RCX]) = (NOT_CANONICAL, NOT_CANONICAL);
}

fn trap(count: u64) -> Result<()> {
    EDIT.store(make_boundary as Edit as usize as i64, SeqCst);
    signals::handle(libc::SIGTRAP, edit as Handler, 0)?;
    counted(count, 1, || {
        // SAFETY: traps into the handler above, which changes the two registers named.
        unsafe { asm!("int3", lateout("rcx") _, lateout("r11") _) };
        Ok(())
    })
}

fn make_boundary(regs: &mut Registers) {
    (regs[RCX], regs[R11]) = (regs[RIP], regs[EFL]);
}

fn second(count: u64) -> Result<()> {
    extern "C" fn first(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        signals::count(signal, info, context);
        // Blocked while this handler runs, so it waits for the way out of rt_sigreturn.
        let _ = plain(nr::KILL, std::process::id() as usize, libc::SIGUSR2 as usize);
    }
    signals::handle_blocking(libc::SIGUSR1, first, libc::SIGUSR2)?;
    signals::handle(libc::SIGUSR2, signals::count, 0)?;
    counted(count, 2, || kill_me(libc::SIGUSR1))
}
