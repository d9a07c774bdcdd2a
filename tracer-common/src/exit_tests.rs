//! Tables and exhaustive loops over the decision procedure.

use super::*;
use proptest::prelude::*;

const NEW: ExitRules =
    ExitRules { ip_limit: ExitRules::TASK_SIZE_MAX_47, canonical_bits: 0, fred: false, xenpv: false };
const OLD: ExitRules = ExitRules { ip_limit: 1 << 47, canonical_bits: 48, ..NEW };
const PLAIN: ExitRegs =
    ExitRegs { ip: 0x40_1000, cx: 0x40_1000, flags: 0x246, r11: 0x246, cs: USER_CS, ss: USER_DS };
const PAD: u64 = 0xf7fc_5579;
const PLAIN32: ExitRegs = ExitRegs { ip: PAD, cx: 1, flags: 0x246, r11: 0, cs: USER32_CS, ss: USER_DS };

const fn entry(abi: Abi, nr: u16) -> Entry {
    Entry { call: SyscallId { abi, nr }, newborn: false, fast32: 0, ptraced: false }
}

/// The kernel's own text, 6.12 `do_syscall_64`, written as plainly as the source: the reference.
fn kernel_6_12(regs: &ExitRegs) -> bool {
    if regs.cx != regs.ip || regs.r11 != regs.flags {
        return false;
    }
    if regs.cs != 0x33 || regs.ss != 0x2b {
        return false;
    }
    if regs.ip >= (1 << 47) - 4096 {
        return false;
    }
    regs.flags & (0x1_0000 | 0x100) == 0
}

/// 6.1 `entry_SYSCALL_64` after `call do_syscall_64`: shift left and arithmetically right by 16.
fn kernel_6_1(regs: &ExitRegs) -> bool {
    let canonical = ((regs.cx << 16) as i64 >> 16) as u64;
    regs.cx == regs.ip
        && canonical == regs.ip
        && regs.cs == 0x33
        && regs.r11 == regs.flags
        && regs.flags & 0x1_0100 == 0
        && regs.ss == 0x2b
}

/// Every combination of passing and failing tests.
fn combinations() -> impl Iterator<Item = ExitRegs> {
    let ips = [0x40_1000, (1 << 47) - 4097, (1 << 47) - 4096, 1 << 47, 1 << 56, u64::MAX - 0x1000];
    let flags = [0x246, 0x346, 0x1_0246, 0x1_0346, 0x4_0246, 0x20_0646];
    ips.into_iter().flat_map(move |ip| {
        flags.into_iter().flat_map(move |flags| {
            (0..16).map(move |bits: u32| ExitRegs {
                ip,
                cx: if bits & 1 == 0 { ip } else { ip - 2 },
                flags,
                r11: if bits & 2 == 0 { flags } else { 0 },
                cs: if bits & 4 == 0 { USER_CS } else { USER32_CS },
                ss: if bits & 8 == 0 { USER_DS } else { 0 },
            })
        })
    })
}

#[test]
fn every_combination_agrees_with_the_kernels_own_order_of_tests() {
    let mut seen = 0;
    for regs in combinations() {
        seen += 1;
        let new = classify_syscall64(&regs, &NEW);
        assert_eq!(new.path == Path::Sysret, kernel_6_12(&regs), "{regs:x?}");
        assert_eq!(new.path == Path::Sysret, new.reasons.is_empty(), "{regs:x?}");
        let old = classify_syscall64(&regs, &OLD);
        assert_eq!(old.path == Path::Sysret, kernel_6_1(&regs), "{regs:x?}");
    }
    assert_eq!(seen, 6 * 6 * 16);
}

#[test]
fn every_failed_test_is_named() {
    for regs in combinations() {
        let reasons = classify_syscall64(&regs, &NEW).reasons;
        let expected = [
            (Reason::CxNeIp, regs.cx != regs.ip),
            (Reason::R11NeFlags, regs.r11 != regs.flags),
            (Reason::Cs, regs.cs != 0x33),
            (Reason::Ss, regs.ss != 0x2b),
            (Reason::IpLimit, regs.ip >= 0x7fff_ffff_f000),
            (Reason::Rf, regs.flags & 0x1_0000 != 0),
            (Reason::Tf, regs.flags & 0x100 != 0),
        ];
        for (reason, failed) in expected {
            assert_eq!(reasons.has(reason), failed, "{reason:?} {regs:x?}");
        }
    }
}

#[test]
fn fred_and_xen_decide_before_the_registers() {
    let fred = ExitRules { fred: true, ..NEW };
    let xen = ExitRules { xenpv: true, ..NEW };
    for regs in combinations() {
        assert_eq!(classify_syscall64(&regs, &fred).path, Path::Eretu);
        assert_eq!(classify_syscall64(&regs, &xen).path, Path::XenPv);
        assert!(classify_syscall64(&regs, &xen).reasons.has(Reason::XenPv));
    }
    let mut child = entry(Abi::X86_64, 56);
    child.newborn = true;
    assert_eq!(classify(&child, &PLAIN, 0, &fred).0.path, Path::Eretu);
    assert_eq!(classify(&child, &PLAIN, 0, &xen).0.path, Path::XenPv);
    assert_eq!(classify_int80(&fred).path, Path::Eretu);
    assert_eq!(classify_fast32(&PLAIN32, PAD, &fred).path, Path::Eretu);
}

#[test]
fn structural_rules() {
    let path = |entry: &Entry, regs: &ExitRegs, ret| {
        let (verdict, cause) = classify(entry, regs, ret, &NEW);
        (verdict.path, cause)
    };
    let getppid = entry(Abi::X86_64, 110);
    assert_eq!(path(&getppid, &PLAIN, 1), (Path::Sysret, Cause::None));
    assert_eq!(path(&getppid, &PLAIN, -38), (Path::Sysret, Cause::None));
    // A child satisfies every register test and still leaves by IRET.
    let child = Entry { newborn: true, ..entry(Abi::X86_64, 57) };
    assert_eq!(path(&child, &PLAIN, 0), (Path::Iret, Cause::None));
    assert_eq!(classify(&child, &PLAIN, 0, &NEW).0.reasons, Reasons::NONE.with(Reason::ForkChild));
    assert_eq!(path(&entry(Abi::X86_64, 57), &PLAIN, 4242), (Path::Sysret, Cause::None));
    for ret in [-512, -513, -514, -516] {
        assert_eq!(path(&entry(Abi::X86_64, 0), &PLAIN, ret), (Path::Iret, Cause::Restart));
        // rt_sigreturn restores RAX: such a value there is the interrupted code's own.
        assert_eq!(path(&entry(Abi::X86_64, 15), &PLAIN, ret), (Path::Sysret, Cause::None));
    }
    assert_eq!(path(&entry(Abi::X86_64, 16), &PLAIN, -515), (Path::Sysret, Cause::None));
    let exec = ExitRegs { cx: 0, r11: 0, flags: 0x202, ..PLAIN };
    assert_eq!(path(&entry(Abi::X86_64, 59), &exec, 0), (Path::Iret, Cause::Exec));
    assert_eq!(path(&entry(Abi::X86_64, 59), &PLAIN, -2), (Path::Sysret, Cause::None));
    let asynchronous = ExitRegs { cx: 7, r11: 9, ..PLAIN };
    assert_eq!(path(&entry(Abi::X86_64, 15), &asynchronous, 3), (Path::Iret, Cause::Sigreturn));
    assert_eq!(path(&entry(Abi::X86_64, 15), &PLAIN, 3), (Path::Sysret, Cause::None));
    let stepped = ExitRegs { flags: 0x346, r11: 0x346, ..PLAIN };
    assert_eq!(path(&getppid, &stepped, 1), (Path::Iret, Cause::None));
    let traced = Entry { ptraced: true, ..getppid };
    assert_eq!(path(&traced, &stepped, 1), (Path::Iret, Cause::Ptrace));
}

#[test]
fn compat_entries() {
    let fast = Entry { fast32: PAD, ..entry(Abi::I386, 64) };
    let slow = entry(Abi::I386, 64);
    let path = |entry: &Entry, regs: &ExitRegs, ret| classify(entry, regs, ret, &NEW).0.path;
    assert_eq!(path(&fast, &PLAIN32, 1), Path::Sysretl);
    assert_eq!(path(&slow, &PLAIN32, 1), Path::Iret);
    assert_eq!(path(&slow, &PLAIN, 1), Path::Iret);
    assert!(classify(&slow, &PLAIN, 1, &NEW).0.reasons.has(Reason::Int80));
    // do_fast_syscall_32, test by test.
    for regs in [
        ExitRegs { ip: PAD - 2, ..PLAIN32 },
        ExitRegs { cs: USER_CS, ..PLAIN32 },
        ExitRegs { ss: 0, ..PLAIN32 },
        ExitRegs { flags: 0x346, ..PLAIN32 },
        ExitRegs { flags: 0x1_0246, ..PLAIN32 },
        ExitRegs { flags: 0x2_0246, ..PLAIN32 },
    ] {
        assert_eq!(path(&fast, &regs, 1), Path::Iret, "{regs:x?}");
    }
    // CX does not matter.
    assert_eq!(path(&fast, &ExitRegs { cx: 99, ..PLAIN32 }, 1), Path::Sysretl);
    assert_eq!(path(&fast, &PLAIN32, -512), Path::Iret);
    // A 64-bit process's successful exec of a 32-bit program keeps its own ABI.
    let exec = ExitRegs { ip: 0x804_8000, cx: 0, r11: 0, flags: 0x202, cs: USER32_CS, ss: USER_DS };
    let (verdict, cause) = classify(&entry(Abi::X86_64, 59), &exec, 0, &NEW);
    assert_eq!((verdict.path, cause), (Path::Iret, Cause::Exec));
    assert!(verdict.reasons.has(Reason::Cs));
}

proptest! {
    #[test]
    fn any_registers_agree_with_the_kernel(
        ip: u64, cx: u64, flags: u64, r11: u64, cs: u16, ss: u16, same_ip: bool, same_flags: bool
    ) {
        let regs = ExitRegs {
            ip, flags, cs, ss,
            cx: if same_ip { ip } else { cx },
            r11: if same_flags { flags } else { r11 },
        };
        prop_assert_eq!(classify_syscall64(&regs, &NEW).path == Path::Sysret, kernel_6_12(&regs));
        prop_assert_eq!(classify_syscall64(&regs, &OLD).path == Path::Sysret, kernel_6_1(&regs));
    }

    #[test]
    fn the_common_return_is_a_sysret_by_the_full_rules(
        ip: u64, cx: u64, flags: u64, r11: u64, same: bool, fred: bool, xenpv: bool, ret in 0_i64..9, nr in 0_u16..500
    ) {
        let regs = ExitRegs {
            ip, flags, cs: USER_CS, ss: USER_DS,
            cx: if same { ip } else { cx },
            r11: if same { flags } else { r11 },
        };
        for rules in [NEW, OLD] {
            let rules = ExitRules { fred, xenpv, ..rules };
            if is_common(&regs, rules.common_limit()) {
                let full = classify(&entry(Abi::X86_64, nr), &regs, ret, &rules);
                prop_assert_eq!(full, (Verdict::SYSRET, Cause::None));
            }
        }
    }

    #[test]
    fn user_addresses_and_segments_decide_by_flags_and_rcx_alone(ip in 0_u64..1 << 46, flags: u64) {
        let regs = ExitRegs { ip, cx: ip, flags, r11: flags, cs: USER_CS, ss: USER_DS };
        prop_assert_eq!(classify_syscall64(&regs, &NEW).path == Path::Sysret, flags & 0x1_0100 == 0);
    }
}
