//! The series: rows of counters and histogram cells, each CPU's own.

use tracer_common::{
    Cause, CpuState, Loss, Path, Reason, SeriesKey, SeriesRow,
    hdr::{self, BITS_1, BITS_2},
    layout::{ERROR_CELLS, ROW_USED, SeriesRow2},
    record::{Last, Return},
};

use super::{config, maps};

/// Adds a return to its series. `false` (and a loss) when all series are taken.
#[inline(always)]
pub fn add<const PLAIN: bool>(
    cpu: u32,
    state: *mut CpuState,
    last: Last,
    reasons: u32,
    latency: Option<u64>,
) -> bool {
    change::<PLAIN>(cpu, state, last, reasons, latency, 1)
}

/// Takes a return out of its series again. Another CPU may have counted it: the sum over CPUs is what counts.
#[inline(always)]
pub fn take(cpu: u32, state: *mut CpuState, last: Last, reasons: u32, latency: Option<u64>) {
    change::<false>(cpu, state, last, reasons, latency, -1);
}

#[inline(always)]
fn change<const PLAIN: bool>(
    cpu: u32,
    state: *mut CpuState,
    last: Last,
    reasons: u32,
    latency: Option<u64>,
    by: i32,
) -> bool {
    let one = Return::unpack(last, reasons);
    let Some(row) = row_of::<PLAIN>(cpu, state, one.key) else {
        maps::lose(state, Loss::SlotFull);
        return false;
    };
    if PLAIN || config::DIGITS.load() == 2 {
        let Some(row) = maps::ROWS_2.get_ptr_mut(row) else { return false };
        count::<BITS_2, _>(row, last, &one, latency, by);
    } else {
        let Some(row) = maps::ROWS_1.get_ptr_mut(row) else { return false };
        count::<BITS_1, _>(row, last, &one, latency, by);
    }
    true
}

/// Adds a SYSRET of a 64-bit call, with its latency if it was timed. `false` (and a loss) when all series are
/// taken.
#[inline(always)]
pub fn add_common<const PLAIN: bool>(cpu: u32, state: *mut CpuState, nr: u32, ns: Option<u64>) -> bool {
    // The key of a 64-bit call by SYSRET is its number: both other fields are 0.
    let Some(row) = row_of::<PLAIN>(cpu, state, SeriesKey(nr as u16)) else {
        maps::lose(state, Loss::SlotFull);
        return false;
    };
    if PLAIN || config::DIGITS.load() == 2 {
        let Some(row) = maps::ROWS_2.get_ptr_mut(row) else { return false };
        add_time::<BITS_2, _>(row, ns);
    } else {
        let Some(row) = maps::ROWS_1.get_ptr_mut(row) else { return false };
        add_time::<BITS_1, _>(row, ns);
    }
    true
}

/// Adds a committed return with its latency and exit work, in ns. `false` (and a loss) when all series are taken.
#[inline(always)]
pub fn commit(
    cpu: u32,
    state: *mut CpuState,
    last: Last,
    reasons: u32,
    latency: Option<u64>,
    work: Option<u64>,
) -> bool {
    let one = Return::unpack(last, reasons);
    let Some(row) = row_of::<false>(cpu, state, one.key) else {
        maps::lose(state, Loss::SlotFull);
        return false;
    };
    let work_row = row + config::WORK_ROWS.load();
    if config::DIGITS.load() == 2 {
        let Some(row) = maps::ROWS_2.get_ptr_mut(row) else { return false };
        count::<BITS_2, _>(row, last, &one, latency, 1);
        if config::WORK_ROWS.load() != 0
            && let (Some(ns), Some(row)) = (work, maps::ROWS_2.get_ptr_mut(work_row))
        {
            time::<BITS_2, _>(row, ns);
        }
    } else {
        let Some(row) = maps::ROWS_1.get_ptr_mut(row) else { return false };
        count::<BITS_1, _>(row, last, &one, latency, 1);
        if config::WORK_ROWS.load() != 0
            && let (Some(ns), Some(row)) = (work, maps::ROWS_1.get_ptr_mut(work_row))
        {
            time::<BITS_1, _>(row, ns);
        }
    }
    true
}

/// Adds a turnaround, in ns, to the histogram of the path that the thread returned by.
#[inline(always)]
pub fn add_turnaround(state: *mut CpuState, path: Path, ns: u64) {
    // SAFETY: this CPU's state; `from_bits` gives a number below the array's length.
    unsafe { time::<BITS_2, _>((&raw mut (*state).turnaround).cast::<SeriesRow2>().add(path as usize), ns) };
}

/// The row of a key on this CPU, taken on first use. Every CPU has its own table, so that no two race for a row.
#[inline(always)]
fn row_of<const PLAIN: bool>(cpu: u32, state: *mut CpuState, key: SeriesKey) -> Option<u32> {
    // SAFETY: the state is this CPU's; the index is masked to the table's length.
    unsafe {
        let slot = (&raw mut (*state).slots).cast::<u32>().add(key.0 as usize & (SeriesKey::COUNT - 1));
        let taken = *slot;
        if taken != 0 {
            return Some(taken - 1);
        }
        let series = (*state).series;
        if series >= config::MAX_SERIES.load() {
            return None;
        }
        let row = cpu * config::MAX_SERIES.load() + series;
        name_row::<PLAIN>(row, key)?;
        (*state).series = series + 1;
        *slot = row + 1;
        Some(row)
    }
}

#[inline(always)]
fn name_row<const PLAIN: bool>(row: u32, key: SeriesKey) -> Option<()> {
    let used = u32::from(key.0) | ROW_USED;
    // SAFETY: rows of this CPU.
    unsafe {
        if PLAIN || config::DIGITS.load() == 2 {
            (*maps::ROWS_2.get_ptr_mut(row)?).key = used;
        } else {
            (*maps::ROWS_1.get_ptr_mut(row)?).key = used;
        }
    }
    Some(())
}

/// `by` is 1 or -1; every counter wraps.
#[inline(always)]
fn count<const BITS: u32, const CELLS: usize>(
    row: *mut SeriesRow<CELLS>,
    last: Last,
    one: &Return,
    latency: Option<u64>,
    by: i32,
) {
    if by > 0 {
        add_time::<BITS, CELLS>(row, latency);
    } else {
        // SAFETY: a row of this CPU.
        unsafe {
            if let Some(ns) = latency {
                (*row).timed = (*row).timed.wrapping_sub(1);
                (*row).sum = (*row).sum.wrapping_sub(ns);
                bump::<CELLS>(row, hdr::index::<BITS>(ns), by as u32);
            } else {
                (*row).untimed = (*row).untimed.wrapping_sub(1);
            }
        }
    }
    if last.has_extras() || !one.reasons.is_empty() {
        extras(row, one, by as u32);
    }
}

/// Reasons, cause, error, tracer: nothing for the common return.
#[inline(always)]
fn extras<const CELLS: usize>(row: *mut SeriesRow<CELLS>, one: &Return, by: u32) {
    // SAFETY: a row of this CPU; constant or checked indices.
    unsafe {
        if one.ptraced {
            (*row).ptraced = (*row).ptraced.wrapping_add(by);
        }
        if one.error != 0 && (one.error as usize) < ERROR_CELLS {
            let cell = (&raw mut (*row).errors).cast::<u32>().add(one.error as usize);
            *cell = (*cell).wrapping_add(by);
        }
        if one.cause != Cause::None {
            let cell = (&raw mut (*row).causes).cast::<u32>().add(one.cause as usize & 7);
            *cell = (*cell).wrapping_add(by);
        }
        macro_rules! reasons {
            ($($reason:ident)*) => {$(
                if one.reasons.has(Reason::$reason) {
                    let cell = &raw mut (*row).reasons[Reason::$reason as usize];
                    *cell = (*cell).wrapping_add(by);
                }
            )*};
        }
        reasons!(CxNeIp R11NeFlags Cs Ss IpLimit Rf Tf ForkChild Int80 XenPv LandingPad);
    }
}

#[inline(always)]
fn add_time<const BITS: u32, const CELLS: usize>(row: *mut SeriesRow<CELLS>, latency: Option<u64>) {
    match latency {
        Some(ns) => time::<BITS, CELLS>(row, ns),
        // SAFETY: a row of this CPU.
        None => unsafe { (*row).untimed = (*row).untimed.wrapping_add(1) },
    }
}

#[inline(always)]
fn time<const BITS: u32, const CELLS: usize>(row: *mut SeriesRow<CELLS>, ns: u64) {
    // SAFETY: a row of this CPU.
    unsafe {
        (*row).timed = (*row).timed.wrapping_add(1);
        (*row).sum = (*row).sum.wrapping_add(ns);
        if ns > (*row).max {
            (*row).max = ns;
        }
        if !ns > (*row).not_min {
            (*row).not_min = !ns;
        }
    }
    bump::<CELLS>(row, hdr::index::<BITS>(ns), 1);
}

#[inline(always)]
fn bump<const CELLS: usize>(row: *mut SeriesRow<CELLS>, cell: usize, by: u32) {
    if cell < CELLS {
        // SAFETY: checked.
        unsafe {
            let cell = (&raw mut (*row).cells).cast::<u32>().add(cell);
            *cell = (*cell).wrapping_add(by);
        }
    }
}
