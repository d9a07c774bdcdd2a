//! `--counts-only`: one program, no clock, no record.

use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, macros::btf_tracepoint, programs::BtfTracePointContext};
use tracer_common::{
    Abi, Cause, CpuState, NR_INVALID, Reason, Reasons, SeriesKey, SyscallId, Untimed, Verdict,
    amend::after_handler,
    exit::{Entry, classify, is_common},
    layout::error_cell,
    record::{Last, Return},
};

use super::{
    admission, amend, config, maps, series,
    task::{Source, Typed, reg},
};

/// `sys_exit` alone, without filters.
#[btf_tracepoint(function = "sys_exit")]
pub fn count_plain(ctx: BtfTracePointContext) -> i32 {
    let source = Typed::new(ctx.arg(0));
    let (nr, ret) = (source.reg(reg::ORIG_AX) as u32, ctx.arg::<i64>(1));
    let common = nr < u32::from(NR_INVALID)
        // A fork that returns 0 is the child's return.
        && ret > 0
        && !source.compat()
        && !source.ptraced()
        && is_common(&source.exit_regs(), config::COMMON_LIMIT.load());
    if !common {
        return full_plain(ctx.as_ptr());
    }
    if let Some((_, state)) = amend::here() {
        // SAFETY: this CPU's state; the number is below the array's length, and masked for the verifier.
        unsafe {
            let count = (&raw mut (*state).common).cast::<u64>().add(nr as usize & 1023);
            *count = (*count).wrapping_add(1);
        }
    }
    0
}

/// What is not common is a function of its own: its registers would spill the common return's.
#[inline(never)]
fn full_plain(ctx: *mut c_void) -> i32 {
    let ctx = BtfTracePointContext::new(ctx);
    on_exit::<true>(&Typed::new(ctx.arg(0)), ctx.arg(1));
    0
}

/// The same with filters.
#[btf_tracepoint(function = "sys_exit")]
pub fn count_btf(ctx: BtfTracePointContext) -> i32 {
    on_exit::<false>(&Typed::new(ctx.arg(0)), ctx.arg(1));
    0
}

#[inline(always)]
fn on_exit<const PLAIN: bool>(source: &Typed, ret: i64) {
    if !PLAIN && !admission::selected_at_exit(source) {
        // The exit is all there is of a call here: that of the command's own execve makes the next one the first.
        let _ = admission::selected_at_entry(source);
        return;
    }
    let Some((cpu, state)) = amend::here() else { return };
    let Some(one) = classify_now::<PLAIN>(source, ret) else { return };
    let (last, reasons) = launder(state, &one);
    series::add::<PLAIN>(cpu, state, last, reasons, None);
    if Reasons(reasons as u16).has(Reason::ForkChild) {
        maps::untimed(state, Untimed::ForkChild);
    }
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
    let Some(counted) = classify_now::<false>(&source, source.reg(reg::AX) as i64) else { return 0 };
    // Already IRET, and not by a restart: a handler was set up before this one.
    if !counted.key.path().is_fast() && counted.cause != Cause::Restart {
        return 0;
    }
    let moved = after_handler(&counted, &source.exit_regs(), flags);
    if let Some((cpu, state)) = amend::here() {
        let (last, reasons) = launder(state, &counted);
        series::take(cpu, state, last, reasons, None);
        let (last, reasons) = launder(state, &moved);
        series::add::<false>(cpu, state, last, reasons, None);
    }
    0
}

/// Through the map, so that the verifier forgets on which way a value came about.
#[inline(always)]
fn launder(state: *mut CpuState, one: &Return) -> (Last, u32) {
    // SAFETY: this CPU's state.
    unsafe {
        (*state).scratch = [one.pack().0, u32::from(one.reasons.0)];
        let [last, reasons] = maps::reread(&(*state).scratch);
        (Last(last), reasons)
    }
}

/// What the registers alone say; `None` when a filter leaves it out.
#[inline(always)]
fn classify_now<const PLAIN: bool>(source: &Typed, ret: i64) -> Option<Return> {
    let compat = source.compat();
    let orig_ax = source.reg(reg::ORIG_AX) as i64;
    let mut call = SyscallId::decode_exit(compat, orig_ax, ret);
    if call.is_exec() && ret == 0 {
        // The new image has renamed the call to its own ABI's execve; whose it was is not known any more.
        call = SyscallId { abi: Abi::X86_64, nr: 59 };
    }
    if !PLAIN && !admission::call_selected(call) {
        return None;
    }
    let fast32 = match call.abi {
        Abi::I386 if source.landing_pad() == source.reg(reg::IP) => source.reg(reg::IP),
        _ => 0,
    };
    let entry = Entry { call, newborn: ret == 0 && call.is_fork(), fast32, ptraced: source.ptraced() };
    let (Verdict { path, reasons }, cause) =
        classify(&entry, &source.exit_regs(), ret, &config::exit_rules());
    let error = if call.is_sigreturn() { 0 } else { error_cell(ret) };
    if !PLAIN && (config::FILTER_FAILED.load() != 0 && error == 0 || !admission::error_selected(error)) {
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
