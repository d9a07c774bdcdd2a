//! The decision on final registers: `tracer-common/src/exit.rs`.
//!
//! The tests stand there twice: in the common return, which decides most, and one by one, for the reasons.

use super::{Killer, Mutant};

const FILE: &str = "tracer-common/src/exit.rs";

/// A register test that is never made.
const fn blind(
    name: &'static str,
    rule: &'static str,
    find: &'static str,
    replace: &'static str,
    case: &'static str,
) -> Mutant {
    Mutant { name, rule, file: FILE, find, replace, killer: Killer::finally(case) }
}

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "fork-child",
        rule: "a new task's first return is IRET whatever its registers say",
        file: FILE,
        find: "if entry.newborn {\n        return structural",
        replace: "if false {\n        return structural",
        killer: Killer::finally("fork"),
    },
    blind(
        "tf",
        "TF is set: IRET",
        ".with_if(Reason::Tf, regs.flags & TF != 0)",
        ".with_if(Reason::Tf, false)",
        "own-tf",
    ),
    blind(
        "rf",
        "RF is set: IRET",
        ".with_if(Reason::Rf, regs.flags & RF != 0)",
        ".with_if(Reason::Rf, false)",
        "sigreturn-rf",
    ),
    blind(
        "r11-flags",
        "R11 is not RFLAGS: IRET",
        ".with_if(Reason::R11NeFlags, regs.r11 != regs.flags)",
        ".with_if(Reason::R11NeFlags, false)",
        "sigreturn-r11",
    ),
    blind(
        "cx-ip",
        "RCX is not the return address: IRET",
        ".with_if(Reason::CxNeIp, regs.cx != regs.ip)",
        ".with_if(Reason::CxNeIp, false)",
        "sigreturn-cx",
    ),
    blind(
        "ip-limit",
        "the return address is beyond user space: IRET",
        ".with_if(Reason::IpLimit, !rules.ip_passes(regs.ip))",
        ".with_if(Reason::IpLimit, false)",
        "sigreturn-rip",
    ),
    Mutant {
        name: "ip-canonical",
        rule: "up to 6.6 the return address must be canonical",
        file: FILE,
        find: "((ip << unused) as i64 >> unused) as u64 == ip",
        replace: "unused < 64",
        killer: Killer::on("6.1", "final-hook", "sigreturn-rip"),
    },
    blind(
        "common-tf-rf",
        "the common return has neither TF nor RF",
        "| (regs.flags & (RF | TF));",
        "| (regs.flags & 0);",
        "own-tf",
    ),
    blind(
        "common-r11-flags",
        "the common return has RFLAGS in R11",
        "| (regs.flags ^ regs.r11)",
        "| (regs.flags & 0)",
        "sigreturn-r11",
    ),
    blind(
        "common-cx-ip",
        "the common return has its address in RCX",
        "let wrong = (regs.ip ^ regs.cx)",
        "let wrong = (regs.ip & 0)",
        "sigreturn-cx",
    ),
    blind(
        "common-ip-limit",
        "the common return is to user space",
        "wrong == 0 && regs.ip < ip_limit",
        "wrong == 0 && ip_limit > 0",
        "sigreturn-rip",
    ),
    Mutant {
        name: "cs",
        rule: "CS is not the user's: IRET",
        file: FILE,
        find: ".with_if(Reason::Cs, regs.cs != user_cs)",
        replace: ".with_if(Reason::Cs, false)",
        killer: Killer::test(
            "exit::tests::every_failed_test_is_named",
            "a case would have to return from 32-bit code by a 64-bit entry; after `execve` RCX differs too",
        ),
    },
    Mutant {
        name: "ss",
        rule: "SS is not the user's: IRET",
        file: FILE,
        find: ".with_if(Reason::Ss, regs.ss != USER_DS)",
        replace: ".with_if(Reason::Ss, false)",
        killer: Killer::finally("sigreturn-ss"),
    },
    Mutant {
        name: "fred",
        rule: "under FRED every return is ERETU",
        file: FILE,
        find: "if self.fred || self.xenpv { 0 } else { self.ip_limit }",
        replace: "if self.xenpv { 0 } else { self.ip_limit }",
        killer: Killer::test("exit::tests::fred_and_xen_decide_before_the_registers", "no guest has FRED"),
    },
    Mutant {
        name: "xen-pv",
        rule: "as a Xen PV guest every return is the hypervisor's",
        file: FILE,
        find: "if self.fred || self.xenpv { 0 } else { self.ip_limit }",
        replace: "if self.fred { 0 } else { self.ip_limit }",
        killer: Killer::test(
            "exit::tests::fred_and_xen_decide_before_the_registers",
            "no guest runs under Xen",
        ),
    },
    Mutant {
        name: "int80",
        rule: "`int $0x80` leaves by IRET",
        file: FILE,
        find: "(Abi::I386, 0) => classify_int80(rules),",
        replace: "(Abi::I386, 0) => classify_fast32(regs, regs.ip, rules),",
        killer: Killer::finally("elf32-int80"),
    },
    Mutant {
        name: "landing-pad",
        rule: "a fast 32-bit call that does not return to the landing pad leaves by IRET",
        file: FILE,
        find: "regs.ip != landing_pad || regs.flags & VM != 0",
        replace: "landing_pad == 0",
        killer: Killer::test(
            "exit::tests::compat_entries",
            "a case would need a 32-bit program that takes a signal inside a call through the vDSO",
        ),
    },
    Mutant {
        name: "restart-codes",
        rule: "a restart code at `sys_exit` means IRET",
        file: FILE,
        find: "matches!(ret, -512 | -513 | -514 | -516)",
        replace: "ret == i64::MIN",
        killer: Killer::on("6.12", "tracepoints", "stop-cont"),
    },
];
