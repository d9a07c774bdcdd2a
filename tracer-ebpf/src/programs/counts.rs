//! `--counts-only`: one program, no clock, no record.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use tracer_common::{
    Abi, SeriesKey, SyscallId, Untimed, Verdict,
    amend::after_handler,
    exit::{Entry, classify},
    layout::error_cell,
    record::Return,
};

use super::{
    admission, amend, config, maps, series,
    task::{Source, Typed, reg},
};

/// `sys_exit` alone.
#[btf_tracepoint(function = "sys_exit")]
pub fn count_btf(ctx: BtfTracePointContext) -> i32 {
    let source = Typed::new(ctx.arg(0));
    if !admission::selected_at_entry(&source) {
        return 0;
    }
    let ret: i64 = ctx.arg(1);
    let Some(one) = classify_now(&source, ret) else { return 0 };
    let Some((cpu, state)) = amend::here() else { return 0 };
    series::add(cpu, state, &one, None);
    if one.reasons.has(tracer_common::Reason::ForkChild) {
        maps::untimed(state, Untimed::ForkChild);
    } else {
        maps::untimed(state, Untimed::NotSampled);
    }
    0
}

/// `signal_deliver` without a record: before the first frame is set up, the registers still say what was counted.
#[btf_tracepoint(function = "signal_deliver")]
pub fn count_signal_btf(ctx: BtfTracePointContext) -> i32 {
    let action: *const u64 = ctx.arg(2);
    // SAFETY: a typed pointer; x86_64 `struct sigaction` begins with handler and flags.
    let (handler, flags) =
        unsafe { (core::ptr::read_volatile(action), core::ptr::read_volatile(action.add(1))) };
    let source = Typed::current();
    if handler < 2 || source.reg(reg::ORIG_AX) as u32 == u32::MAX || !admission::selected_at_exit(&source) {
        return 0;
    }
    let Some(counted) = classify_now(&source, source.reg(reg::AX) as i64) else { return 0 };
    // Already IRET, and not by a restart: a handler was set up before this one.
    if !counted.key.path().is_fast() && counted.cause != tracer_common::Cause::Restart {
        return 0;
    }
    let moved = after_handler(&counted, &source.exit_regs(), flags);
    if let Some((cpu, state)) = amend::here() {
        series::take(cpu, state, &counted, None);
        series::add(cpu, state, &moved, None);
    }
    0
}

/// What the registers alone say; `None` when a filter leaves it out.
#[inline(always)]
fn classify_now(source: &Typed, ret: i64) -> Option<Return> {
    let compat = source.compat();
    let orig_ax = source.reg(reg::ORIG_AX) as i64;
    let mut call = SyscallId::decode(compat, orig_ax);
    if orig_ax as u32 == u32::MAX && ret != -38 {
        // Only rt_sigreturn leaves -1 behind without ENOSYS.
        call.nr = if compat { 173 } else { 15 };
    }
    if !admission::call_selected(call) {
        return None;
    }
    let fast32 = match call.abi {
        Abi::I386 => source.landing_pad().filter(|&pad| pad == source.reg(reg::IP)),
        _ => None,
    };
    let entry = Entry { call, newborn: ret == 0 && call.is_fork(), fast32, ptraced: source.ptraced() };
    let (Verdict { path, reasons }, cause) =
        classify(&entry, &source.exit_regs(), ret, &config::exit_rules());
    let error = if call.is_sigreturn() { 0 } else { error_cell(ret) };
    let filter = config::return_filter();
    if (filter.failed && error == 0) || !admission::error_selected(error) {
        return None;
    }
    Some(Return {
        key: SeriesKey::new(call, path),
        reasons,
        cause,
        error,
        timed: false,
        ptraced: entry.ptraced,
    })
}
