//! The few BPF instructions that the baseline programs are written in (`Documentation/bpf/standardization`).

/// One instruction, as the kernel takes it (`struct bpf_insn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    /// Destination in the low four bits, source in the high four.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// `BPF_PSEUDO_MAP_FD`: the immediate is a descriptor, which the kernel replaces by the map's address.
const MAP_BY_FD: u8 = 1;
/// Helper `bpf_map_lookup_elem`.
const LOOKUP: i32 = 1;
/// Helper `bpf_ktime_get_ns`.
const CLOCK: i32 = 5;
/// Frame pointer.
const FRAME: u8 = 10;

impl Instruction {
    const fn new(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Self {
        Self { code, registers: to | from << 4, offset, immediate }
    }

    /// `to = value`
    const fn set(to: u8, value: i32) -> Self {
        Self::new(0xb7, to, 0, 0, value)
    }

    /// `exit`
    const fn exit() -> Self {
        Self::new(0x95, 0, 0, 0, 0)
    }
}

/// `return 0`
#[must_use]
pub const fn empty() -> [Instruction; 2] {
    [Instruction::set(0, 0), Instruction::exit()]
}

/// Reads the clock, and `return 0`
#[must_use]
pub const fn clock() -> [Instruction; 3] {
    [Instruction::new(0x85, 0, 0, 0, CLOCK), Instruction::set(0, 0), Instruction::exit()]
}

/// Adds one to counter `index` of the map with descriptor `map`, atomically: whatever interrupts the program on its
/// CPU may run it again.
#[must_use]
pub const fn count(map: i32, index: i32) -> [Instruction; 11] {
    [
        // *(u32 *)(r10 - 4) = index; r2 = r10 - 4
        Instruction::new(0x62, FRAME, 0, -4, index),
        Instruction::new(0xbf, 2, FRAME, 0, 0),
        Instruction::new(0x07, 2, 0, 0, -4),
        // r1 = map, in two slots
        Instruction::new(0x18, 1, MAP_BY_FD, 0, map),
        Instruction::new(0, 0, 0, 0, 0),
        // r0 = bpf_map_lookup_elem(r1, r2); if r0 == 0 skip the next two
        Instruction::new(0x85, 0, 0, 0, LOOKUP),
        Instruction::new(0x15, 0, 0, 2, 0),
        // lock *(u64 *)(r0 + 0) += 1
        Instruction::set(1, 1),
        Instruction::new(0xdb, 0, 1, 0, 0),
        Instruction::set(0, 0),
        Instruction::exit(),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Instruction, count};

    #[test]
    fn an_instruction_has_eight_bytes_and_its_registers_in_one() {
        assert_eq!(size_of::<Instruction>(), 8);
        assert_eq!(count(7, 0)[1].registers, 0xa2);
        assert_eq!(count(7, 0)[3].immediate, 7);
    }
}
