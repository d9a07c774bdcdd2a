//! The dispatch functions as entry hooks: no tracepoint flag is set on any task.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};

use super::{enter, task::Typed};

/// `x64_sys_call(const struct pt_regs *regs, unsigned int nr)` (6.1.85 to 6.14 with a call site that fentry takes).
#[fentry(function = "x64_sys_call")]
pub fn dispatch_x64(ctx: FEntryContext) -> i32 {
    on_dispatch(&ctx, 0)
}

/// `x32_sys_call`: the number comes without its bit.
#[fentry(function = "x32_sys_call")]
pub fn dispatch_x32(ctx: FEntryContext) -> i32 {
    on_dispatch(&ctx, 0x4000_0000)
}

/// `ia32_sys_call`.
#[fentry(function = "ia32_sys_call")]
pub fn dispatch_ia32(ctx: FEntryContext) -> i32 {
    on_dispatch(&ctx, 0)
}

#[inline(always)]
fn on_dispatch(ctx: &FEntryContext, bit: i64) -> i32 {
    let nr: u64 = ctx.arg(1);
    enter::on_enter::<false>(&Typed::new(ctx.arg(0)), i64::from(nr as u32) | bit);
    0
}

/// `__do_sys_rt_sigreturn` and its 32-bit likes, with `--counts-only`: the one call that the registers of the final
/// hook cannot name.
#[kprobe]
pub fn sigreturn_kp(_ctx: ProbeContext) -> u32 {
    let source = Typed::current_task();
    let nr = if super::task::Source::compat(&source) { 173 } else { 15 };
    enter::on_enter::<false>(&source, nr);
    0
}
