//! The current task and its registers, read directly where the kernel has BTF, by probe reads elsewhere.

use core::{mem::MaybeUninit, ptr};

use aya_ebpf::{
    bindings::task_struct,
    helpers::{
        bpf_get_current_pid_tgid,
        generated::{
            bpf_get_current_task, bpf_get_current_task_btf, bpf_probe_read_kernel, bpf_task_pt_regs,
        },
    },
};
use tracer_common::{ExitRegs, exit::USER32_CS};

use super::config;

/// `struct pt_regs` of `x86_64` as words (arch/x86/include/asm/ptrace.h).
pub mod reg {
    pub const R11: usize = 6;
    pub const AX: usize = 10;
    pub const CX: usize = 11;
    pub const ORIG_AX: usize = 15;
    pub const IP: usize = 16;
    pub const CS: usize = 17;
    pub const FLAGS: usize = 18;
    pub const SS: usize = 20;
    pub const COUNT: usize = 21;
}

/// `TS_COMPAT` in `thread_info.status`.
const TS_COMPAT: u32 = 2;

/// Where an event's facts come from.
pub trait Source {
    /// The thread's number.
    fn tid(&self) -> u32;
    /// The process's number.
    fn tgid(&self) -> u32;
    /// Whether the current call came through a 32-bit entry.
    fn compat(&self) -> bool;
    /// Whether the task has a tracer.
    fn ptraced(&self) -> bool;
    /// Whether seccomp or a tracer can have answered the call before `sys_enter`.
    fn refusable(&self) -> bool;
    /// The vDSO's address after its `int $0x80`; 0 when it cannot be read. No `Option`: LLVM compares the value of
    /// a `None`, which the verifier refuses as never written.
    fn landing_pad(&self) -> u64;
    /// Whether the process has no live thread left.
    fn group_dead(&self) -> bool;
    /// A word of `pt_regs`.
    fn reg(&self, index: usize) -> u64;

    /// What the exit code looks at.
    #[inline(always)]
    fn exit_regs(&self) -> ExitRegs {
        ExitRegs {
            ip: self.reg(reg::IP),
            cx: self.reg(reg::CX),
            flags: self.reg(reg::FLAGS),
            r11: self.reg(reg::R11),
            cs: self.reg(reg::CS) as u16,
            ss: self.reg(reg::SS) as u16,
        }
    }
}

/// Kernels with BTF: plain loads, which the verifier checks.
#[derive(Clone, Copy)]
pub struct Typed {
    task: *const u8,
    regs: *const u64,
}

impl Typed {
    /// From a tracepoint that passes `pt_regs`.
    #[inline(always)]
    pub fn new(regs: *const u64) -> Self {
        // SAFETY: always returns the running task.
        Self { task: unsafe { bpf_get_current_task_btf() }.cast::<u8>(), regs }
    }

    /// From any other tracepoint.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: the helper takes the running task and returns its saved user registers.
        unsafe {
            let task = bpf_get_current_task_btf();
            Self { task: task.cast::<u8>(), regs: bpf_task_pt_regs(task) as *const u64 }
        }
    }

    /// From a tracepoint whose registers are not asked for.
    #[inline(always)]
    pub fn current_task() -> Self {
        Self::new(ptr::null())
    }

    /// About another task, whose registers are not asked for.
    #[inline(always)]
    pub fn of(task: *const task_struct) -> Self {
        Self { task: task.cast::<u8>(), regs: ptr::null() }
    }

    #[inline(always)]
    #[expect(
        clippy::cast_ptr_alignment,
        reason = "BTF offsets are those of the compiler that aligned the member"
    )]
    fn load(&self, offset: u32) -> u32 {
        // SAFETY: a typed pointer and an offset from the kernel's own BTF: the verifier checks the field.
        unsafe { ptr::read_volatile(self.task.add(offset as usize).cast::<u32>()) }
    }
}

impl Source for Typed {
    #[inline(always)]
    fn tid(&self) -> u32 {
        self.load(config::OFF_PID.load())
    }
    #[inline(always)]
    fn tgid(&self) -> u32 {
        self.load(config::OFF_TGID.load())
    }
    #[inline(always)]
    fn compat(&self) -> bool {
        self.load(config::OFF_STATUS.load()) & TS_COMPAT != 0
    }
    #[inline(always)]
    fn ptraced(&self) -> bool {
        self.load(config::OFF_PTRACE.load()) != 0
    }
    #[inline(always)]
    fn refusable(&self) -> bool {
        self.ptraced() || self.load(config::OFF_SECCOMP_MODE.load()) != 0
    }
    #[inline(always)]
    fn landing_pad(&self) -> u64 {
        landing_pad(self.task as u64)
    }
    #[inline(always)]
    fn group_dead(&self) -> bool {
        group_dead(self.task as u64)
    }
    #[inline(always)]
    fn reg(&self, index: usize) -> u64 {
        // SAFETY: a typed pointer to `pt_regs` and an index below `reg::COUNT`.
        unsafe { ptr::read_volatile(self.regs.add(index)) }
    }
}

/// Kernels where a program cannot look at the running task by its type: probe reads. Without BTF there is no view
/// into `task_struct` at all.
pub struct Untyped {
    task: u64,
    pid_tgid: u64,
    regs: MaybeUninit<[u64; reg::COUNT]>,
}

impl Untyped {
    /// Copies the registers; `None` when they cannot be read.
    #[inline(always)]
    pub fn new(regs: *const u64) -> Option<Self> {
        // Not zeroed: that would be a loop of stores on the hot path.
        let mut copy = MaybeUninit::<[u64; reg::COUNT]>::uninit();
        // SAFETY: a fault is an error code, and then the copy is not used.
        let failed =
            unsafe { bpf_probe_read_kernel(copy.as_mut_ptr().cast(), (reg::COUNT * 8) as u32, regs.cast()) };
        // SAFETY: a helper without arguments.
        let task = unsafe { bpf_get_current_task() };
        (failed == 0).then(|| Self { task, pid_tgid: bpf_get_current_pid_tgid(), regs: copy })
    }

    /// From a hook that passes no registers: they lie at the top of the task's stack (`task_pt_regs`).
    #[inline(always)]
    pub fn current() -> Option<Self> {
        // SAFETY: a helper without arguments.
        let stack = probe(unsafe { bpf_get_current_task() } + u64::from(config::OFF_STACK.load()));
        Self::new((stack + u64::from(config::REGS_ON_STACK.load())) as *const u64)
    }

    #[inline(always)]
    fn load(&self, offset: u32) -> u32 {
        if offset == 0 { 0 } else { probe(self.task + u64::from(offset)) as u32 }
    }
}

impl Source for Untyped {
    #[inline(always)]
    fn tid(&self) -> u32 {
        self.pid_tgid as u32
    }
    #[inline(always)]
    fn tgid(&self) -> u32 {
        (self.pid_tgid >> 32) as u32
    }
    #[inline(always)]
    fn compat(&self) -> bool {
        if config::OFF_STATUS.load() != 0 {
            return self.load(config::OFF_STATUS.load()) & TS_COMPAT != 0;
        }
        // Misses `int $0x80` from 64-bit code: a blind spot without BTF.
        self.reg(reg::CS) as u16 == USER32_CS
    }
    #[inline(always)]
    fn ptraced(&self) -> bool {
        self.load(config::OFF_PTRACE.load()) != 0
    }
    #[inline(always)]
    fn refusable(&self) -> bool {
        self.ptraced() || self.load(config::OFF_SECCOMP_MODE.load()) != 0
    }
    #[inline(always)]
    fn landing_pad(&self) -> u64 {
        if config::OFF_MM.load() == 0 { 0 } else { landing_pad(self.task) }
    }
    #[inline(always)]
    fn group_dead(&self) -> bool {
        config::OFF_SIGNAL.load() != 0 && group_dead(self.task)
    }
    #[inline(always)]
    fn reg(&self, index: usize) -> u64 {
        // SAFETY: filled by the constructor; `index` is below `reg::COUNT`.
        unsafe { ptr::read_volatile(self.regs.as_ptr().cast::<u64>().add(index)) }
    }
}

/// A word of kernel memory; 0 when it cannot be read.
#[inline(always)]
pub fn probe(address: u64) -> u64 {
    let mut word = 0_u64;
    // SAFETY: a fault leaves zeros.
    unsafe { bpf_probe_read_kernel((&raw mut word).cast(), 8, address as *const _) };
    word
}

#[inline(always)]
fn landing_pad(task: u64) -> u64 {
    let mm = probe(task + u64::from(config::OFF_MM.load()));
    let vdso = probe(mm + u64::from(config::OFF_VDSO.load()));
    let image = probe(mm + u64::from(config::OFF_VDSO_IMAGE.load()));
    let pad = probe(image + u64::from(config::OFF_LANDING_PAD.load()));
    if vdso == 0 || pad == 0 { 0 } else { vdso + pad }
}

#[inline(always)]
fn group_dead(task: u64) -> bool {
    let signal = probe(task + u64::from(config::OFF_SIGNAL.load()));
    signal != 0 && probe(signal + u64::from(config::OFF_LIVE.load())) as u32 == 0
}
