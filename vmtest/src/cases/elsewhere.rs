//! Calls that the kernel hands back to the program or never sees as calls: syscall user dispatch, the vsyscall page.

use std::arch::asm;
use std::io::Error;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

use anyhow::{Context, Result, ensure};

use super::{BY_SIGNAL, Case, GETPGRP, HELPER, SIGRETURN};
use crate::expect::Give;
use crate::observed::{self, Unsupported};
use crate::signals;
use crate::sys::{self, must, nr, plain};

pub static CASES: &[Case] = &[
    Case {
        name: "user-dispatch",
        what: "getpgrp that syscall user dispatch makes a SIGSYS of (5.11 and later)",
        section: "2, SUD; 6, syscall user dispatch",
        run: user_dispatch,
        gives: &[
            Give::iret(GETPGRP).cause(BY_SIGNAL),
            Give::sysret(SIGRETURN),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        // Neither tracepoint fires for the call.
        beyond_tracepoints: true,
        ..Case::USUAL
    },
    Case {
        name: "vsyscall",
        what: "time() in the vsyscall page: a fault and no call; where there is no page, SIGSEGV with a handler",
        section: "6, vsyscall page",
        run: vsyscall,
        // Without the page, one rt_sigreturn a unit, observed.
        gives: &[],
        ..Case::USUAL
    },
];

/// What the kernel asks before each call of the child: 0 lets it run, 1 makes it a SIGSYS.
static SELECTOR: AtomicU8 = AtomicU8::new(0);

extern "C" fn dispatched(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // First of all: this handler's own way out is a call.
    SELECTOR.store(0, SeqCst);
    signals::count(signal, info, context);
}

/// Turns dispatch on for this thread, or tells why not.
fn dispatch() -> Result<(), Error> {
    const SET: libc::c_int = 59; // PR_SET_SYSCALL_USER_DISPATCH
    const ON: libc::c_ulong = 1;
    // SAFETY: no code is exempt (0, 0); the selector is a static.
    let failed = unsafe { libc::prctl(SET, ON, 0_usize, 0_usize, SELECTOR.as_ptr()) } != 0;
    if failed { Err(Error::last_os_error()) } else { Ok(()) }
}

fn user_dispatch(count: u64) -> Result<()> {
    const OFF: libc::c_ulong = 0;
    // Tried here and turned off again, because without it not even the child's fork may be counted.
    if let Err(error) = dispatch() {
        return Err(Unsupported(format!("no syscall user dispatch before 5.11 ({error})")).into());
    }
    // SAFETY: off takes no argument.
    unsafe { libc::prctl(59, OFF, 0_usize, 0_usize, 0_usize) };
    let child = sys::fork_with(|| {
        let outcome = signals::handle(libc::SIGSYS, dispatched, 0)
            .and_then(|()| dispatch().context("prctl"))
            .and_then(|()| dispatched_calls(count));
        if let Err(error) = &outcome {
            sys::say(&format!("user dispatch child: {error:#}"));
        }
        i32::from(outcome.is_err())
    })?;
    sys::wait_ok(child, "the child with user dispatch")
}

fn dispatched_calls(count: u64) -> Result<()> {
    let before = signals::handled();
    for _ in 0..count {
        SELECTOR.store(1, SeqCst);
        let got = plain(nr::GETPGRP, 0, 0);
        // Rolled back: RAX is the number again.
        must("getpgrp", got, nr::GETPGRP)?;
    }
    let ran = signals::handled() - before;
    ensure!(ran == count, "{ran} handlers ran for {count} calls");
    Ok(())
}

/// `time()` of the page (arch/x86/entry/vsyscall).
const VSYSCALL_TIME: u64 = 0xffff_ffff_ff60_0400;
/// Where a call that faulted goes on.
static RETURN: AtomicU64 = AtomicU64::new(0);

extern "C" fn no_page(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    signals::count(signal, info, context);
    // SAFETY: a handler with SA_SIGINFO gets a ucontext; `call_page` left the place to go on with.
    unsafe {
        let regs = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        regs[libc::REG_RIP as usize] = RETURN.load(SeqCst) as i64;
        // What `call` pushed.
        regs[libc::REG_RSP as usize] += 8;
    }
}

/// Calls the page once; the time, or 0 where the page is missing and the handler brought us back.
fn call_page() -> i64 {
    let got: i64;
    // SAFETY: the page's time() takes a null pointer and keeps the C calling convention; a fault comes back to 2.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "mov [rcx], rax",
            "xor edi, edi",
            "xor r8d, r8d",
            "call rdx",
            "mov r8, rax",
            "2:",
            in("rcx") RETURN.as_ptr(), in("rdx") VSYSCALL_TIME, out("r8") got,
            clobber_abi("C"),
        );
    }
    got
}

fn vsyscall(count: u64) -> Result<()> {
    signals::handle(libc::SIGSEGV, no_page, 0)?;
    let before = signals::handled();
    let answered = (0..count).filter(|_| call_page() > 0).count() as u64;
    signals::default(libc::SIGSEGV)?;
    let faults = signals::handled() - before;
    ensure!(
        answered + faults == count && (faults == 0 || answered == 0),
        "{answered} answers, {faults} faults"
    );
    if faults > 0 {
        sys::say("workload: case vsyscall: there is no vsyscall page here, so each call is a SIGSEGV");
        observed::add(Give::iret(SIGRETURN).cause("sigreturn"), faults);
    }
    Ok(())
}
