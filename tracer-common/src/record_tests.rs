//! Records, calls and packed returns.

use super::*;
use crate::{
    layout::SeriesKey,
    verdict::{Path, Reasons},
};
use proptest::prelude::*;

#[test]
fn a_table_as_large_as_pid_max_has_no_collisions() {
    let mask = (1 << 15) - 1;
    let mut seen = vec![false; 1 << 15];
    for tid in 0..1 << 15 {
        assert!(!std::mem::replace(&mut seen[TaskRecord::slot(tid, mask) as usize], true));
    }
}

#[test]
fn neighbouring_threads_lie_on_different_lines() {
    for tid in 1..5000 {
        let line = |tid| TaskRecord::slot(tid, (1 << 17) - 1) / 2;
        assert_ne!(line(tid), line(tid + 1));
        assert_ne!(line(tid), line(tid + 2));
    }
}

#[test]
fn the_common_call_and_return() {
    for nr in 0..1024 {
        let id = SyscallId { abi: Abi::X86_64, nr };
        let returns = nr != NR_INVALID && !id.never_returns();
        let entered = returns.then_some(Call::entered(id, false, true));
        assert_eq!(Call::common(u64::from(nr)), entered);
        assert_eq!(Call::common(u64::from(nr) | 0x4000_0000), None);
        assert!(Call::entered(id, false, true).is_common(false));
        assert!(!Call::entered(id, false, false).is_common(false));
        assert!(Call::entered(id, false, false).is_common(true));
        assert!(!Call::entered(SyscallId { abi: Abi::X32, ..id }, false, true).is_common(true));
        assert!(!Call::unpaired(id, true).is_common(true));
        let plain = Return {
            key: SeriesKey::new(id, Path::Sysret),
            reasons: Reasons::NONE,
            cause: Cause::None,
            error: 0,
            timed: true,
            ptraced: false,
        };
        assert_eq!(Last::common(u32::from(nr), true), plain.pack());
        assert_eq!(Last::common(u32::from(nr), false), Return { timed: false, ..plain }.pack());
    }
}

proptest! {
    #[test]
    fn returns_round_trip(
        nr in 0_u16..1024, abi in 0_usize..3, path in 0_usize..6, reasons in 0_u16..2048,
        cause in 0_u32..8, error in 0_u8..140, timed: bool, ptraced: bool, restart: bool
    ) {
        let call = SyscallId { abi: Abi::ALL[abi], nr };
        let key = SeriesKey::new(call, Path::ALL[path]);
        let one =
            Return { key, reasons: Reasons(reasons), cause: Cause::from_bits(cause), error, timed, ptraced };
        let last = one.pack().with_restart32(restart);
        prop_assert!(last.is_counted());
        prop_assert_eq!(last.restarts_by_int80(), restart);
        prop_assert_eq!(Return::unpack(last, u32::from(reasons)), one);
    }

    #[test]
    fn calls_round_trip(nr in 0_u16..1024, abi in 0_usize..3, fast: bool, sampled: bool) {
        let id = SyscallId { abi: Abi::ALL[abi], nr };
        let call = Call::entered(id, fast, sampled);
        prop_assert!(call.is_in() && !call.is_newborn());
        prop_assert_eq!((call.id(), call.is_fast32(), call.is_sampled()), (id, fast, sampled));
    }
}
