//! The counters of rows, as growth since the last reading.

mod gain;

use std::ptr;

use tracer_common::{Reason, SeriesRow};

use super::mapping::Mapping;
pub use gain::Gain;

/// The last reading of a row.
pub struct Seen<const CELLS: usize>(Option<Box<Kept>>);

/// What is kept of a row: its head, and the cells that are not empty. A row takes 16 KiB, of which most calls use a tenth.
struct Kept {
    head: SeriesRow<0>,
    cells: Box<[(u16, u32)]>,
}

impl Kept {
    fn of<const CELLS: usize>(row: &SeriesRow<CELLS>) -> Self {
        let &SeriesRow { key, ptraced, untimed, timed, sum, max, not_min, reasons, causes, errors, .. } = row;
        let cells = (0_u16..).zip(row.cells.iter().copied()).filter(|&(_, count)| count != 0).collect();
        let none = [];
        let head = SeriesRow {
            key,
            ptraced,
            untimed,
            timed,
            sum,
            max,
            not_min,
            reasons,
            causes,
            errors,
            cells: none,
        };
        Self { head, cells }
    }
}

impl<const CELLS: usize> Seen<CELLS> {
    /// Not read yet.
    pub const NEVER: Self = Self(None);

    /// What the row gained since it was read last; `None` when nothing. Only a row whose head changed is read in
    /// full: every event changes the head.
    ///
    /// # Safety
    ///
    /// `row` points into a living mapping.
    pub unsafe fn gain(&mut self, row: *const SeriesRow<CELLS>) -> Option<Gain> {
        if let Some(seen) = &self.0 {
            let old = (&raw const seen.head).cast::<u64>();
            // SAFETY: a row begins with its head; both are 8-byte aligned.
            let same = (0..HEAD_WORDS).all(|word| unsafe {
                ptr::read_volatile(row.cast::<u64>().add(word)) == ptr::read(old.add(word))
            });
            if same {
                return None;
            }
        }
        // SAFETY: the caller's promise; a program may be writing: each word is whole, the words may be of
        // different moments.
        self.gain_of(&Box::new(unsafe { ptr::read_volatile(row) }))
    }

    /// The same with a copy of the row.
    pub fn gain_of(&mut self, now: &SeriesRow<CELLS>) -> Option<Gain> {
        if now.timed == 0 && now.untimed == 0 && self.0.is_none() {
            return None;
        }
        let gain = difference(now, self.0.as_deref());
        self.0 = Some(Box::new(Kept::of(now)));
        Some(gain)
    }
}

/// All rows of a map.
pub struct Rows<const CELLS: usize> {
    mapping: Mapping<SeriesRow<CELLS>>,
    seen: Vec<Seen<CELLS>>,
}

impl<const CELLS: usize> Rows<CELLS> {
    /// Nothing read yet.
    pub fn new(mapping: Mapping<SeriesRow<CELLS>>) -> Self {
        let seen = (0..mapping.len()).map(|_| Seen::NEVER).collect();
        Self { mapping, seen }
    }

    /// The key word of a row.
    #[must_use]
    pub fn key(&self, row: usize) -> u32 {
        // SAFETY: `at` checks the bounds.
        unsafe { ptr::read_volatile(&raw const (*self.mapping.at(row)).key) }
    }

    /// What a row gained since it was read last.
    pub fn gain(&mut self, row: usize) -> Option<Gain> {
        // SAFETY: `at` checks the bounds of our own mapping.
        unsafe { self.seen[row].gain(self.mapping.at(row)) }
    }
}

/// Words in front of the cells.
const HEAD_WORDS: usize = (size_of::<SeriesRow<0>>()) / 8;

/// Growth from one reading to the next. Counters wrap: 32 bits hold a minute's events and more.
fn difference<const CELLS: usize>(now: &SeriesRow<CELLS>, old: Option<&Kept>) -> Gain {
    let mut old_cells = old.map_or(&[][..], |old| &old.cells).iter().copied().peekable();
    let old = old.map(|old| &old.head);
    let small = |now: u32, old: Option<u32>| i64::from(now.wrapping_sub(old.unwrap_or(0)) as i32);
    let large = |now: u64, old: Option<u64>| now.wrapping_sub(old.unwrap_or(0)) as i64;
    let mut gain = Gain {
        untimed: large(now.untimed, old.map(|old| old.untimed)),
        sum: large(now.sum, old.map(|old| old.sum)),
        ptraced: small(now.ptraced, old.map(|old| old.ptraced)),
        min: if now.not_min == 0 { u64::MAX } else { !now.not_min },
        max: now.max,
        ..Gain::none()
    };
    for reason in 0..Reason::COUNT {
        gain.reasons[reason] = small(now.reasons[reason], old.map(|old| old.reasons[reason]));
    }
    for cause in 0..now.causes.len() {
        gain.causes[cause] = small(now.causes[cause], old.map(|old| old.causes[cause]));
    }
    for cell in 0..now.errors.len() {
        let count = small(now.errors[cell], old.map(|old| old.errors[cell]));
        if count != 0 {
            gain.errors.insert(cell as u8, count);
        }
    }
    for (cell, &count) in (0_u16..).zip(&now.cells) {
        let before = old_cells.next_if(|&(old, _)| old == cell).map(|(_, count)| count);
        let count = small(count, before);
        if count != 0 {
            gain.cells.insert(cell, count);
        }
    }
    gain
}

#[cfg(test)]
mod tests;
