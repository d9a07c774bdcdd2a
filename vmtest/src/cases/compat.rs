//! The i386 ABI: its gate from 64-bit code, and 32-bit programs made at run time.

use std::os::unix::ffi::OsStringExt;

use anyhow::{Context, Result, ensure};

use super::{Case, EXECVEAT, GETPPID_32, HELPER};
use crate::elf32;
use crate::expect::{Give, Path};
use crate::sys::{self, nr};

pub static CASES: &[Case] = &[
    Case {
        name: "int80",
        what: "getppid by int $0x80 from 64-bit code",
        section: "1.2",
        run: int80,
        gives: &[Give::iret(GETPPID_32).i386().reason("int80")],
        ..Case::USUAL
    },
    Case {
        name: "elf32-int80",
        what: "getppid by int $0x80 from one 32-bit program",
        section: "1.2; 6, execve 64 to 32",
        run: elf32_int80,
        gives: &[
            Give::iret(GETPPID_32).i386().reason("int80"),
            Give::iret(EXECVEAT).once().cause("exec"),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "elf32-vdso",
        what: "getppid through the vDSO (sysenter or syscall) from one 32-bit program",
        section: "1.2; 6, execve 64 to 32",
        run: elf32_vdso,
        gives: &[
            Give::new(GETPPID_32, Path::Sysretl, 1).i386(),
            Give::iret(EXECVEAT).once().cause("exec"),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "exec-32-64",
        what: "getppid by int $0x80 from one 32-bit program, which then executes a 64-bit one by the same gate",
        section: "6, execve 64 to 32 and back",
        run: exec_32_64,
        gives: &[
            Give::iret(GETPPID_32).i386().reason("int80"),
            Give::iret(EXECVEAT).once().cause("exec"),
            Give::iret(EXECVE_32).i386().once().reason("int80"),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
    Case {
        name: "exec-vdso-64",
        what: "the same through the vDSO: the new program's code segment forbids the fast way out",
        section: "6, execve 32 to 64",
        run: exec_vdso_64,
        gives: &[
            Give::new(GETPPID_32, Path::Sysretl, 1).i386(),
            Give::iret(EXECVEAT).once().cause("exec"),
            Give::iret(EXECVE_32).i386().once().cause("exec"),
            HELPER[0],
            HELPER[1],
            HELPER[2],
        ],
        ..Case::USUAL
    },
];

const EXECVE_32: (i64, &str) = (nr::EXECVE_32, "execve");

pub fn int80(count: u64) -> Result<()> {
    // No trial first: it would be a call too many. Without CONFIG_IA32_EMULATION the first one ends in SIGSEGV.
    for _ in 0..count {
        let parent = sys::int80_getppid();
        ensure!(parent >= 0, "getppid by int $0x80 gave {parent}");
    }
    Ok(())
}

pub fn elf32_int80(count: u64) -> Result<()> {
    execute(&elf32::by_gate(u32::try_from(count)?))
}

pub fn elf32_vdso(count: u64) -> Result<()> {
    execute(&elf32::by_vdso(u32::try_from(count)?))
}

fn exec_32_64(count: u64) -> Result<()> {
    execute(&elf32::gate_then_exec(u32::try_from(count)?, &own_path()?, b"noop"))
}

fn exec_vdso_64(count: u64) -> Result<()> {
    execute(&elf32::vdso_then_exec(u32::try_from(count)?, &own_path()?, b"noop"))
}

fn own_path() -> Result<Vec<u8>> {
    let program = std::env::current_exe().context("cannot tell this program's own path: mount /proc")?;
    Ok(program.into_os_string().into_vec())
}

/// Runs `program` from memory in a child: no file is left behind, and a `noexec` /tmp does no harm.
fn execute(program: &[u8]) -> Result<()> {
    // SAFETY: a constant name.
    let file = unsafe { libc::memfd_create(c"elf32".as_ptr(), libc::MFD_CLOEXEC) };
    ensure!(file >= 0, "memfd_create: {}", std::io::Error::last_os_error());
    // SAFETY: the slice's own pointer and length; pwrite64 is not a counted call.
    let put = unsafe { libc::pwrite(file, program.as_ptr().cast(), program.len(), 0) };
    ensure!(
        put == program.len() as isize,
        "cannot write the 32-bit program: {}",
        std::io::Error::last_os_error()
    );
    let none: [usize; 1] = [0];
    let child = sys::fork_with(|| {
        let none = (&raw const none) as usize;
        let args = [file as usize, c"".as_ptr() as usize, none, none, libc::AT_EMPTY_PATH as usize];
        // SAFETY: an open file, an empty path, empty lists.
        let error = unsafe { sys::syscall(nr::EXECVEAT, args) };
        -error as i32
    })?;
    // SAFETY: a descriptor of our own.
    unsafe { libc::close(file) };
    sys::wait_ok(child, "the 32-bit program (it needs CONFIG_IA32_EMULATION)")
}
