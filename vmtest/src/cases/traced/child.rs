//! The side of the child: one getpgrp, and what it finds afterwards.

use anyhow::Result;

use crate::sys::{self, nr};
use crate::tracee::Tracee;

/// What getpgrp, and the registers after it, look like to the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub ret: i64,
    pub rcx: u64,
    pub flags: u64,
    pub skipped: bool,
}

pub const CARRY: u64 = 1;
/// The length of `xor edx, edx`, which a changed RIP leaves out.
pub const SKIP: i64 = 2;

/// One getpgrp with carry clear, and what it left.
fn getpgrp() -> Seen {
    let (ret, rcx, flags, rdx): (i64, u64, u64, u64);
    // SAFETY: takes no argument; the push is balanced by the pop. Two bytes after it may be skipped.
    unsafe {
        std::arch::asm!(
            "mov edx, 1",
            "test eax, eax",
            "syscall",
            ".byte 0x31, 0xd2", // xor edx, edx, spelt so that its length is certain
            "nop",
            "mov {rcx}, rcx",
            "pushfq",
            "pop {flags}",
            inlateout("rax") nr::GETPGRP => ret,
            rcx = out(reg) rcx, flags = out(reg) flags, lateout("rdx") rdx,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    Seen { ret, rcx, flags, skipped: rdx != 0 }
}

/// A child of `count` calls, each of which must pass `check`.
pub fn child(count: u64, check: fn(Seen) -> bool) -> Result<Tracee> {
    Tracee::fork(move || {
        let wrong = (0..count).map(|_| getpgrp()).find(|seen| !check(*seen));
        if let Some(seen) = wrong {
            sys::say(&format!("the traced child saw {seen:x?}"));
        }
        i32::from(wrong.is_some())
    })
}
