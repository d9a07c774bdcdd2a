//! `rt_sigreturn` alone: a context is caught once, and then returned to again and again without a signal.
//!
//! The call restores every register from memory and goes on where that says. The context's RIP is the loop itself, its
//! RSP the context, so that one call follows the other. With RCX equal to RIP and R11 to RFLAGS the context is a system
//! call's boundary, and the kernel leaves by SYSRET; with another RCX it cannot, and leaves by IRET. Nothing else
//! differs, so the difference is what IRET costs.

use std::{
    arch::asm,
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicPtr, Ordering::SeqCst},
    },
};

use super::Operation;

/// The kernel's `struct ucontext` (arch/x86/include/uapi/asm/ucontext.h, sigcontext.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct Context {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    registers: [u64; 23],
    fpstate: u64,
    reserved: [u64; 8],
    mask: u64,
}

const REGISTERS: usize = 40;
const _: () = assert!(size_of::<Context>() == 304);
const _: () = assert!(std::mem::offset_of!(Context, registers) == REGISTERS);

/// Room below the context, for the frames of signals that arrive while RSP points at it.
const BELOW: usize = 64 << 10;
/// Room for the FPU's state: with every extension of today some 11 KiB.
const FPU: usize = 16 << 10;
/// Where in the FPU's state the kernel says how long it is (`struct _fpx_sw_bytes`).
const SOFTWARE_BYTES: usize = 464;
const MAGIC: u32 = 0x4650_5853;
/// Without such a note: FXSAVE's.
const PLAIN_FPU: usize = 512;
/// RFLAGS with interrupts on and nothing else: bit 1 is always set.
const FLAGS: u64 = 0x202;
/// What is raised once to catch a context.
const SIGNAL: i32 = libc::SIGUSR1;

/// A stack, and on it a context with the state it names.
#[repr(C, align(64))]
struct Frame {
    below: [u8; BELOW],
    context: Context,
    // The state must be aligned to 64 bytes.
    pad: [u8; 16],
    fpu: [u8; FPU],
    control: Control,
}
const _: () = assert!(std::mem::offset_of!(Frame, fpu).is_multiple_of(64));

/// What the loop keeps in memory: the call restores all registers.
#[repr(C)]
#[derive(Clone, Copy)]
struct Control {
    left: u64,
    rsp: u64,
}

/// The loop.
pub struct Sigreturn {
    frame: Box<Frame>,
    /// All ones keep RCX equal to RIP, zero makes it another.
    rcx_mask: u64,
}

/// Handlers are the process's: one thread at a time puts its own in place.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// Where the handler writes to.
static CAUGHT: AtomicPtr<Frame> = AtomicPtr::new(ptr::null_mut());

impl Sigreturn {
    /// Catches a context; with `boundary` the call leaves by SYSRET, else by IRET.
    pub fn start(boundary: bool) -> Result<Self, String> {
        // SAFETY: a frame is numbers only, for which zero is a value. Made in place: it is larger than a stack likes.
        let mut frame: Box<Frame> = unsafe { Box::new_zeroed().assume_init() };
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        CAUGHT.store(&raw mut *frame, SeqCst);
        catch()?;
        drop(turn);
        if frame.context.fpstate == 0 {
            return Err("the signal's context has no FPU state, or one larger than is known".to_owned());
        }
        Ok(Self { frame, rcx_mask: if boundary { u64::MAX } else { 0 } })
    }
}

/// Raises the signal with our handler in place, and puts the old one back.
fn catch() -> Result<(), String> {
    // SAFETY: zeroed is a valid sigaction; the handler only copies into the frame that `CAUGHT` points to.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        let mut old: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(SIGNAL, &raw const action, &raw mut old) != 0 {
            return Err(std::io::Error::last_os_error().to_string());
        }
        let tid = libc::syscall(libc::SYS_gettid);
        let sent = libc::syscall(libc::SYS_tkill, tid, SIGNAL);
        libc::sigaction(SIGNAL, &raw const old, ptr::null_mut());
        if sent == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().to_string()) }
    }
}

extern "C" fn handler(_: libc::c_int, _: *mut libc::siginfo_t, context: *const Context) {
    let frame = CAUGHT.swap(ptr::null_mut(), SeqCst);
    if frame.is_null() {
        return;
    }
    // SAFETY: the kernel's own context, whose FPU state is as long as its note says; the frame lives until `catch`
    // returns, and nobody else looks at it.
    unsafe {
        let from = (*context).fpstate as *const u8;
        if from.is_null() {
            return;
        }
        // A magic number, then the length.
        let noted: [u32; 2] = from.add(SOFTWARE_BYTES).cast::<[u32; 2]>().read_unaligned();
        let length = if noted[0] == MAGIC { noted[1] as usize } else { PLAIN_FPU };
        if length > FPU {
            return;
        }
        let fpu = (&raw mut (*frame).fpu).cast::<u8>();
        ptr::copy_nonoverlapping(from, fpu, length);
        (&raw mut (*frame).context).write(Context { fpstate: fpu as u64, ..*context });
    }
}

/// The offset of a register in a context, by its index in `gregs`.
const fn at(register: i32) -> usize {
    REGISTERS + 8 * register as usize
}

impl Operation for Sigreturn {
    fn run(&mut self, times: u64) -> Result<(), String> {
        self.frame.control.left = times.max(1);
        let frame = &raw mut *self.frame;
        // SAFETY: the context is the kernel's own but for the registers set here, which bring the call back to label 3
        // with what the compiler had in those it relies on; RSP is put back at the end. Everything else that the call
        // restores is named as overwritten. The stack that signals see meanwhile is the frame's.
        unsafe {
            asm!(
                "mov [rdi + {rbx}], rbx",
                "mov [rdi + {rbp}], rbp",
                "mov [rdi + {r12}], r12",
                "mov [rdi + {r13}], r13",
                "mov [rdi + {r14}], r14",
                "mov [rdi + {r15}], r15",
                "mov [rdi + {rdi}], rdi",
                "mov [rdi + {rsi}], rsi",
                "mov [rdi + {rsp}], rdi",
                "lea rax, [rip + 3f]",
                "mov [rdi + {rip}], rax",
                "and rdx, rax",
                "mov [rdi + {rcx}], rdx",
                "mov [rdi + {r11}], r8",
                "mov [rdi + {efl}], r8",
                "mov [rsi + 8], rsp",
                "mov rsp, rdi",
                "2:",
                "mov eax, 15",
                "syscall",
                "3:",
                "dec qword ptr [rsi]",
                "jnz 2b",
                "mov rsp, [rsi + 8]",
                rbx = const at(libc::REG_RBX), rbp = const at(libc::REG_RBP),
                r12 = const at(libc::REG_R12), r13 = const at(libc::REG_R13),
                r14 = const at(libc::REG_R14), r15 = const at(libc::REG_R15),
                rdi = const at(libc::REG_RDI), rsi = const at(libc::REG_RSI),
                rsp = const at(libc::REG_RSP), rip = const at(libc::REG_RIP),
                rcx = const at(libc::REG_RCX), r11 = const at(libc::REG_R11),
                efl = const at(libc::REG_EFL),
                inout("rdi") &raw mut (*frame).context => _,
                inout("rsi") &raw mut (*frame).control => _,
                inout("rdx") self.rcx_mask => _,
                inout("r8") FLAGS => _,
                clobber_abi("sysv64"),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_comes_back_with_the_registers_it_had() {
        for boundary in [true, false] {
            let mut one = Sigreturn::start(boundary).unwrap();
            let kept: Vec<f64> = (0..100).map(|number| f64::from(number) * 1.5).collect();
            one.run(1).unwrap();
            one.run(1000).unwrap();
            assert_eq!(one.frame.control.left, 0);
            assert!((kept.iter().sum::<f64>() - 7425.0).abs() < 1e-9);
        }
    }
}
