//! The kernel's BPF objects by plain `bpf(2)` calls: nothing here is shared with the tracer, so that what it counts
//! and what it finds left over are an independent word.
//!
//! Attributes are laid out as `union bpf_attr` of `include/uapi/linux/bpf.h`, which only ever grows: a kernel that
//! knows more members takes the missing ones as zero.

pub mod held;
pub mod ids;
pub mod instruction;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result};

use instruction::Instruction;

/// `enum bpf_cmd`.
const MAP_CREATE: libc::c_long = 0;
const MAP_LOOKUP: libc::c_long = 1;
const PROG_LOAD: libc::c_long = 5;
const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
/// `BPF_MAP_TYPE_PERCPU_ARRAY`.
const PERCPU_ARRAY: u32 = 6;
/// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
const RAW_TRACEPOINT: u32 = 17;

/// One `bpf(2)` call; its answer, or the error it gave.
fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: the callers' attributes are live, as long as they say, and point to live memory.
    let got =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<T>()) };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(got as i32) }
}

/// A call that gives a descriptor.
fn open<T>(command: libc::c_long, attributes: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: a fresh descriptor that nobody else owns.
    bpf(command, attributes).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// 64-bit counters, a copy of each for every possible CPU.
#[derive(Debug)]
pub struct Counters {
    fd: OwnedFd,
}

impl Counters {
    /// `count` counters at zero.
    pub fn new(count: u32) -> Result<Self> {
        #[repr(C)]
        struct Attributes {
            kind: u32,
            key_size: u32,
            value_size: u32,
            max_entries: u32,
        }
        raise_memlock();
        let mut attributes =
            Attributes { kind: PERCPU_ARRAY, key_size: 4, value_size: 8, max_entries: count };
        let fd = open(MAP_CREATE, &mut attributes)
            .context("the kernel makes no per-CPU array: run this as root")?;
        Ok(Self { fd })
    }

    /// The number programs know the map by while they are loaded.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    /// One counter, summed over all possible CPUs.
    pub fn total(&self, index: u32) -> Result<u64> {
        #[repr(C)]
        struct Attributes {
            map: u32,
            pad: u32,
            key: u64,
            value: u64,
            flags: u64,
        }
        let mut values = vec![0_u64; possible_cpus()?];
        let mut attributes = Attributes {
            map: self.number() as u32,
            pad: 0,
            key: (&raw const index) as u64,
            value: values.as_mut_ptr() as u64,
            flags: 0,
        };
        bpf(MAP_LOOKUP, &mut attributes).context("the kernel does not give a counter back")?;
        Ok(values.iter().sum())
    }
}

/// Loads `instructions` as a raw tracepoint program, and attaches it; both end with the descriptors.
pub fn attach(tracepoint: &CStr, instructions: &[Instruction]) -> Result<Attached> {
    #[repr(C)]
    struct Attributes {
        name: u64,
        program: u32,
        pad: u32,
    }
    let program = load(instructions).context("the kernel loads no program: run this as root")?;
    let mut attributes =
        Attributes { name: tracepoint.as_ptr() as u64, program: program.as_raw_fd() as u32, pad: 0 };
    let link = open(RAW_TRACEPOINT_OPEN, &mut attributes)
        .with_context(|| format!("cannot attach to {}", tracepoint.to_string_lossy()))?;
    Ok(Attached { _link: link, _program: program })
}

/// An attached program; the link is closed first.
#[derive(Debug)]
pub struct Attached {
    _link: OwnedFd,
    _program: OwnedFd,
}

fn load(instructions: &[Instruction]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        kind: u32,
        count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
        name: [u8; 16],
    }
    let mut attributes = Attributes {
        kind: RAW_TRACEPOINT,
        count: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: *b"baseline\0\0\0\0\0\0\0\0",
    };
    open(PROG_LOAD, &mut attributes)
}

/// As many values as a per-CPU map gives for one key, whether or not all CPUs are online.
pub fn possible_cpus() -> Result<usize> {
    const FILE: &str = "/sys/devices/system/cpu/possible";
    let text = std::fs::read_to_string(FILE).with_context(|| format!("cannot read {FILE}: mount sysfs"))?;
    last_of(&text).map(|last| last + 1).with_context(|| format!("{FILE} says `{}`", text.trim()))
}

/// The last CPU of a list such as `0-3,8`.
fn last_of(list: &str) -> Option<usize> {
    list.trim().rsplit([',', '-']).next()?.parse().ok()
}

/// Kernels before 5.11 charge maps to this limit; where it cannot be raised the map says so itself.
fn raise_memlock() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a valid pointer to a plain structure.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}

#[cfg(test)]
mod tests {
    use super::last_of;

    #[test]
    fn the_last_cpu_of_a_list_is_found() {
        for (list, last) in [("0\n", Some(0)), ("0-3", Some(3)), ("0-3,8", Some(8)), ("", None)] {
            assert_eq!(last_of(list), last, "{list}");
        }
    }
}
