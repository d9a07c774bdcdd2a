//! kprobe programs in the BPF of 4.9: no loops, no calls, no globals, no pointers to map values in helpers' hands.
//!
//! On a partial frame nothing here may read kernel memory in a call of the fast path: `bpf_probe_read` raises
//! `TIF_FSCHECK` on 4.14 and 4.15, and the call leaves by the slow path (`EXIT_PATHS` 4.4). Only programs that
//! run on the slow path read.
#![expect(clippy::needless_pass_by_value, reason = "the attach macros hand the context over by value")]
#![expect(clippy::similar_names, reason = "tid and tgid are the kernel's words")]

mod context;
mod count;
mod fast;
mod filter;
mod full;
mod lifecycle;
mod maps;
mod series;
mod slow;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: the rules do not panic, and the verifier would refuse an endless loop.
    loop {}
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
