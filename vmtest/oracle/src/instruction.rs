//! The instructions that enter the kernel or leave it, by their bytes.

use vmtest::expect::Path;

/// What an instruction does that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// `syscall`: 64-bit, or the 32-bit fast entry when executed by 32-bit code.
    Syscall,
    /// `sysenter`: the other 32-bit fast entry.
    Sysenter,
    /// `int $0x80`.
    Int80,
    /// `sysretq`.
    Sysretq,
    /// `sysretl`.
    Sysretl,
    /// `iretq`, which also returns from the kernel to itself.
    Iretq,
    /// `eretu`.
    Eretu,
    /// `mov` to CR3: the last moment on the way out at which kernel memory is mapped, under page table isolation.
    MovCr3,
}

const ALL: [Instruction; 8] = [
    Instruction::Syscall,
    Instruction::Sysenter,
    Instruction::Int80,
    Instruction::Sysretq,
    Instruction::Sysretl,
    Instruction::Iretq,
    Instruction::Eretu,
    Instruction::MovCr3,
];

impl Instruction {
    /// Recognises one; most begin with other bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if let [0xf3, 0x0f, 0x01, 0xca, ..] = bytes {
            return Some(Self::Eretu);
        }
        let (rex, bytes) = match bytes {
            [rex @ 0x40..=0x4f, rest @ ..] => (*rex, rest),
            _ => (0, bytes),
        };
        let wide = rex & 8 != 0;
        match bytes {
            [0x0f, 0x05, ..] => Some(Self::Syscall),
            [0x0f, 0x34, ..] => Some(Self::Sysenter),
            [0xcd, 0x80, ..] => Some(Self::Int80),
            [0x0f, 0x07, ..] => Some(if wide { Self::Sysretq } else { Self::Sysretl }),
            [0xcf, ..] if wide => Some(Self::Iretq),
            [0x0f, 0x22, 0xd8..=0xdf, ..] => Some(Self::MovCr3),
            _ => None,
        }
    }

    /// The path it is named for, if it leaves the kernel.
    pub fn path(self) -> Option<Path> {
        match self {
            Self::Sysretq => Some(Path::Sysret),
            Self::Sysretl => Some(Path::Sysretl),
            Self::Iretq => Some(Path::Iret),
            Self::Eretu => Some(Path::Eretu),
            Self::Syscall | Self::Sysenter | Self::Int80 | Self::MovCr3 => None,
        }
    }

    /// One word for a callback: the instruction, and the address behind it, which is below 2^56 for user code.
    pub fn pack(self, next: u64) -> u64 {
        next << 8 | self as u64
    }

    /// The inverse of [`Instruction::pack`].
    pub fn unpack(word: u64) -> Option<(Self, u64)> {
        let instruction = ALL.into_iter().find(|one| *one as u64 == word & 0xff)?;
        Some((instruction, word >> 8))
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, Instruction};

    #[test]
    fn instructions_are_told_by_their_bytes() {
        let known: [(&[u8], Instruction); 11] = [
            (&[0x0f, 0x05], Instruction::Syscall),
            (&[0x48, 0x0f, 0x05], Instruction::Syscall),
            (&[0x0f, 0x34], Instruction::Sysenter),
            (&[0xcd, 0x80], Instruction::Int80),
            (&[0x48, 0x0f, 0x07], Instruction::Sysretq),
            (&[0x0f, 0x07], Instruction::Sysretl),
            (&[0x48, 0xcf], Instruction::Iretq),
            (&[0xf3, 0x0f, 0x01, 0xca], Instruction::Eretu),
            (&[0x0f, 0x22, 0xdf], Instruction::MovCr3),
            (&[0x0f, 0x22, 0xd8], Instruction::MovCr3),
            (&[0x41, 0x0f, 0x22, 0xdc], Instruction::MovCr3),
        ];
        for (bytes, want) in known {
            assert_eq!(Instruction::of(bytes), Some(want), "{bytes:x?}");
        }
        let others: [&[u8]; 7] =
            [&[], &[0x48], &[0x0f, 0x01], &[0xcf], &[0xcd, 0x81], &[0x0f, 0x22, 0xe0], &[0x0f, 0x20, 0xd8]];
        for bytes in others {
            assert_eq!(Instruction::of(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_callback_gets_back_what_was_packed() {
        for one in ALL {
            assert_eq!(Instruction::unpack(one.pack(0x7fff_ffff_f002)), Some((one, 0x7fff_ffff_f002)));
        }
        assert_eq!(Instruction::unpack(0xff), None);
        assert_eq!(ALL.iter().filter(|one| one.path().is_some()).count(), 4);
    }
}
