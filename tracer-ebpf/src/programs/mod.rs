//! The programs, one file an attach family. Each reads its context and the maps, asks `tracer-common` for the
//! rule, and writes the result.
#![expect(clippy::needless_pass_by_value, reason = "the attach macros hand the context over by value")]

mod admission;
mod amend;
mod config;
mod counts;
mod dispatch;
mod enter;
mod exit;
mod finish;
mod follow;
mod leave;
mod lifecycle;
mod maps;
mod series;
mod task;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: the rules do not panic, and the verifier would refuse an endless loop.
    loop {}
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
