//! Cycles and instructions of this thread, user and kernel, where the processor's counters can be had.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

/// A group of two counters.
pub struct Counters {
    leader: File,
    _instructions: OwnedFd,
}

/// What they showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Core cycles.
    pub cycles: u64,
    /// Instructions.
    pub instructions: u64,
}

const PERF_TYPE_HARDWARE: u32 = 0;
const CYCLES: u64 = 0;
const INSTRUCTIONS: u64 = 1;
/// `PERF_FORMAT_GROUP`, and the times that tell whether others shared the counters.
const FORMAT: u64 = 1 << 3 | 1 | 1 << 1;
/// `exclude_hv`: a hypervisor's cycles are none of this kernel's.
const EXCLUDE_HV: u64 = 1 << 6;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
/// `PERF_ATTR_SIZE_VER0`: every kernel knows these.
const SIZE: usize = 64;

/// The first fields of `struct perf_event_attr`.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    rest: [u64; 2],
}
const _: () = assert!(size_of::<Attributes>() == SIZE);

impl Counters {
    /// Opens both, running; why there are none.
    pub fn open() -> Result<Self, String> {
        let leader = open(CYCLES, -1).map_err(|error| why(&error))?;
        let instructions = open(INSTRUCTIONS, leader.as_raw_fd()).map_err(|error| why(&error))?;
        Ok(Self { leader: File::from(leader), _instructions: instructions })
    }

    /// What they show now; `None` where they were not counting all the time.
    pub fn read(&mut self) -> Option<Count> {
        let mut bytes = [0; 40];
        self.leader.read_exact(&mut bytes).ok()?;
        let word = |at: usize| bytes[at * 8..][..8].try_into().map(u64::from_ne_bytes).ok();
        let (two, enabled, running) = (word(0)?, word(1)?, word(2)?);
        (two == 2 && enabled == running).then_some(Count { cycles: word(3)?, instructions: word(4)? })
    }
}

fn open(config: u64, group: i32) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: PERF_TYPE_HARDWARE,
        size: SIZE as u32,
        config,
        read_format: FORMAT,
        flags: EXCLUDE_HV,
        ..Attributes::default()
    };
    // SAFETY: the attributes live through the call; this thread, any CPU.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            0_i32,
            -1_i32,
            group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor of ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

fn why(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP | libc::ENOSYS) => {
            "no hardware counters here".to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => {
            "not allowed to count the kernel's cycles (kernel.perf_event_paranoid, or CAP_PERFMON)".to_owned()
        }
        _ => format!("no hardware counters: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_count_or_say_why_not() {
        match Counters::open() {
            Ok(mut counters) => {
                if let (Some(first), Some(second)) = (counters.read(), counters.read()) {
                    assert!(second.cycles > first.cycles && second.instructions > first.instructions);
                }
            }
            Err(why) => assert!(why.contains("counters") || why.contains("cycles"), "{why}"),
        }
    }

    #[test]
    fn reasons_tell_absence_from_refusal() {
        let said = |code| why(&io::Error::from_raw_os_error(code));
        assert_eq!(said(libc::ENOENT), "no hardware counters here");
        assert!(said(libc::EACCES).contains("not allowed"));
        assert!(said(libc::EMFILE).contains("Too many open files"));
    }
}
