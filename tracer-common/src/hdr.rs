//! HdrHistogram's bucket layout, lowest discernible value 1, computed without `clz` and without loops.
//!
//! A histogram of `B` sub-bucket bits keeps values below `2^B` exactly and every octave above in `2^(B-1)`
//! buckets. HdrHistogram chooses `B = 8` for 2 significant digits and `B = 5` for 1. Values up to
//! [`MAX_VALUE`] have a cell; what is above goes to one overflow cell behind the last.

/// Sub-bucket bits for 2 significant digits.
pub const BITS_2: u32 = 8;
/// Sub-bucket bits for 1 significant digit.
pub const BITS_1: u32 = 5;
/// Bits of the largest value with a cell of its own.
pub const VALUE_BITS: u32 = 37;
/// The largest value with a cell: 137 s in nanoseconds.
pub const MAX_VALUE: u64 = (1 << VALUE_BITS) - 1;
/// Cells of a 2-digit histogram without the overflow cell.
pub const CELLS_2: usize = cells(BITS_2);
/// Cells of a 1-digit histogram without the overflow cell.
pub const CELLS_1: usize = cells(BITS_1);

const fn cells(bits: u32) -> usize {
    ((VALUE_BITS - bits + 2) as usize) << (bits - 1)
}

/// The cell of a value; `cells` (the overflow cell) for values above [`MAX_VALUE`].
#[inline(always)]
#[must_use]
pub const fn index<const BITS: u32>(value: u64) -> usize {
    // Most calls are short: the exact range first.
    if value >> BITS == 0 {
        return value as usize;
    }
    if value > MAX_VALUE {
        return cells(BITS);
    }
    let shift = floor_log2(value >> BITS) + 1;
    ((shift << (BITS - 1)) as u64 + (value >> shift)) as usize
}

/// The same without branches, for verifiers that walk every way through a program and know none of these twice.
#[inline(always)]
#[must_use]
pub const fn index_straight<const BITS: u32>(value: u64) -> usize {
    // What lies above has the shift that leads to the overflow cell.
    let value = if value > MAX_VALUE { MAX_VALUE + 1 } else { value };
    let shift = bit_length(value >> BITS);
    ((shift << (BITS - 1)) as u64 + (value >> shift)) as usize
}

/// How many bits a value below `2^32` has, 0 for 0.
#[inline(always)]
const fn bit_length(value: u64) -> u32 {
    let value = value | value >> 1;
    let value = value | value >> 2;
    let value = value | value >> 4;
    let value = value | value >> 8;
    let value = value | value >> 16;
    value.count_ones()
}

/// The smallest value of a cell.
#[must_use]
pub const fn lowest<const BITS: u32>(index: usize) -> u64 {
    let half = 1_u64 << (BITS - 1);
    let index = index as u64;
    if index < 2 * half {
        return index;
    }
    let shift = index / half - 1;
    (index - shift * half) << shift
}

/// The largest value of a cell; `u64::MAX` for the overflow cell.
#[must_use]
pub const fn highest<const BITS: u32>(index: usize) -> u64 {
    if index >= cells(BITS) { u64::MAX } else { lowest::<BITS>(index + 1) - 1 }
}

/// The position of the highest bit, by halving: BPF has no `clz`, and LLVM's expansion of it is longer.
/// `value` is not 0 and below `2^32`.
#[inline(always)]
const fn floor_log2(value: u64) -> u32 {
    let mut value = value;
    let mut log = 0;
    if value >= 1 << 16 {
        value >>= 16;
        log += 16;
    }
    if value >= 1 << 8 {
        value >>= 8;
        log += 8;
    }
    if value >= 1 << 4 {
        value >>= 4;
        log += 4;
    }
    if value >= 1 << 2 {
        value >>= 2;
        log += 2;
    }
    if value >= 2 {
        log += 1;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    fn reference(digits: u8) -> Histogram<u64> {
        Histogram::new_with_bounds(1, MAX_VALUE, digits).unwrap()
    }

    fn agrees<const BITS: u32>(reference: &Histogram<u64>, value: u64) {
        let cell = index::<BITS>(value);
        assert!(cell < cells(BITS), "{value} has no cell");
        assert_eq!(index_straight::<BITS>(value), cell, "{value}");
        assert_eq!(lowest::<BITS>(cell), reference.lowest_equivalent(value), "lowest of {value}");
        assert_eq!(highest::<BITS>(cell), reference.highest_equivalent(value), "highest of {value}");
    }

    #[test]
    fn cells_cover_what_is_promised() {
        assert_eq!((CELLS_2, CELLS_1), (3968, 544));
        const { assert!(MAX_VALUE >= 1 << 36) };
        assert_eq!(index::<BITS_2>(MAX_VALUE), CELLS_2 - 1);
        assert_eq!(index::<BITS_1>(MAX_VALUE), CELLS_1 - 1);
        assert_eq!(index::<BITS_2>(MAX_VALUE + 1), CELLS_2);
        assert_eq!(index::<BITS_1>(u64::MAX), CELLS_1);
        assert_eq!(index_straight::<BITS_2>(MAX_VALUE + 1), CELLS_2);
        assert_eq!(index_straight::<BITS_1>(u64::MAX), CELLS_1);
    }

    #[test]
    fn the_crate_has_the_same_number_of_cells() {
        // 2^37 - 1 is the last value that both layouts keep without resizing.
        assert_eq!(reference(2).distinct_values(), CELLS_2);
        assert_eq!(reference(1).distinct_values(), CELLS_1);
    }

    #[test]
    fn every_cell_edge_agrees_with_the_crate() {
        let (two, one) = (reference(2), reference(1));
        for cell in 0..CELLS_2 {
            agrees::<BITS_2>(&two, lowest::<BITS_2>(cell));
            agrees::<BITS_2>(&two, highest::<BITS_2>(cell));
            assert_eq!(index::<BITS_2>(lowest::<BITS_2>(cell)), cell);
            assert_eq!(index::<BITS_2>(highest::<BITS_2>(cell)), cell);
        }
        for cell in 0..CELLS_1 {
            agrees::<BITS_1>(&one, lowest::<BITS_1>(cell));
            agrees::<BITS_1>(&one, highest::<BITS_1>(cell));
        }
    }

    #[test]
    fn every_small_value_agrees_with_the_crate() {
        let (two, one) = (reference(2), reference(1));
        for value in 0..1_u64 << 20 {
            agrees::<BITS_2>(&two, value);
            agrees::<BITS_1>(&one, value);
        }
    }

    proptest! {
        #[test]
        fn any_value_agrees_with_the_crate(value in 0..=MAX_VALUE) {
            agrees::<BITS_2>(&reference(2), value);
            agrees::<BITS_1>(&reference(1), value);
        }

        #[test]
        fn index_is_total_and_monotonic(a: u64, b: u64) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(index::<BITS_2>(low) <= index::<BITS_2>(high));
            prop_assert!(index::<BITS_2>(high) <= CELLS_2);
        }

        #[test]
        fn resolution_is_what_the_digits_promise(value in 1..=MAX_VALUE) {
            let width = |low: u64, high: u64| high - low;
            let two = index::<BITS_2>(value);
            prop_assert!(width(lowest::<BITS_2>(two), highest::<BITS_2>(two)) * 100 <= value);
            let one = index::<BITS_1>(value);
            prop_assert!(width(lowest::<BITS_1>(one), highest::<BITS_1>(one)) * 10 <= value);
        }
    }
}
