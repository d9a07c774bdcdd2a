//! System calls without a library between: one Rust call is one kernel entry, with exactly the number named.
//!
//! glibc answers some calls itself, retries others and forks through `clone`, so counts made through it are guesses.

use std::arch::asm;

use anyhow::{Result, bail, ensure};

/// The numbers that the cases use, from the 64-bit `asm/unistd_64.h`.
pub mod nr {
    /// `write(fd, buf, len)`
    pub const WRITE: i64 = 1;
    /// `open(path, flags, mode)`; glibc and Rust use `openat`.
    pub const OPEN: i64 = 2;
    /// `rt_sigreturn()`, made by the restorer below every handler.
    pub const RT_SIGRETURN: i64 = 15;
    /// `rt_sigprocmask(how, set, old, size)`
    pub const RT_SIGPROCMASK: i64 = 14;
    /// `pwrite64(fd, buf, len, offset)`: what the workload writes its own output with.
    pub const PWRITE64: i64 = 18;
    /// `readv(fd, iov, n)`; the dynamic loader uses `read`.
    pub const READV: i64 = 19;
    /// `pipe(fds)`; libraries use `pipe2`.
    pub const PIPE: i64 = 22;
    /// `sched_yield()`
    pub const SCHED_YIELD: i64 = 24;
    /// `dup(fd)`
    pub const DUP: i64 = 32;
    /// `pause()`
    pub const PAUSE: i64 = 34;
    /// `nanosleep(req, rem)`; libraries use `clock_nanosleep`.
    pub const NANOSLEEP: i64 = 35;
    /// `clone(flags, stack, ptid, ctid, tls)`
    pub const CLONE: i64 = 56;
    /// `fork()`; glibc's forks through `clone`.
    pub const FORK: i64 = 57;
    /// `vfork()`
    pub const VFORK: i64 = 58;
    /// `execve(path, argv, envp)`
    pub const EXECVE: i64 = 59;
    /// `exit(code)` of one thread
    pub const EXIT: i64 = 60;
    /// `wait4(pid, status, options, usage)`
    pub const WAIT4: i64 = 61;
    /// `kill(pid, sig)`
    pub const KILL: i64 = 62;
    /// `rmdir(path)`
    pub const RMDIR: i64 = 84;
    /// `getppid()`
    pub const GETPPID: i64 = 110;
    /// `getpgrp()`
    pub const GETPGRP: i64 = 111;
    /// `getpgid(pid)`
    pub const GETPGID: i64 = 121;
    /// `getpriority(which, who)`
    pub const GETPRIORITY: i64 = 140;
    /// `select`.
    pub const SELECT: i64 = 23;
    /// `iopl(level)`
    pub const IOPL: i64 = 172;
    /// `tkill(tid, sig)`; libraries use `tgkill`.
    pub const TKILL: i64 = 200;
    /// `restart_syscall()`, issued by the kernel's own rewrite of the registers.
    pub const RESTART_SYSCALL: i64 = 219;
    /// `exit_group(code)`
    pub const EXIT_GROUP: i64 = 231;
    /// `execveat(dir, path, argv, envp, flags)`
    pub const EXECVEAT: i64 = 322;
    /// `clone3(args, size)`
    pub const CLONE3: i64 = 435;
    /// A number no kernel has given out.
    pub const UNASSIGNED: i64 = 1000;
    /// The number that the kernel also uses for "no system call".
    pub const NEGATIVE: i64 = -1;
    /// i386's `execve(path, argv, envp)`
    pub const EXECVE_32: i64 = 11;
    /// i386's `getppid()`
    pub const GETPPID_32: i64 = 64;
}

/// One system call by the `syscall` instruction; the kernel's answer as it stands (`-errno` for a failure).
///
/// # Safety
///
/// The arguments must be what the call named by `nr` expects.
#[inline]
#[must_use]
pub unsafe fn syscall(nr: i64, args: [usize; 5]) -> i64 {
    let ret;
    // SAFETY: the caller vouches for the call; the two registers the instruction itself destroys are named.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") nr => ret,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3], in("r8") args[4],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    ret
}

/// A call whose arguments are plain numbers (or none), so that it cannot touch memory.
#[inline]
#[must_use]
pub fn plain(nr: i64, a: usize, b: usize) -> i64 {
    // SAFETY: the cases use this only for calls without pointers; see the callers.
    unsafe { syscall(nr, [a, b, 0, 0, 0]) }
}

/// `getppid` by i386's `int $0x80` gate, legal from 64-bit code where the kernel has 32-bit emulation.
#[inline]
#[must_use]
pub fn int80_getppid() -> i64 {
    let ret: i64;
    // SAFETY: takes no argument; older kernels zero r8 to r11 on this gate, so they are named.
    unsafe {
        asm!(
            "int 0x80",
            inlateout("rax") nr::GETPPID_32 => ret,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    ret
}

/// Makes a child (process or thread, as `nr` and `args` say) that does nothing but leave by `exit_nr`.
///
/// Creation and exit are one piece of assembly, so that a child sharing the parent's memory never uses its stack.
///
/// # Safety
///
/// `args` must be right for `nr`, one of fork, vfork, clone or clone3.
#[must_use]
pub unsafe fn spawn_exiting(nr: i64, args: [usize; 5], exit_nr: i64) -> i64 {
    let ret;
    // SAFETY: the child never leaves this block, the parent sees one ordinary system call.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rax, r12",
            "xor edi, edi",
            "syscall",
            "ud2",
            "2:",
            inlateout("rax") nr => ret,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3], in("r8") args[4],
            in("r12") exit_nr,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    ret
}

/// Runs `child` in a forked process that leaves with the code it returns; gives its pid to the parent.
///
/// The callers have one thread, so the child may use the whole library.
pub fn fork_with(child: impl FnOnce() -> i32) -> Result<i32> {
    match plain(nr::FORK, 0, 0) {
        0 => {
            let code = child();
            leave(code)
        }
        pid if pid > 0 => Ok(pid as i32),
        error => bail!("fork failed with {error}: raise the limit on processes"),
    }
}

/// `exit_group`, without the runtime's farewell.
pub fn leave(code: i32) -> ! {
    loop {
        let _ = plain(nr::EXIT_GROUP, code as usize, 0);
    }
}

/// Waits for one child by exactly one `wait4`; gives its raw wait status.
pub fn wait_for(pid: i32) -> Result<i32> {
    let mut status = 0_i32;
    // SAFETY: status outlives the call, the usage pointer may be null.
    let got = unsafe { syscall(nr::WAIT4, [pid as usize, (&raw mut status) as usize, 0, 0, 0]) };
    ensure!(got == i64::from(pid), "wait4({pid}) gave {got}: somebody else reaped the child");
    Ok(status)
}

/// Waits for a child that must end with code 0.
pub fn wait_ok(pid: i32, what: &str) -> Result<()> {
    let status = wait_for(pid)?;
    ensure!(status == 0, "{what} ended with wait status {status:#x}, expected a clean exit");
    Ok(())
}

/// Whether the `int $0x80` gate works here, tried in a child because where it does not it kills.
pub fn int80_works() -> Result<bool> {
    let pid = fork_with(|| i32::from(int80_getppid() <= 0))?;
    Ok(wait_for(pid)? == 0)
}

/// Tells the user something, by a number that no case counts; `eprintln!` would use `write`.
pub fn say(text: &str) {
    let line = format!("{text}\n");
    let part = libc::iovec { iov_base: line.as_ptr().cast_mut().cast(), iov_len: line.len() };
    // SAFETY: one buffer that outlives the call, which only reads it.
    unsafe { libc::writev(libc::STDERR_FILENO, &raw const part, 1) };
}

/// Fails unless the kernel answered `want`: a case that did something else has proved nothing.
#[inline]
pub fn must(what: &str, got: i64, want: i64) -> Result<()> {
    ensure!(got == want, "{what} gave {got}, expected {want}: this kernel or sandbox answers it differently");
    Ok(())
}
