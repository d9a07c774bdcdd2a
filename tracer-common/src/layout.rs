//! What lies in the maps, and where: shared memory between the programs and the reader.

use crate::{
    abi::{Abi, SyscallId},
    hdr::{CELLS_1, CELLS_2},
    loss::{Loss, Untimed},
    verdict::{Path, Reason},
};

/// The key of a series, 15 bits: number, ABI and path. It is also the index into [`CpuState::slots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey(pub u16);

impl SeriesKey {
    /// How many keys there are.
    pub const COUNT: usize = 1 << 15;

    /// The key of a call and a path.
    #[inline(always)]
    #[must_use]
    pub const fn new(call: SyscallId, path: Path) -> Self {
        Self(call.nr & 1023 | (call.abi as u16) << 10 | (path as u16) << 12)
    }

    /// The call of the series.
    #[inline(always)]
    #[must_use]
    pub const fn call(self) -> SyscallId {
        SyscallId { abi: Abi::from_bits(self.0 as u32 >> 10), nr: self.0 & 1023 }
    }

    /// The path of the series.
    #[inline(always)]
    #[must_use]
    pub const fn path(self) -> Path {
        Path::from_bits(self.0 as u32 >> 12)
    }

    /// The same call by another path.
    #[inline(always)]
    #[must_use]
    pub const fn with_path(self, path: Path) -> Self {
        Self::new(self.call(), path)
    }
}

/// Cells for errors: one for each errno up to 133 (`EHWPOISON`), the restart codes, and one for all others.
pub const ERROR_CELLS: usize = 140;
/// The cell of an error that no table knows.
pub const ERROR_OTHER: u8 = 139;
/// Stands for "no error" where a cell is stored.
pub const ERROR_NONE: u8 = 0;

/// The error cell of a return value; [`ERROR_NONE`] for success.
#[inline(always)]
#[must_use]
pub const fn error_cell(ret: i64) -> u8 {
    // The kernel's own test: IS_ERR_VALUE, MAX_ERRNO (include/linux/err.h).
    if ret >= 0 || ret < -4095 {
        return ERROR_NONE;
    }
    let errno = -ret as u64;
    if errno <= 133 {
        errno as u8
    } else if errno >= 512 && errno <= 516 {
        (errno - 512 + 134) as u8
    } else {
        ERROR_OTHER
    }
}

/// Whether a cell holds a code that never reaches user mode: [`crate::exit::is_restart`].
#[inline(always)]
#[must_use]
pub const fn is_restart_cell(cell: u8) -> bool {
    cell >= 134 && cell <= 138 && cell != 137
}

/// The errno of an error cell; `None` for [`ERROR_NONE`] and [`ERROR_OTHER`].
#[must_use]
pub const fn cell_errno(cell: u8) -> Option<u32> {
    match cell {
        1..=133 => Some(cell as u32),
        134..=138 => Some(cell as u32 - 134 + 512),
        _ => None,
    }
}

/// Set in [`SeriesRow::key`] once the row is in use.
pub const ROW_USED: u32 = 1 << 31;
/// Entries of the table of records: 4 MiB, without collisions up to 131,072 thread numbers in a row. It lies in
/// `.bss`, whose size is fixed, because an address that the program knows spares it a look-up.
pub const RECORDS: usize = 1 << 17;
/// Room for reasons and causes.
pub const REASON_CELLS: usize = 16;
/// Room for causes.
pub const CAUSE_CELLS: usize = 8;
const _: () = assert!(Reason::COUNT <= REASON_CELLS);

/// One series on one CPU. Every number only grows, except where a return is moved to its true path: then one
/// CPU's count may go below another's addition, so that only the wrapping sum over all CPUs means something.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SeriesRow<const CELLS: usize> {
    /// [`SeriesKey`] with [`ROW_USED`].
    pub key: u32,
    /// Returns while the task had a tracer: it may change the registers after `sys_exit`.
    pub ptraced: u32,
    /// Returns without a latency.
    pub untimed: u64,
    /// Returns in the histogram.
    pub timed: u64,
    /// Their latencies added up, in ns.
    pub sum: u64,
    /// The largest, in ns.
    pub max: u64,
    /// The smallest, in ns, with all bits inverted: zeroed memory is "none yet".
    pub not_min: u64,
    /// Failed tests, by the number of the [`Reason`].
    pub reasons: [u32; REASON_CELLS],
    /// Causes, by the number of the [`crate::Cause`].
    pub causes: [u32; CAUSE_CELLS],
    /// Errors, by [`error_cell`].
    pub errors: [u32; ERROR_CELLS],
    /// The histogram; the last cell takes what is above its range.
    pub cells: [u32; CELLS],
}

/// A row with 2 significant digits.
pub type SeriesRow2 = SeriesRow<{ CELLS_2 + 1 }>;
/// A row with 1 significant digit.
pub type SeriesRow1 = SeriesRow<{ CELLS_1 + 1 }>;

/// What a CPU keeps besides its rows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CpuState {
    /// Losses, by the number of the [`Loss`].
    pub losses: [u64; 8],
    /// Returns without latency and calls without return, by the number of the [`Untimed`].
    pub untimed: [u64; 8],
    /// Series in use.
    pub series: u32,
    /// Calls until the next sampled one.
    pub countdown: u32,
    /// Where programs without a record put a return between classifying and counting it.
    pub scratch: [u32; 2],
    /// The row of each key plus one, counted over all CPUs; 0 is none.
    pub slots: [u32; SeriesKey::COUNT],
    /// SYSRETs of 64-bit calls by number, counted by `--counts-only`: without a look-up of their rows.
    pub common: [u64; 1024],
    /// From a return by each path to the thread's next entry, always with 2 digits.
    pub turnaround: [SeriesRow2; Path::COUNT],
}
const _: () = assert!(Loss::COUNT <= 8 && Untimed::COUNT <= 8);

#[cfg(feature = "user")]
mod pod {
    use super::{CpuState, SeriesRow};
    use crate::record::TaskRecord;
    // SAFETY: repr(C), integers only, any bit pattern is a value.
    unsafe impl<const CELLS: usize> aya::Pod for SeriesRow<CELLS> {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CpuState {}
    // SAFETY: as above.
    unsafe impl aya::Pod for TaskRecord {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        let mut seen = std::collections::HashSet::new();
        for abi in Abi::ALL {
            for path in Path::ALL {
                for nr in 0..1024 {
                    let key = SeriesKey::new(SyscallId { abi, nr }, path);
                    assert!((key.0 as usize) < SeriesKey::COUNT);
                    assert_eq!((key.call(), key.path()), (SyscallId { abi, nr }, path));
                    assert!(seen.insert(key));
                }
            }
        }
    }

    #[test]
    fn error_cells_round_trip() {
        assert_eq!(error_cell(0), ERROR_NONE);
        assert_eq!(error_cell(1), ERROR_NONE);
        assert_eq!(error_cell(i64::MIN), ERROR_NONE);
        assert_eq!(error_cell(-4096), ERROR_NONE);
        assert_eq!(error_cell(-4095), ERROR_OTHER);
        for errno in (1..=133).chain(512..=516) {
            assert_eq!(is_restart_cell(error_cell(-errno)), crate::exit::is_restart(-errno));
            assert_eq!(cell_errno(error_cell(-errno)), Some(errno as u32));
        }
        for ret in -5000..5000 {
            assert!((error_cell(ret) as usize) < ERROR_CELLS);
        }
    }

    #[test]
    fn rows_are_as_large_as_the_documents_say() {
        assert_eq!(size_of::<SeriesRow2>(), 16_584);
        assert_eq!(size_of::<SeriesRow1>(), 2_888);
        assert_eq!(size_of::<CpuState>(), 238_912);
        assert_eq!(size_of::<crate::TaskRecord>(), 32);
    }
}
