//! What a kprobe sees: the kernel's registers at the probed instruction, the running thread, and, on the slow path
//! only, kernel memory.

use core::{ffi::c_void, mem::MaybeUninit, ptr};

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid,
    generated::{bpf_get_current_task, bpf_probe_read},
};
use tracer_common::ExitRegs;

/// `struct pt_regs` of `x86_64` as words.
mod reg {
    pub const R11: usize = 6;
    pub const AX: usize = 10;
    pub const CX: usize = 11;
    pub const SI: usize = 13;
    pub const ORIG_AX: usize = 15;
    pub const IP: usize = 16;
    pub const CS: usize = 17;
    pub const FLAGS: usize = 18;
    pub const SP: usize = 19;
    pub const SS: usize = 20;
    pub const COUNT: usize = 21;
}

/// A kprobe's context.
#[derive(Clone, Copy)]
pub struct Context(*const u64);

impl Context {
    #[inline(always)]
    pub fn new(context: *mut c_void) -> Self {
        Self(context.cast())
    }

    #[inline(always)]
    fn word(self, index: usize) -> u64 {
        // SAFETY: the context is a `pt_regs`; volatile, so that no two loads become one that the verifier refuses.
        unsafe { ptr::read_volatile(self.0.add(index)) }
    }

    /// The probed address plus one, whatever the probe is made of (int3, jump or ftrace).
    #[inline(always)]
    pub fn ip(self) -> u64 {
        self.word(reg::IP)
    }

    /// The stack pointer: at a function's first instruction it points to the return address, after its return
    /// just above that.
    #[inline(always)]
    pub fn sp(self) -> u64 {
        self.word(reg::SP)
    }

    /// The accumulator: a function's result, after its return.
    #[inline(always)]
    pub fn ax(self) -> u64 {
        self.word(reg::AX)
    }

    /// A function's second argument.
    #[inline(always)]
    pub fn second(self) -> u64 {
        self.word(reg::SI)
    }
}

/// A copy of saved user registers.
pub struct Saved(MaybeUninit<[u64; reg::COUNT]>);

impl Saved {
    /// Copies them: on the slow path only.
    #[inline(always)]
    pub fn read(address: u64) -> Option<Self> {
        let mut copy = MaybeUninit::<[u64; reg::COUNT]>::uninit();
        // SAFETY: a fault is an error code, and then the copy is not used.
        let failed = unsafe {
            bpf_probe_read(copy.as_mut_ptr().cast(), (reg::COUNT * 8) as u32, address as *const c_void)
        };
        (failed == 0).then_some(Self(copy))
    }

    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: filled by the constructor; `index` is below the length.
        unsafe { ptr::read_volatile(self.0.as_ptr().cast::<u64>().add(index)) }
    }

    /// The number.
    #[inline(always)]
    pub fn orig_ax(&self) -> i64 {
        self.word(reg::ORIG_AX) as i64
    }

    /// The return value.
    #[inline(always)]
    pub fn ax(&self) -> i64 {
        self.word(reg::AX) as i64
    }

    /// What the exit code looks at.
    #[inline(always)]
    pub fn exit_regs(&self) -> ExitRegs {
        ExitRegs {
            ip: self.word(reg::IP),
            cx: self.word(reg::CX),
            flags: self.word(reg::FLAGS),
            r11: self.word(reg::R11),
            cs: self.word(reg::CS) as u16,
            ss: self.word(reg::SS) as u16,
        }
    }
}

/// A word of kernel memory, 0 when it cannot be read: on the slow path only.
#[inline(always)]
pub fn peek(address: u64) -> u64 {
    let mut word = 0_u64;
    // SAFETY: a fault leaves zeros.
    unsafe { bpf_probe_read((&raw mut word).cast(), 8, address as *const c_void) };
    word
}

/// `thread_info.flags` of the running task, which `task_struct` begins with from 4.9 on (`THREAD_INFO_IN_TASK`): on
/// the slow path only.
#[inline(always)]
pub fn thread_flags() -> u64 {
    // SAFETY: a helper without arguments.
    peek(unsafe { bpf_get_current_task() })
}

/// Thread and process number.
#[inline(always)]
pub fn numbers() -> (u32, u32) {
    let both = bpf_get_current_pid_tgid();
    (both as u32, (both >> 32) as u32)
}
