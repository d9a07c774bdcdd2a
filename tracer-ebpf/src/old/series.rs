//! The series: rows of counters and histogram cells, each CPU's own. Without branches where there need not be any:
//! old verifiers walk every way there is.

use tracer_common::{
    Loss, Reason, SeriesKey,
    hdr::{self, BITS_2},
    layout::ROW_USED,
    old_maps::{OLD_CELLS, OldConfig, OldCounters, OldRow, SLOTS as SLOT_COUNT, TURNAROUNDS},
    record::Return,
};

use super::maps;

/// Adds a return to its series; with `by` -1 takes it out again. Another CPU may have counted it: the sum over CPUs
/// is what counts. `false` (and a loss) when all series are taken.
#[inline(always)]
pub fn change(
    config: &OldConfig,
    cpu: u32,
    counters: *mut OldCounters,
    one: &Return,
    latency: Option<u64>,
    by: i32,
) -> bool {
    let Some(row) = row_of(config, cpu, counters, one.key) else {
        maps::lose(counters, Loss::SlotFull);
        return false;
    };
    time(row, latency, by);
    let by = by as u32;
    let failed = if one.error == 0 { 0 } else { by };
    // SAFETY: a row of this CPU; masked indices. An error's is below 140 by its rule; 255 is still inside the row.
    unsafe {
        bump((&raw mut (*row).errors).cast(), one.error as usize, 255, failed);
        bump((&raw mut (*row).causes).cast(), one.cause as usize, 7, by);
        macro_rules! reasons {
            ($($reason:ident)*) => {$(
                let set = u32::from(one.reasons.0 >> Reason::$reason as u16 & 1);
                let cell = &raw mut (*row).reasons[Reason::$reason as usize];
                *cell = (*cell).wrapping_add(by.wrapping_mul(set));
            )*};
        }
        reasons!(CxNeIp R11NeFlags Cs Ss IpLimit Rf Tf ForkChild Int80 XenPv LandingPad);
    }
    true
}

/// Adds a turnaround, in ns, to the histogram of the path that the thread returned by.
#[inline(always)]
pub fn turnaround(cpu: u32, path: u32, ns: u64) {
    if let Some(row) = maps::TURNAROUND.get_ptr_mut(cpu * TURNAROUNDS as u32 + path) {
        time(row, Some(ns), 1);
    }
}

/// The row of a key on this CPU, taken on first use. Every CPU has its own table, so that no two race for a row.
#[inline(always)]
fn row_of(config: &OldConfig, cpu: u32, counters: *mut OldCounters, key: SeriesKey) -> Option<*mut OldRow> {
    let slot = maps::SLOTS.get_ptr_mut(cpu * SLOT_COUNT as u32 + u32::from(key.0))?;
    // SAFETY: slot and counters are this CPU's.
    unsafe {
        let taken = *slot;
        if taken != 0 {
            return maps::ROWS.get_ptr_mut(taken - 1);
        }
        let series = (*counters).series;
        if series >= config.max_series {
            return None;
        }
        let index = cpu * config.max_series + series;
        let row = maps::ROWS.get_ptr_mut(index)?;
        (*row).key = u32::from(key.0) | ROW_USED;
        (*counters).series = series + 1;
        *slot = index + 1;
        Some(row)
    }
}

/// Counts, and where there is a latency times, one return; every counter wraps.
#[inline(always)]
fn time(row: *mut OldRow, latency: Option<u64>, by: i32) {
    // SAFETY: a row of this CPU.
    unsafe {
        let Some(ns) = latency else {
            (*row).untimed = (*row).untimed.wrapping_add(i64::from(by) as u64);
            return;
        };
        (*row).timed = (*row).timed.wrapping_add(i64::from(by) as u64);
        (*row).sum = (*row).sum.wrapping_add(if by > 0 { ns } else { ns.wrapping_neg() });
        if by > 0 {
            if ns > (*row).max {
                (*row).max = ns;
            }
            if !ns > (*row).not_min {
                (*row).not_min = !ns;
            }
        }
        bump((&raw mut (*row).cells).cast(), hdr::index_straight::<BITS_2>(ns), OLD_CELLS - 1, by as u32);
    }
}

/// Adds to a cell. The index goes through memory and is masked right where it is used: old verifiers keep no bounds
/// of what is spilled, and so they also forget by which of the 32 ways a bucket's number came about.
///
/// # Safety
///
/// Every masked index lies inside the row.
#[inline(always)]
unsafe fn bump(cells: *mut u32, index: usize, mask: usize, by: u32) {
    let mut index = index;
    // SAFETY: the caller's promise.
    unsafe {
        let index = core::ptr::read_volatile(&raw mut index) & mask;
        let cell = cells.add(index);
        let before = core::ptr::read_volatile(cell);
        core::ptr::write_volatile(cell, before.wrapping_add(by));
    }
}
