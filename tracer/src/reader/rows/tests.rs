//! Rows of recordings: what is read, and what is refused.

use super::*;
use std::collections::BTreeMap;
use tracer_common::{CELLS_1, hdr};

const CELLS: usize = CELLS_1 + 1;

fn row() -> SeriesRow<CELLS> {
    SeriesRow {
        key: 0,
        ptraced: 0,
        untimed: 0,
        timed: 0,
        sum: 0,
        max: 0,
        not_min: 0,
        reasons: [0; 16],
        causes: [0; 8],
        errors: [0; 140],
        cells: [0; CELLS],
    }
}

#[test]
fn counters_wrap() {
    let mut old = row();
    old.cells[7] = u32::MAX - 1;
    let mut now = old;
    now.cells[7] = 3;
    assert_eq!(difference(&now, Some(&Kept::of(&old))).cells[&7], 5);
}

#[test]
fn what_is_kept_of_a_row_tells_every_change() {
    let mut seen = Seen::<CELLS>::NEVER;
    let mut now = row();
    (now.timed, now.cells[0], now.cells[9], now.cells[CELLS - 1]) = (6, 1, 2, 3);
    let gain = |seen: &mut Seen<CELLS>, row| seen.gain_of(&row).expect("a gain").cells;
    assert_eq!(gain(&mut seen, now), [(0, 1), (9, 2), (CELLS as u16 - 1, 3)].into());
    // One grows, one is emptied, one is new; the last stays.
    (now.cells[0], now.cells[8], now.cells[9]) = (5, 7, 0);
    assert_eq!(gain(&mut seen, now), [(0, 4), (8, 7), (9, -2)].into());
    assert_eq!(gain(&mut seen, now), BTreeMap::new());
}

#[test]
fn a_move_between_cpus_sums_to_nothing() {
    // Counted on CPU 0, taken back on CPU 1.
    let mut zero = row();
    (zero.cells[9], zero.sum, zero.timed) = (1, 150, 1);
    let mut one = row();
    (one.cells[9], one.sum, one.timed) = (u32::MAX, 0_u64.wrapping_sub(150), u64::MAX);
    let mut gain = difference(&zero, None);
    gain.add(&difference(&one, None));
    assert_eq!((gain.sum, gain.cells[&9]), (0, 0));
    let owed = gain.settle();
    assert!(gain.cells.is_empty() && owed.is_none());
}

#[test]
fn half_a_move_is_owed_and_never_negative() {
    let mut one = row();
    (one.cells[9], one.sum) = (u32::MAX, 0_u64.wrapping_sub(150));
    let mut gain = difference(&one, None);
    let owed = gain.settle().expect("a debt").negated();
    assert_eq!((gain.sum, gain.cells.len()), (0, 0));
    assert_eq!((owed.sum, owed.cells[&9]), (150, 1));
    assert_eq!(Gain::none().settle(), None);
}

#[test]
fn cells_of_two_digits_nest_in_those_of_one() {
    for cell in 0..=tracer_common::CELLS_2 {
        let (low, high) = (hdr::lowest::<{ hdr::BITS_2 }>(cell), hdr::highest::<{ hdr::BITS_2 }>(cell));
        assert_eq!(hdr::index::<{ hdr::BITS_1 }>(low), hdr::index::<{ hdr::BITS_1 }>(high));
        let mut fine = Gain::none();
        fine.cells.insert(cell as u16, 7);
        let coarse = fine.coarsened().cells;
        assert_eq!(coarse.get(&(hdr::index::<{ hdr::BITS_1 }>(low) as u16)), Some(&7));
    }
}

#[test]
fn the_head_ends_where_the_cells_begin() {
    assert_eq!(HEAD_WORDS * 8, std::mem::offset_of!(SeriesRow<CELLS>, cells));
}
