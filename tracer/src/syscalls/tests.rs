//! What the lookups rely on, and numbers known from elsewhere.

use tracer_common::SyscallId;

use super::*;

#[test]
fn tables_are_sorted_by_name_and_numbers_are_unique_and_in_range() {
    for abi in Abi::ALL {
        let calls = table(abi);
        assert!(calls.is_sorted_by(|a, b| a.0 < b.0), "{}", abi.name());
        let mut numbers: Vec<_> = calls.iter().map(|(_, nr)| *nr).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), calls.len(), "{}", abi.name());
        assert!(numbers.iter().all(|nr| *nr < NR_INVALID), "{}", abi.name());
    }
}

#[test]
fn name_and_number_are_inverse() {
    for abi in Abi::ALL {
        for (call, nr) in table(abi) {
            assert_eq!(name(abi, (*nr).into()), Some(*call));
            assert_eq!(number(abi, call), Some(*nr));
        }
        assert_eq!(listing(abi).count(), table(abi).len());
        assert!(listing(abi).is_sorted_by(|a, b| a.nr < b.nr));
    }
}

#[test]
fn numbers_are_those_of_the_c_library() {
    for (call, nr) in [
        ("read", libc::SYS_read),
        ("rt_sigreturn", libc::SYS_rt_sigreturn),
        ("getppid", libc::SYS_getppid),
        ("exit_group", libc::SYS_exit_group),
        ("newfstatat", libc::SYS_newfstatat),
        ("rseq", libc::SYS_rseq),
        ("clone3", libc::SYS_clone3),
        ("futex_waitv", libc::SYS_futex_waitv),
    ] {
        assert_eq!(number(Abi::X86_64, call).map(i64::from), Some(nr), "{call}");
    }
}

#[test]
fn each_abi_has_its_own_numbers() {
    assert_eq!(number(Abi::X86_64, "execve"), Some(59));
    assert_eq!(number(Abi::X32, "execve"), Some(520));
    assert_eq!(number(Abi::I386, "execve"), Some(11));
    assert_eq!(name(Abi::X32, 59), None);
    assert_eq!(name(Abi::X32, 512), Some("rt_sigaction"));
    assert_eq!(name(Abi::I386, 102), Some("socketcall"));
    assert_eq!(number(Abi::X86_64, "socketcall"), None);
}

/// The whole range that 64-bit kernels from 4.9 on have used: no name went missing on the way to the newest headers.
#[test]
fn only_numbers_no_kernel_gave_out_are_vacant() {
    let vacant = |abi, range: std::ops::RangeInclusive<u32>| -> Vec<u32> {
        range.filter(|nr| name(abi, *nr).is_none()).collect()
    };
    assert_eq!(vacant(Abi::X86_64, 0..=472), (337..=423).collect::<Vec<_>>());
    assert_eq!(vacant(Abi::I386, 0..=472), [222, 223, 251, 285, 387, 388, 389, 390, 391, 392, 415]);
    assert_eq!(vacant(Abi::X32, 512..=547), [0; 0]);
}

#[test]
fn labels_say_what_is_known() {
    assert_eq!(label(Abi::X86_64, 0).to_string(), "read");
    assert_eq!(label(Abi::X86_64, 400).to_string(), "syscall_400");
    assert_eq!(label(Abi::X86_64, u32::MAX).to_string(), INVALID);
    assert_eq!(label(Abi::I386, NR_INVALID.into()).to_string(), INVALID);
    assert_eq!(format!("{:<6}|", label(Abi::I386, 0x3)), "read  |");
}

/// The shared rules know some calls by number, because no table fits into the kernel.
#[test]
fn the_rules_mean_the_calls_the_tables_name() {
    for abi in Abi::ALL {
        for Row { nr, name, .. } in listing(abi) {
            let call = SyscallId { abi, nr };
            assert_eq!(call.never_returns(), ["exit", "exit_group"].contains(&name), "{call:?}");
            assert_eq!(call.is_sigreturn(), ["sigreturn", "rt_sigreturn"].contains(&name), "{call:?}");
            assert_eq!(call.is_exec(), ["execve", "execveat"].contains(&name), "{call:?}");
            assert_eq!(call.is_fork(), ["fork", "vfork", "clone", "clone3"].contains(&name), "{call:?}");
        }
    }
}
