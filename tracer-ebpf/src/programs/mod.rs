//! Placeholder programs: the smallest object that loads. The real programs take this file's place.

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::PerCpuArray,
    programs::RawTracePointContext,
};
use aya_log_ebpf::debug;

/// Calls seen, one cell a CPU.
#[map]
static CALLS: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Counts a call.
#[raw_tracepoint(tracepoint = "sys_enter")]
#[expect(clippy::needless_pass_by_value, reason = "the macro calls it with the context it made")]
pub fn sys_enter(ctx: RawTracePointContext) -> i32 {
    let Some(cell) = CALLS.get_ptr_mut(0) else {
        debug!(&ctx, "no cell for id {}", ctx.arg::<u64>(1));
        return 0;
    };
    // SAFETY: the cell belongs to this CPU, and the program does not interrupt itself.
    unsafe { *cell = (*cell).wrapping_add(1) };
    0
}

/// What the kernel asks of a program that calls GPL-only helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
