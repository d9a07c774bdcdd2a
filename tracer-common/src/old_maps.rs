//! What lies in the maps of the old-kernel object, and where. Plain arrays of BPF as it was in 4.9: no mmap, so the
//! reader looks up what is in use; no global data, so the configuration is a map too.

use core::hint::black_box;

use crate::{
    exit::ExitRules,
    handlers::{Diversion, State},
    hdr::CELLS_2,
    layout::{SeriesKey, SeriesRow},
    loss::{Loss, Untimed},
    verdict::Path,
};

/// Cells of a row: the 2-digit histogram, its overflow cell, and what makes a mask of the number enough for the
/// verifier.
pub const OLD_CELLS: usize = 4096;
const _: () = assert!(OLD_CELLS > CELLS_2);
/// A row of the old object.
pub type OldRow = SeriesRow<OLD_CELLS>;
/// Entries of the table of threads.
pub const THREADS: usize = 1 << 17;
/// Slots of a CPU in the table from series key to row.
pub const SLOTS: usize = SeriesKey::COUNT;
/// Turnaround rows of a CPU.
pub const TURNAROUNDS: usize = Path::COUNT;

/// The entry code that calls C with `pt_regs` at the stack pointer: how its symbols begin, and what it is the entry of
/// (`arch/x86/entry/entry_64.S`, `entry_64_compat.S`).
pub const ENTRIES: [(&str, u32); 6] = [
    ("entry_SYSCALL_64", State::SLOW64),
    ("entry_SYSENTER_compat", State::FAST32),
    ("entry_SYSCALL_compat", State::FAST32),
    ("entry_INT80_compat", State::INT80),
    // 6.7 and the stable kernels of its time.
    ("asm_int80_emulation", State::INT80),
    ("ret_from_fork", State::BORN),
];

/// What the loader says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OldConfig {
    /// The exit rules.
    pub ip_limit: u64,
    /// Their address bits.
    pub canonical_bits: u32,
    /// The kernel has the partial-frame fast path.
    pub partial: u32,
    /// Handlers are probed: their time is the call's.
    pub by_handler: u32,
    /// Returns are counted at the hook that every return passes.
    pub final_hook: u32,
    /// `pt_regs` at this distance below the stack's end, for the final hook.
    pub regs_below_top: u32,
    /// log2 of the size of kernel stacks, for the final hook.
    pub stack_bits: u32,
    /// Where the entry code calls from, as the word below `pt_regs` says: begin and end, in the order of
    /// [`ENTRIES`]. For the final hook.
    pub entries: [[u64; 2]; ENTRIES.len()],
    /// Rows of each CPU.
    pub max_series: u32,
    /// Measure turnaround.
    pub turnaround: u32,
    /// 0: all processes; 1: `tgid`; 2: the admission table.
    pub filter_tasks: u32,
    /// See `filter_tasks`.
    pub tgid: u32,
    /// Children of selected processes are selected.
    pub follow: u32,
    /// Compare `uid`.
    pub filter_uid: u32,
    /// Real user.
    pub uid: u32,
    /// Compare `comm`.
    pub filter_comm: u32,
    /// Process name.
    pub comm: [u64; 2],
    /// Only failed calls.
    pub failed: u32,
    /// `syscalls` selects.
    pub filter_syscalls: u32,
    /// `errors` selects.
    pub filter_errors: u32,
    /// Who may trigger a look into kernel memory.
    pub peek_tgid: u32,
    /// Where.
    pub peek_at: u64,
    /// Only calls of at least this many ns.
    pub min_latency: u64,
    /// A bit an error cell.
    pub errors: [u64; 4],
    /// A bit a call: 1024 for each ABI.
    pub syscalls: [u64; 64],
}

impl OldConfig {
    /// The exit rules: these kernels know no FRED, and Xen PV is refused.
    #[inline(always)]
    #[must_use]
    pub const fn rules(&self) -> ExitRules {
        ExitRules { ip_limit: self.ip_limit, canonical_bits: self.canonical_bits, fred: false, xenpv: false }
    }

    /// Which entry called from here, in [`State`]'s bits; 0 for none: an interrupt, an exception, a kernel thread.
    #[inline(always)]
    #[must_use]
    pub fn entered_by(&self, address: u64) -> u32 {
        let mut entry = 0;
        let mut at = 0;
        while at < ENTRIES.len() {
            let [from, to] = self.entries[at];
            if address >= from && address < to {
                entry = ENTRIES[at].1;
            }
            entry = black_box(entry);
            at += 1;
        }
        entry
    }
}

/// What a CPU counts besides its rows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct OldCounters {
    /// Losses, by the number of the [`Loss`].
    pub losses: [u64; 8],
    /// By the number of the [`Untimed`].
    pub untimed: [u64; 8],
    /// By the number of the [`Diversion`].
    pub diversions: [u64; 8],
    /// Series in use.
    pub series: u32,
    /// Unused.
    pub pad: u32,
}
const _: () = assert!(Loss::COUNT <= 8 && Untimed::COUNT <= 8 && Diversion::COUNT <= 8);

/// What a handler's address stands for, one word: its number in the 64-bit table and in the i386 one.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handles(pub u32);

impl Handles {
    const SHARED: u32 = 1 << 31;

    /// A function; `None` where the table has it nowhere. `shared`: several numbers of the 64-bit table lead to it.
    #[must_use]
    pub const fn new(x86_64: Option<u16>, i386: Option<u16>, shared: bool) -> Self {
        let low = match x86_64 {
            Some(nr) => nr as u32 & 1023 | 1 << 10,
            None => 0,
        };
        let high = match i386 {
            Some(nr) => (nr as u32 & 1023 | 1 << 10) << 11,
            None => 0,
        };
        Self(low | high | if shared { Self::SHARED } else { 0 })
    }

    /// Its number in the 64-bit table.
    #[inline(always)]
    #[must_use]
    pub const fn x86_64(self) -> Option<u16> {
        if self.0 >> 10 & 1 != 0 { Some((self.0 & 1023) as u16) } else { None }
    }

    /// Its number in the i386 table.
    #[inline(always)]
    #[must_use]
    pub const fn i386(self) -> Option<u16> {
        if self.0 >> 21 & 1 != 0 { Some((self.0 >> 11 & 1023) as u16) } else { None }
    }

    /// Whether several 64-bit numbers lead to it.
    #[inline(always)]
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 & Self::SHARED != 0
    }
}

#[cfg(feature = "user")]
mod pod {
    use super::{Handles, OldConfig, OldCounters};
    use crate::handlers::Thread;
    // SAFETY: repr(C), integers only, any bit pattern is a value.
    unsafe impl aya::Pod for OldConfig {}
    // SAFETY: as above.
    unsafe impl aya::Pod for OldCounters {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Handles {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Thread {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_no_holes_and_fit_the_limits() {
        // The loader copies these as bytes: padding would be uninitialised.
        assert_eq!(size_of::<OldConfig>(), 8 + 8 * 4 + 96 + 8 * 4 + 16 + 4 * 4 + 16 + 32 + 512 - 8);
        assert_eq!(size_of::<OldCounters>(), 200);
        assert_eq!(size_of::<OldRow>(), 17_088);
        assert_eq!(size_of::<crate::handlers::Thread>(), 64);
    }

    #[test]
    fn handles_round_trip() {
        for (x86_64, i386) in [(Some(0), None), (None, Some(1022)), (Some(1022), Some(0)), (None, None)] {
            for shared in [false, true] {
                let handles = Handles::new(x86_64, i386, shared);
                assert_eq!((handles.x86_64(), handles.i386(), handles.is_shared()), (x86_64, i386, shared));
            }
        }
    }
}
