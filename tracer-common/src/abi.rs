//! The three system-call ABIs of an `x86_64` kernel, and how a call's ABI and number are read at its entry.

/// Which table a system-call number belongs to.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Abi {
    /// 64-bit `syscall`.
    X86_64 = 0,
    /// 64-bit `syscall` with bit 30 of the number set.
    X32 = 1,
    /// `int $0x80`, `sysenter` and 32-bit `syscall` (the kernel sets `TS_COMPAT`).
    I386 = 2,
}

/// Numbers are kept in ten bits; the last one stands for every number that no table can have.
pub const NR_INVALID: u16 = 1023;

/// Bit 30 of a number: `__X32_SYSCALL_BIT` (arch/x86/include/uapi/asm/unistd.h).
const X32_BIT: u32 = 0x4000_0000;

impl Abi {
    /// All ABIs, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::X86_64, Self::X32, Self::I386];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::X32 => "x32",
            Self::I386 => "i386",
        }
    }

    /// The ABI with this number; the unused fourth value reads as `X86_64`.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            1 => Self::X32,
            2 => Self::I386,
            _ => Self::X86_64,
        }
    }
}

/// A system call: ABI and number, `nr` below 1024 and [`NR_INVALID`] for whatever no table can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyscallId {
    /// The table.
    pub abi: Abi,
    /// The number in that table (x32 without bit 30).
    pub nr: u16,
}

impl SyscallId {
    /// Reads a call from `TS_COMPAT` and the number that `sys_enter` or `orig_ax` gives.
    ///
    /// The ABI holds for the call's entry: `execve` may change the task's ABI before `sys_exit`, while
    /// `orig_ax` still carries the old table's number (`EXIT_PATHS` section 6).
    #[inline(always)]
    #[must_use]
    pub const fn decode(compat: bool, id: i64) -> Self {
        // Both sides of the entry code hold the number in 32 bits (do_syscall_64: `int nr`).
        let nr = id as u32;
        if compat {
            return Self { abi: Abi::I386, nr: in_table(nr) };
        }
        if nr < NR_INVALID as u32 {
            return Self { abi: Abi::X86_64, nr: nr as u16 };
        }
        if nr & X32_BIT != 0 && (nr as i32) > 0 {
            return Self { abi: Abi::X32, nr: in_table(nr & !X32_BIT) };
        }
        Self { abi: Abi::X86_64, nr: NR_INVALID }
    }

    /// Reads a call at its exit, when its entry was not seen. `orig_ax` is -1 after `rt_sigreturn` (`restore_sigcontext`)
    /// and in a call with that number, which nobody makes and which fails with ENOSYS.
    #[inline(always)]
    #[must_use]
    pub const fn decode_exit(compat: bool, orig_ax: i64, ret: i64) -> Self {
        if orig_ax as u32 == u32::MAX && ret != -38 {
            return if compat { Self { abi: Abi::I386, nr: 173 } } else { Self { abi: Abi::X86_64, nr: 15 } };
        }
        Self::decode(compat, orig_ax)
    }

    /// Calls that never return: no record is armed for them.
    #[inline(always)]
    #[must_use]
    pub const fn never_returns(self) -> bool {
        match self.abi {
            Abi::X86_64 | Abi::X32 => self.nr == 60 || self.nr == 231,
            Abi::I386 => self.nr == 1 || self.nr == 252,
        }
    }

    /// `rt_sigreturn` and i386's `sigreturn`: they set `orig_ax` to -1 (`restore_sigcontext`), so that
    /// `sys_exit` no longer names them.
    #[inline(always)]
    #[must_use]
    pub const fn is_sigreturn(self) -> bool {
        match self.abi {
            Abi::X86_64 => self.nr == 15,
            Abi::X32 => self.nr == 513,
            Abi::I386 => self.nr == 119 || self.nr == 173,
        }
    }

    /// `execve` and `execveat`.
    #[inline(always)]
    #[must_use]
    pub const fn is_exec(self) -> bool {
        match self.abi {
            Abi::X86_64 => self.nr == 59 || self.nr == 322,
            Abi::X32 => self.nr == 520 || self.nr == 545,
            Abi::I386 => self.nr == 11 || self.nr == 358,
        }
    }

    /// `fork`, `vfork`, `clone`, `clone3`: a return of 0 is the child's.
    #[inline(always)]
    #[must_use]
    pub const fn is_fork(self) -> bool {
        match self.abi {
            Abi::X86_64 | Abi::X32 => matches!(self.nr, 56 | 57 | 58 | 435),
            Abi::I386 => matches!(self.nr, 2 | 120 | 190 | 435),
        }
    }
}

#[inline(always)]
const fn in_table(nr: u32) -> u16 {
    if nr < NR_INVALID as u32 { nr as u16 } else { NR_INVALID }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_decode_by_table() {
        let cases = [
            (false, 0, Abi::X86_64, 0),
            (false, 110, Abi::X86_64, 110),
            (false, 1022, Abi::X86_64, 1022),
            (false, 1023, Abi::X86_64, NR_INVALID),
            (false, -1, Abi::X86_64, NR_INVALID),
            (false, 0x4000_0000, Abi::X32, 0),
            (false, 0x4000_0000 + 520, Abi::X32, 520),
            (false, 0x4000_0000 + 5000, Abi::X32, NR_INVALID),
            (false, 0x8000_0000, Abi::X86_64, NR_INVALID),
            (false, 0xffff_ffff, Abi::X86_64, NR_INVALID),
            (true, 64, Abi::I386, 64),
            (true, -1, Abi::I386, NR_INVALID),
            (true, 0x4000_0001, Abi::I386, NR_INVALID),
        ];
        for (compat, id, abi, nr) in cases {
            assert_eq!(SyscallId::decode(compat, id), SyscallId { abi, nr }, "{compat} {id:#x}");
        }
    }

    #[test]
    fn decoding_is_total_and_in_range() {
        proptest::proptest!(|(compat: bool, id: i64)| {
            proptest::prop_assert!(SyscallId::decode(compat, id).nr <= NR_INVALID);
        });
    }

    #[test]
    fn an_exit_without_number_is_a_return_from_a_handler() {
        assert!(SyscallId::decode_exit(false, -1, 5).is_sigreturn());
        assert!(SyscallId::decode_exit(true, -1, 0).is_sigreturn());
        assert_eq!(SyscallId::decode_exit(false, -1, -38).nr, NR_INVALID);
        assert_eq!(SyscallId::decode_exit(false, 39, 5), SyscallId::decode(false, 39));
    }

    #[test]
    fn abi_bits_round_trip() {
        for abi in Abi::ALL {
            assert_eq!(Abi::from_bits(abi as u32), abi);
        }
    }
}
