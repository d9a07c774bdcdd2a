//! Stand-in until the generated tables are merged.

use tracer_common::Abi;

/// The name of a system call.
#[must_use]
pub fn name(abi: Abi, nr: u32) -> Option<&'static str> {
    match (abi, nr) {
        (Abi::X86_64, 0) => Some("read"),
        (Abi::X86_64, 15) => Some("rt_sigreturn"),
        (Abi::X86_64, 39) => Some("getpid"),
        (Abi::X86_64, 56) => Some("clone"),
        (Abi::X86_64, 62) => Some("kill"),
        (Abi::X86_64, 110) => Some("getppid"),
        (Abi::X86_64, 202) => Some("futex"),
        (Abi::X86_64, 257) => Some("openat"),
        (Abi::I386, 64) => Some("getppid"),
        _ => None,
    }
}
