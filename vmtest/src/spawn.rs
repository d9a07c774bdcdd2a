//! Threads without a library: one `clone`, one `exit`, nothing between but what the body does.
//!
//! glibc's threads make calls of their own (`clone3`, `rseq`, `set_robust_list`, `mmap`), register for restartable
//! sequences, and count as calls of the cases that count those.

use std::arch::asm;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use anyhow::{Result, ensure};

use crate::sys::nr;

/// What a thread runs. It must not allocate, panic or call libc: its thread-local storage is a block of zeros. The
/// calls of [`crate::sys`] that give a number are fine.
pub type Body = extern "C" fn(usize);

/// 64 KiB: room for debug builds' frames, and for hundreds of threads in a small guest.
const STACK_WORDS: usize = 4096;
/// Thread-local storage, before and after the place that FS names.
const LOCAL_WORDS: usize = 512;

/// A running thread; dropping it waits for its end.
#[derive(Debug)]
pub struct Thread {
    tid: Box<AtomicU32>,
    id: u32,
    _stack: Vec<u128>,
    _local: Box<[u64; LOCAL_WORDS]>,
}

impl Thread {
    /// Starts a thread by exactly one `clone`.
    pub fn start(body: Body, argument: usize) -> Result<Self> {
        let flags = libc::CLONE_VM
            | libc::CLONE_FS
            | libc::CLONE_FILES
            | libc::CLONE_SIGHAND
            | libc::CLONE_THREAD
            | libc::CLONE_SYSVSEM
            | libc::CLONE_SETTLS
            | libc::CLONE_PARENT_SETTID
            | libc::CLONE_CHILD_CLEARTID;
        let mut stack = vec![0_u128; STACK_WORDS];
        // Its own FS base: an oracle below the kernel tells threads apart by it.
        let local = Box::new([0_u64; LOCAL_WORDS]);
        let tid = Box::new(AtomicU32::new(0));
        let at = tid.as_ptr() as usize;
        let fs = (&raw const local[LOCAL_WORDS / 2]) as usize;
        let got: i64;
        // SAFETY: stack, local block and id outlive the thread, whose end `drop` awaits; the child never leaves the
        // block, and the parent sees one ordinary system call.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, r13",
                "call r12",
                "mov eax, 60",
                "xor edi, edi",
                "syscall",
                "ud2",
                "2:",
                inlateout("rax") nr::CLONE => got,
                in("rdi") flags as usize, in("rsi") stack.as_mut_ptr_range().end as usize,
                in("rdx") at, in("r10") at, in("r8") fs,
                in("r12") body as usize, in("r13") argument,
                lateout("rcx") _, lateout("r11") _,
            );
        }
        ensure!(got > 0, "clone of a thread gave {got}: raise the limit on processes");
        Ok(Self { tid, id: got as u32, _stack: stack, _local: local })
    }

    /// The thread's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the thread is gone.
    pub fn join(self) {
        drop(self);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        loop {
            let now = self.tid.load(SeqCst);
            if now == 0 {
                return;
            }
            let at = self.tid.as_ptr() as usize;
            // SAFETY: a futex word of our own; the kernel clears and wakes it when the thread is gone.
            unsafe { libc::syscall(libc::SYS_futex, at, libc::FUTEX_WAIT, now, 0_usize) };
        }
    }
}
