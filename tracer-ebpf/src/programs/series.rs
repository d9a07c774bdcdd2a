//! The series: rows of counters and histogram cells, each CPU's own.

use tracer_common::{
    Cause, CpuState, Loss, Path, Reason, SeriesKey, SeriesRow,
    hdr::{self, BITS_1, BITS_2},
    layout::{ERROR_CELLS, ROW_USED, TURNAROUND_ROWS},
    record::Return,
};

use super::{config, maps};

/// Adds a return to its series. `false` (and a loss) when all series are taken.
#[inline(always)]
pub fn add(cpu: u32, state: *mut CpuState, one: &Return, latency: Option<u64>) -> bool {
    let Some(row) = row_of(cpu, state, one.key) else {
        maps::lose(state, Loss::SlotFull);
        return false;
    };
    if config::DIGITS.load() == 2 {
        let Some(row) = maps::ROWS_2.get_ptr_mut(row) else { return false };
        add_to::<BITS_2, _>(row, one, latency);
    } else {
        let Some(row) = maps::ROWS_1.get_ptr_mut(row) else { return false };
        add_to::<BITS_1, _>(row, one, latency);
    }
    true
}

/// Takes a return out of its series again. Another CPU may have counted it: the sum over CPUs is what counts.
#[inline(always)]
pub fn take(cpu: u32, state: *mut CpuState, one: &Return, latency: Option<u64>) {
    let Some(row) = row_of(cpu, state, one.key) else {
        maps::lose(state, Loss::SlotFull);
        return;
    };
    if config::DIGITS.load() == 2 {
        if let Some(row) = maps::ROWS_2.get_ptr_mut(row) {
            take_from::<BITS_2, _>(row, one, latency);
        }
    } else if let Some(row) = maps::ROWS_1.get_ptr_mut(row) {
        take_from::<BITS_1, _>(row, one, latency);
    }
}

/// Adds a turnaround, in ns, to the histogram of the path that the thread returned by.
#[inline(always)]
pub fn add_turnaround(cpu: u32, path: Path, ns: u64) {
    let row = cpu * config::ROWS.load() + path as u32;
    if config::DIGITS.load() == 2 {
        if let Some(row) = maps::ROWS_2.get_ptr_mut(row) {
            time::<BITS_2, _>(row, ns);
        }
    } else if let Some(row) = maps::ROWS_1.get_ptr_mut(row) {
        time::<BITS_1, _>(row, ns);
    }
}

/// The row of a key on this CPU, taken on first use. Every CPU has its own table, so that no two race for a row.
#[inline(always)]
fn row_of(cpu: u32, state: *mut CpuState, key: SeriesKey) -> Option<u32> {
    // SAFETY: the state is this CPU's; the index is masked to the table's length.
    unsafe {
        let slot = (&raw mut (*state).slots).cast::<u16>().add(key.0 as usize & (SeriesKey::COUNT - 1));
        let mut taken = u32::from(*slot);
        if taken == 0 {
            taken = (*state).series + 1;
            if taken > config::MAX_SERIES.load() {
                return None;
            }
            let row = cpu * config::ROWS.load() + TURNAROUND_ROWS + taken - 1;
            name_row(row, key)?;
            (*state).series = taken;
            *slot = taken as u16;
        }
        Some(cpu * config::ROWS.load() + TURNAROUND_ROWS + taken - 1)
    }
}

#[inline(always)]
fn name_row(row: u32, key: SeriesKey) -> Option<()> {
    let used = u32::from(key.0) | ROW_USED;
    // SAFETY: rows of this CPU.
    unsafe {
        if config::DIGITS.load() == 2 {
            (*maps::ROWS_2.get_ptr_mut(row)?).key = used;
        } else {
            (*maps::ROWS_1.get_ptr_mut(row)?).key = used;
        }
    }
    Some(())
}

#[inline(always)]
fn add_to<const BITS: u32, const CELLS: usize>(
    row: *mut SeriesRow<CELLS>,
    one: &Return,
    latency: Option<u64>,
) {
    // SAFETY: a row of this CPU.
    unsafe {
        match latency {
            Some(ns) => time::<BITS, CELLS>(row, ns),
            None => (*row).untimed = (*row).untimed.wrapping_add(1),
        }
        if one.ptraced {
            (*row).ptraced = (*row).ptraced.wrapping_add(1);
        }
    }
    extras(row, one, 1);
}

#[inline(always)]
fn take_from<const BITS: u32, const CELLS: usize>(
    row: *mut SeriesRow<CELLS>,
    one: &Return,
    latency: Option<u64>,
) {
    // SAFETY: a row of this CPU; every counter wraps.
    unsafe {
        match latency {
            Some(ns) => {
                (*row).timed = (*row).timed.wrapping_sub(1);
                (*row).sum = (*row).sum.wrapping_sub(ns);
                bump::<CELLS>(row, hdr::index::<BITS>(ns), u32::MAX);
            }
            None => (*row).untimed = (*row).untimed.wrapping_sub(1),
        }
        if one.ptraced {
            (*row).ptraced = (*row).ptraced.wrapping_sub(1);
        }
    }
    extras(row, one, u32::MAX);
}

/// Reasons, cause and error: nothing for the common return.
#[inline(always)]
fn extras<const CELLS: usize>(row: *mut SeriesRow<CELLS>, one: &Return, by: u32) {
    // SAFETY: a row of this CPU; constant or checked indices.
    unsafe {
        if one.error != 0 && (one.error as usize) < ERROR_CELLS {
            let cell = (&raw mut (*row).errors).cast::<u32>().add(one.error as usize);
            *cell = (*cell).wrapping_add(by);
        }
        if one.cause != Cause::None {
            let cell = (&raw mut (*row).causes).cast::<u32>().add(one.cause as usize & 7);
            *cell = (*cell).wrapping_add(by);
        }
        if one.reasons.is_empty() {
            return;
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
