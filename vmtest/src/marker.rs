//! Marker system calls: how a guest speaks to the oracle that watches it from below.
//!
//! Their numbers are unassigned, so the kernel answers `ENOSYS` and nothing else happens, on any machine. The oracle
//! sees the instruction with its registers: the number in RAX, the arguments in RDI and RSI, [`MAGIC`] in RDX.

use crate::sys;

/// The first marker's number. Small enough that tracers give each a series of its own: larger ones share one, which
/// some cases count.
pub const FIRST: i64 = 1010;
/// What tells a marker from a call that happens to have its number.
pub const MAGIC: u64 = 0x0ec5_17a7_c0de_5eed;

/// What a guest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// The first argument is the address, relative to a CPU's own area, of the pointer to its current task.
    Layout,
    /// The caller's thread number and process number, which must differ: the oracle looks for the pair in memory.
    Identity,
    /// The second argument is the thread number of the task that forked the caller (whose own number is the first).
    Child,
    /// The caller's process is the root of a case: it, and every process made after it (unless the argument is 1), is
    /// counted from its exec on.
    Begin,
    /// The case that the argument names is over; 0 names none: what was counted so far is forgotten.
    Dump,
}

const ALL: [Marker; 5] = [Marker::Layout, Marker::Identity, Marker::Child, Marker::Begin, Marker::Dump];

impl Marker {
    /// The system call number.
    #[must_use]
    pub const fn number(self) -> i64 {
        FIRST + self as i64
    }

    /// The marker with this number and third argument.
    #[must_use]
    pub fn of(number: i64, third: u64) -> Option<Self> {
        ALL.into_iter().find(|marker| marker.number() == number && third == MAGIC)
    }

    /// Says it; the kernel's answer means nothing.
    pub fn say(self, first: usize, second: usize) {
        // SAFETY: the kernel has no such call, and touches nothing.
        let _ = unsafe { sys::syscall(self.number(), [first, second, MAGIC as usize, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, MAGIC, Marker};
    use crate::sys;

    #[test]
    fn markers_have_numbers_that_no_kernel_answers() {
        for marker in ALL {
            assert_eq!(Marker::of(marker.number(), MAGIC), Some(marker));
            assert_eq!(Marker::of(marker.number(), 0), None);
            assert!(
                (1001..1023).contains(&marker.number()),
                "unassigned, not a case's, with a series of its own"
            );
            assert_eq!(sys::plain(marker.number(), 0, 0), -i64::from(libc::ENOSYS));
        }
        assert_eq!(Marker::of(110, MAGIC), None);
    }
}
