//! New processes and new programs, made by the instruction and waited for.

use std::{
    arch::asm,
    ffi::CString,
    fs::File,
    io::{self, Write as _},
    os::fd::{AsRawFd as _, FromRawFd as _},
};

use super::{Operation, entry::answered};

const FORK: u64 = 57;

/// `fork`, a child that leaves at once, and `wait4`.
pub struct Fork;

impl Operation for Fork {
    fn run(&mut self, times: u64) -> Result<(), String> {
        for _ in 0..times {
            let pid: i64;
            // SAFETY: the child never leaves this block and touches no memory; the parent sees one system call.
            unsafe {
                asm!(
                    "syscall",
                    "test rax, rax",
                    "jnz 2f",
                    "xor edi, edi",
                    "mov eax, 231",
                    "syscall",
                    "ud2",
                    "2:",
                    inlateout("rax") FORK => pid,
                    out("rdi") _, out("rcx") _, out("r11") _,
                );
            }
            reap(pid)?;
        }
        Ok(())
    }
}

/// Waits for a child that must end with code 0.
fn reap(pid: i64) -> Result<(), String> {
    if pid < 0 {
        return Err(answered(pid));
    }
    let mut status = 0;
    // SAFETY: the status outlives the call.
    while unsafe { libc::waitpid(pid as i32, &raw mut status, 0) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(format!("a child was waited for in vain: {error}"));
        }
    }
    match status {
        0 => Ok(()),
        _ if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) < 127 => Err(format!(
            "the new program could not be executed: {}",
            io::Error::from_raw_os_error(libc::WEXITSTATUS(status))
        )),
        _ => Err(format!("a child ended with wait status {status:#x}")),
    }
}

/// `vfork`, `execve` of a program that leaves at once, and `wait4`.
pub struct Exec {
    /// The program lives as long as its descriptor.
    _program: File,
    path: CString,
}

impl Exec {
    /// Makes the program, in memory.
    pub fn start() -> Result<Self, String> {
        // SAFETY: a name that ends in a zero byte.
        let fd = unsafe { libc::memfd_create(c"exitpath-bench".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(format!("no file in memory: {}", io::Error::last_os_error()));
        }
        // SAFETY: a new descriptor of ours.
        let mut program = unsafe { File::from_raw_fd(fd) };
        program.write_all(&image()).map_err(|error| format!("no file in memory: {error}"))?;
        let path = CString::new(format!("/proc/self/fd/{}", program.as_raw_fd())).unwrap_or_default();
        Ok(Self { _program: program, path })
    }
}

impl Operation for Exec {
    fn run(&mut self, times: u64) -> Result<(), String> {
        let none: [usize; 1] = [0];
        for _ in 0..times {
            let pid: i64;
            // SAFETY: the child shares our memory, so it uses no stack and never leaves this block; it executes the
            // program, or leaves with the error's number. The parent stands still until then.
            unsafe {
                asm!(
                    "mov eax, 58",
                    "syscall",
                    "test rax, rax",
                    "jnz 2f",
                    "mov eax, 59",
                    "syscall",
                    "neg eax",
                    "mov edi, eax",
                    "mov eax, 231",
                    "syscall",
                    "ud2",
                    "2:",
                    out("rax") pid,
                    inout("rdi") self.path.as_ptr() => _,
                    in("rsi") none.as_ptr(), in("rdx") none.as_ptr(),
                    out("rcx") _, out("r11") _,
                );
            }
            reap(pid)?;
        }
        Ok(())
    }
}

/// `xor edi, edi; mov eax, 231; syscall`: `exit_group(0)`.
const LEAVE: [u8; 9] = [0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];
const BASE: u64 = 0x40_0000;
const HEADERS: u64 = 64 + 56;

/// A static program of nine bytes (`elf.h`: `Elf64_Ehdr`, `Elf64_Phdr`), so that what is timed is the kernel's work.
fn image() -> Vec<u8> {
    let size = HEADERS + LEAVE.len() as u64;
    // Class 64, little endian, version 1.
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // Type EXEC, machine x86-64, version, entry, program headers at 64, no sections, no flags.
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [BASE + HEADERS, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0; 4]);
    for half in [64_u16, 56, 1, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // LOAD, readable and executable, all of the file.
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for word in [0, BASE, BASE, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(LEAVE);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_and_programs_leave_at_once() {
        assert_eq!(Fork.run(2), Ok(()));
        assert_eq!(Exec::start().unwrap().run(2), Ok(()));
    }

    #[test]
    fn a_program_that_cannot_run_says_why() {
        let mut broken = Exec::start().unwrap();
        broken.path = c"/nonexistent".to_owned();
        assert!(broken.run(1).unwrap_err().contains("No such file"));
    }
}
