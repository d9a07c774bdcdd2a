//! The programs, one file an attach family. Each reads its context and the maps, asks `tracer-common` for the
//! rule, and writes the result.

mod admission;
mod amend;
mod config;
mod counts;
mod enter;
mod exit;
mod lifecycle;
mod maps;
mod series;
mod task;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: the rules do not panic, and the verifier would refuse an endless loop.
    #[expect(clippy::empty_loop, reason = "a panic handler must diverge; there is nothing to do in BPF")]
    loop {}
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
