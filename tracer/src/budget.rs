//! How much memory the maps get when nobody says: a pure function of the machine.

use tracer_common::{
    CpuState, TaskRecord,
    layout::{RECORDS, SeriesRow1, SeriesRow2},
};

use crate::histogram::Precision;

/// At most this many bytes for each possible CPU.
pub const PER_CPU: u64 = 8 << 20;
/// At most this share of the available memory, in all.
const SHARE: u64 = 4;
/// Rows that a system-wide recording rarely exceeds.
pub const ROWS: u32 = 220;
/// Below this many rows of 2 digits, 1 digit is the better bargain.
const FEW: u32 = 100;
/// Fewer make no sense: what does not fit is said to be lost.
const LEAST: u32 = 40;

/// What the maps of a session are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Series of each CPU.
    pub rows: u32,
    /// Bucket layout.
    pub precision: Precision,
}

/// Rows and precision for `cpus` possible CPUs and `available` bytes of memory (0: not known). What was asked for is
/// given. `work`: every series has a second histogram, of its exit work.
#[must_use]
pub fn rows(
    cpus: u32,
    available: u64,
    work: bool,
    asked_rows: Option<u32>,
    asked_precision: Option<Precision>,
) -> Rows {
    let cpus = u64::from(cpus.max(1));
    let all = if available == 0 { cpus * PER_CPU } else { (available / SHARE).min(cpus * PER_CPU) };
    let fixed = cpus * size_of::<CpuState>() as u64 + (size_of::<TaskRecord>() * RECORDS) as u64;
    let left = all.saturating_sub(fixed) / cpus;
    let fit = |precision| {
        let row = match precision {
            Precision::One => size_of::<SeriesRow1>(),
            Precision::Two => size_of::<SeriesRow2>(),
        };
        let row = row as u64 * if work { 2 } else { 1 };
        u32::try_from(left / row).unwrap_or(ROWS).clamp(LEAST, ROWS)
    };
    let precision = asked_precision.unwrap_or_else(|| {
        let wanted = asked_rows.unwrap_or(FEW);
        if fit(Precision::Two) < wanted.min(FEW) { Precision::One } else { Precision::Two }
    });
    Rows { rows: asked_rows.unwrap_or_else(|| fit(precision)), precision }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn usual_machines_get_two_digits_under_eight_mebibytes_a_cpu() {
        for cpus in [1, 2, 4, 64, 256] {
            for work in [false, true] {
                let one = rows(cpus, 64 * GIB, work, None, None);
                assert_eq!(one.precision, Precision::Two);
                let row = size_of::<SeriesRow2>() as u64 * if work { 2 } else { 1 };
                let bytes = u64::from(one.rows) * row + size_of::<CpuState>() as u64;
                assert!(bytes + (4 << 20) / u64::from(cpus) <= PER_CPU || one.rows == LEAST, "{cpus} {work}");
            }
        }
        assert_eq!(rows(2, 64 * GIB, false, None, None).rows, ROWS);
    }

    #[test]
    fn many_cpus_and_little_memory_get_one_digit() {
        let one = rows(240, GIB / 2, true, None, None);
        assert_eq!((one.precision, one.rows), (Precision::One, 52));
    }

    #[test]
    fn what_is_asked_for_is_given() {
        let asked = rows(240, GIB / 2, true, Some(300), Some(Precision::Two));
        assert_eq!(asked, Rows { rows: 300, precision: Precision::Two });
        assert_eq!(rows(240, 0, false, None, None).precision, Precision::Two);
    }
}
