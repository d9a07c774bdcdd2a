//! Which call it is: `tracer-common/src/abi.rs`, and how the entry tells the gates of 32-bit code apart.

use super::{Killer, Mutant};

const FILE: &str = "tracer-common/src/abi.rs";

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "compat",
        rule: "TS_COMPAT makes a number i386's",
        file: FILE,
        find: "if compat {\n            return Self",
        replace: "if compat && nr == u32::MAX {\n            return Self",
        killer: Killer::finally("int80"),
    },
    Mutant {
        name: "x32",
        rule: "bit 30 makes a number x32's",
        file: FILE,
        find: "if nr & X32_BIT != 0 && (nr as i32) > 0 {",
        replace: "if false {",
        killer: Killer::finally("x32"),
    },
    Mutant {
        name: "sigreturn-number",
        rule: "15 is `rt_sigreturn`, which `sys_exit` does not name",
        file: FILE,
        find: "Abi::X86_64 => self.nr == 15,",
        replace: "Abi::X86_64 => false,",
        killer: Killer::finally("kill-self"),
    },
    Mutant {
        name: "fast32",
        rule: "a 32-bit call from the vDSO's landing pad is a fast one",
        file: "tracer-ebpf/src/programs/enter.rs",
        find: "&& source.landing_pad() == source.reg(reg::IP);",
        replace: "&& source.landing_pad() == 0;",
        killer: Killer::finally("elf32-vdso"),
    },
    Mutant {
        name: "never-returns",
        rule: "`exit` and `exit_group` arm nothing",
        file: FILE,
        find: "Abi::X86_64 | Abi::X32 => self.nr == 60 || self.nr == 231,",
        replace: "Abi::X86_64 | Abi::X32 => false,",
        killer: Killer::test(
            "pairing::tests::exit_and_exit_group_arm_nothing",
            "the task's death disarms the record as well",
        ),
    },
];
