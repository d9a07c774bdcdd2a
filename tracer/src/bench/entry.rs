//! System calls with nothing between the loop and the instruction: no library, and the same machine code whatever
//! the compiler's options are.

use std::{arch::asm, io};

use super::Operation;

/// A call of the 64-bit table that is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    nr: u32,
    arguments: [usize; 3],
}

impl Call {
    /// A call with three arguments.
    ///
    /// # Safety
    ///
    /// The call must be sound with these arguments, any number of times, for as long as the value lives.
    pub const unsafe fn new(nr: u32, arguments: [usize; 3]) -> Self {
        Self { nr, arguments }
    }

    /// Makes the call `times` times, at least once; the kernel's last answer, `-errno` for a failure.
    pub fn repeat(self, times: u64) -> i64 {
        let [a, b, c] = self.arguments;
        let answer: i64;
        // SAFETY: whoever made the value vouches for the call. The kernel keeps all registers but RAX, RCX and R11.
        unsafe {
            asm!(
                ".p2align 5",
                "2:",
                "mov eax, r13d",
                "syscall",
                "dec r12",
                "jnz 2b",
                inout("r12") times.max(1) => _,
                in("r13") u64::from(self.nr),
                in("rdi") a, in("rsi") b, in("rdx") c,
                out("rax") answer, out("rcx") _, out("r11") _,
                options(nostack),
            );
        }
        answer
    }
}

/// i386's `getppid` by `int $0x80`, `times` times, at least once; the last answer. The process dies where the kernel
/// has no 32-bit emulation.
pub fn repeat_int80_getppid(times: u64) -> i64 {
    let answer: i64;
    // SAFETY: the call takes no argument. Kernels up to 4.17 zero R8 to R11 on this gate.
    unsafe {
        asm!(
            ".p2align 5",
            "2:",
            "mov eax, 64",
            "int 0x80",
            "dec r12",
            "jnz 2b",
            inout("r12") times.max(1) => _,
            out("rax") answer,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            options(nostack),
        );
    }
    answer
}

/// [`Call::repeat`]'s loop without the call.
pub fn repeat_nothing(times: u64) {
    // SAFETY: counts a register down.
    unsafe {
        asm!(
            ".p2align 5",
            "2:",
            "mov eax, r13d",
            "dec r12",
            "jnz 2b",
            inout("r12") times.max(1) => _,
            in("r13") 0_u64,
            out("rax") _,
            options(nomem, nostack),
        );
    }
}

/// Multiplications that each need the one before, 16 a turn: takes a fixed number of the core's cycles.
pub fn spin(turns: u64) {
    // SAFETY: works on two registers.
    unsafe {
        asm!(
            "2:",
            ".rept 16",
            "imul rax, rax",
            ".endr",
            "dec r12",
            "jnz 2b",
            inout("r12") turns.max(1) => _,
            inout("rax") 3_u64 => _,
            options(nomem, nostack),
        );
    }
}

/// What a call must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A number that is not negative.
    Success,
    /// Exactly this.
    Is(i64),
}

impl Answer {
    /// Refuses another answer.
    pub fn hold(self, got: i64) -> Result<(), String> {
        let right = match self {
            Self::Success => got >= 0,
            Self::Is(want) => got == want,
        };
        if right { Ok(()) } else { Err(answered(got)) }
    }
}

/// What is said of an answer that the kernel itself does not give.
pub fn answered(got: i64) -> String {
    if (-4095..0).contains(&got) {
        let error = io::Error::from_raw_os_error(-got as i32);
        return format!("the call was answered with {error}: a sandbox may have refused it");
    }
    format!("the call was answered with {got}: a sandbox may have answered it")
}

/// A call and what it must answer.
#[derive(Clone, Copy, Debug)]
pub struct Repeated {
    /// The call.
    pub call: Call,
    /// Its answer.
    pub answer: Answer,
}

impl Operation for Repeated {
    fn run(&mut self, times: u64) -> Result<(), String> {
        self.answer.hold(self.call.repeat(times))
    }
}

/// `getppid` as programs make it, by the C library's function. Where a call empties the TLB, as some hypervisors have it, the
/// pages that the way there touches are a good part of what it costs: 49 of 166 ns on one machine.
#[derive(Clone, Copy, Debug)]
pub struct LibraryGetppid;

impl Operation for LibraryGetppid {
    fn run(&mut self, times: u64) -> Result<(), String> {
        let mut got = 0;
        for _ in 0..times.max(1) {
            // SAFETY: takes nothing, changes nothing.
            got = unsafe { libc::getppid() };
        }
        if got < 0 {
            let error = io::Error::last_os_error().raw_os_error().unwrap_or(0);
            return Answer::Success.hold(-i64::from(error));
        }
        Ok(())
    }
}

/// i386's `getppid`.
#[derive(Clone, Copy, Debug)]
pub struct Int80;

impl Operation for Int80 {
    fn run(&mut self, times: u64) -> Result<(), String> {
        Answer::Success.hold(repeat_int80_getppid(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers_the_loop() {
        // SAFETY: no arguments; the second is no call at all.
        let (getppid, none) = unsafe { (Call::new(110, [0; 3]), Call::new(1000, [0; 3])) };
        assert_eq!(getppid.repeat(3), i64::from(std::os::unix::process::parent_id()));
        assert_eq!(getppid.repeat(0), getppid.repeat(1), "none is one");
        assert_eq!(none.repeat(2), -i64::from(libc::ENOSYS));
        repeat_nothing(1000);
        spin(10);
    }

    #[test]
    fn other_answers_are_refused() {
        assert_eq!(Answer::Success.hold(0), Ok(()));
        assert_eq!(Answer::Is(-38).hold(-38), Ok(()));
        assert!(Answer::Is(-38).hold(0).unwrap_err().contains("answered with 0:"));
        assert!(Answer::Success.hold(-1).unwrap_err().contains("Operation not permitted"));
    }
}
