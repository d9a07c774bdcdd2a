//! Numbers that no table has, and the x32 table where the kernel has it: all leave by SYSRET.

use anyhow::{Result, ensure};

use super::{Case, GETPPID};
use crate::expect::Give;
use crate::sys::{must, nr, plain};

pub static CASES: &[Case] = &[
    Case {
        name: "bad-nr",
        what: "number 1000, which is unassigned",
        section: "6, invalid nr",
        run: |count| absent(count, nr::UNASSIGNED),
        gives: &[Give::sysret((nr::UNASSIGNED, "1000")).error("ENOSYS")],
        ..Case::USUAL
    },
    Case {
        name: "bad-neg",
        what: "number -1, the kernel's own word for none",
        section: "6, invalid nr",
        run: |count| absent(count, nr::NEGATIVE),
        gives: &[Give::sysret(NONE).error("ENOSYS")],
        ..Case::USUAL
    },
    Case {
        name: "bad-large",
        what: "number 5000, beyond every table",
        section: "6, invalid nr",
        run: |count| absent(count, 5000),
        gives: &[Give::sysret(NONE).error("ENOSYS")],
        ..Case::USUAL
    },
    Case {
        name: "bad-max",
        what: "number 0x7fffffff, which has x32's bit 30",
        section: "6, invalid nr",
        run: |count| absent(count, 0x7fff_ffff),
        gives: &[Give::sysret(NONE).x32().error("ENOSYS")],
        ..Case::USUAL
    },
    Case {
        name: "x32",
        what: "getppid by x32's number; ENOSYS where x32 is off",
        section: "1.2, x32",
        run: x32,
        gives: &[Give::sysret(GETPPID).x32()],
        ..Case::USUAL
    },
];

/// What reports call a number that no table can have.
const NONE: (i64, &str) = (nr::NEGATIVE, "-1");
/// `__X32_SYSCALL_BIT`.
const X32: i64 = 0x4000_0000;

fn absent(count: u64, number: i64) -> Result<()> {
    (0..count).try_for_each(|_| must("a number without call", plain(number, 0, 0), -i64::from(libc::ENOSYS)))
}

pub fn x32(count: u64) -> Result<()> {
    for _ in 0..count {
        let got = plain(nr::GETPPID | X32, 0, 0);
        ensure!(got >= 0 || got == -i64::from(libc::ENOSYS), "x32's getppid gave {got}");
    }
    Ok(())
}
