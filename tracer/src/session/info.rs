//! What the kernel says of programs: aya's `ProgramInfo` shows no recursion misses.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use aya::Ebpf;

/// What the kernel counts of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramStats {
    /// Time in ns while statistics were on.
    pub run_ns: u64,
    /// Runs while statistics were on.
    pub runs: u64,
    /// Runs that were skipped because the program was running on that CPU (5.12 and later).
    pub recursion_misses: u64,
}

const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;
/// Offsets in `struct bpf_prog_info` (include/uapi/linux/bpf.h, append-only).
const RUN_TIME_NS: usize = 192;
const RUN_CNT: usize = 200;
const RECURSION_MISSES: usize = 208;
const INFO_SIZE: usize = 232;

#[repr(C)]
struct Attributes {
    fd: u32,
    length: u32,
    info: u64,
}

/// The kernel's numbers of all loaded programs of an object. They stay the kernel's for a moment after the object is gone.
#[must_use]
pub fn ids(ebpf: &Ebpf) -> Vec<u32> {
    ebpf.programs().filter_map(|(_, program)| program.info().ok()).map(|info| info.id()).collect()
}

/// Asks the kernel.
pub fn read(program: BorrowedFd<'_>) -> io::Result<ProgramStats> {
    let mut info = [0_u8; INFO_SIZE];
    let mut attributes = Attributes {
        fd: program.as_raw_fd() as u32,
        length: INFO_SIZE as u32,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: the attributes describe a buffer that lives through the call; older kernels fill less of it.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &raw mut attributes, size_of::<Attributes>())
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let word = |at: usize| u64::from_ne_bytes(info[at..at + 8].try_into().unwrap_or_default());
    Ok(ProgramStats {
        run_ns: word(RUN_TIME_NS),
        runs: word(RUN_CNT),
        recursion_misses: word(RECURSION_MISSES),
    })
}
