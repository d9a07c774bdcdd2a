//! Threads through their events, and what is counted of them.

use super::*;
use crate::{
    abi::{Abi, NR_INVALID},
    exit::{ExitRegs, ExitRules, TF, USER_CS, USER_DS},
    loss::Untimed,
    verdict::Reason,
};

const RULES: ExitRules = ExitRules { ip_limit: 1 << 47, canonical_bits: 48, fred: false, xenpv: false };
const REGS: ExitRegs =
    ExitRegs { ip: 0x40_1000, cx: 0x40_1000, flags: 0x246, r11: 0x246, cs: USER_CS, ss: USER_DS };
/// Right below `pt_regs` on a stack of four pages.
const TOP: u64 = 0xffff_c900_0001_4000;
const FAST_SP: u64 = TOP - 176;

const fn x86_64(nr: u16) -> SyscallId {
    SyscallId { abi: Abi::X86_64, nr }
}

const fn finals(orig_ax: i64, ax: i64) -> Final {
    Final { regs: REGS, orig_ax, ax, entry: 0, sysretl: false, by_handler: true }
}

#[test]
fn a_fast_call_is_counted_when_its_handler_ends() {
    let mut thread = Thread::default();
    assert!(begin(&mut thread, 7, x86_64(110), FAST_SP, true, 100));
    assert!(thread.state.is_in());
    assert!(end(&mut thread, 7, FAST_SP + 8, -2, 150));
    assert!(!thread.state.is_in());
    let counted = fast(&thread, true);
    assert_eq!((counted.key.path(), counted.key.call(), counted.error), (Path::SysretFast, x86_64(110), 2));
    assert_eq!(thread.t_exit - thread.t_enter, 50);
}

#[test]
fn handlers_called_by_handlers_or_kernel_threads_are_no_calls() {
    let mut thread = Thread::default();
    assert!(!begin(&mut thread, 7, x86_64(61), TOP - 600, true, 1), "a kernel thread's wait4");
    assert_eq!(thread, Thread::default());
    assert!(begin(&mut thread, 7, x86_64(85), FAST_SP, true, 1));
    assert!(!begin(&mut thread, 7, x86_64(2), FAST_SP - 64, true, 2), "creat calls open");
    assert!(!end(&mut thread, 7, FAST_SP - 56, 3, 3), "and open's end is not creat's");
    assert!(end(&mut thread, 7, FAST_SP + 8, 3, 4));
    assert_eq!(thread.call.id(), x86_64(85));
    // Without the fast path the first handler's depth is not known, only which is deeper.
    let mut thread = Thread::default();
    assert!(begin(&mut thread, 7, x86_64(85), TOP - 999, false, 1));
    assert!(!begin(&mut thread, 7, x86_64(2), TOP - 1100, false, 2));
}

#[test]
fn an_end_that_was_missed_shows_at_the_next_entry() {
    let mut thread = Thread::default();
    assert!(!missed(&thread, 7, FAST_SP, true));
    assert!(begin(&mut thread, 7, x86_64(7), FAST_SP, true, 1));
    assert!(!missed(&thread, 8, FAST_SP, true), "another thread");
    assert!(!missed(&thread, 7, FAST_SP - 64, true), "an inner handler");
    assert!(missed(&thread, 7, FAST_SP, true));
    assert!(begin(&mut thread, 7, x86_64(110), FAST_SP, true, 9));
    assert!(end(&mut thread, 7, FAST_SP + 8, 0, 10));
    assert!(!missed(&thread, 7, FAST_SP, true));
}

#[test]
fn only_the_call_with_a_probe_falls_out_late_and_births_are_told_by_their_number() {
    let mut thread = Thread::default();
    assert!(begin(&mut thread, 7, x86_64(110), FAST_SP, true, 100));
    assert!(end(&mut thread, 7, FAST_SP + 8, 1, 150));
    assert!(is_late(&thread, 7, 110) && is_late(&thread, 7, 0x4000_006e), "itself, in x32 too");
    assert!(!is_late(&thread, 7, 1), "a write after it, which has no probe");
    assert!(!is_late(&thread, 8, 110) && !is_late(&Thread::default(), 0, 0), "another thread, and nobody");
    assert!([56, 57, 58, -1].iter().all(|&nr| is_birth(nr, USER_CS)));
    assert!(!is_birth(1, USER_CS) && is_birth(120, 0x23));
}

#[test]
fn the_slow_path_is_judged_by_its_final_registers() {
    let mut thread = Thread::default();
    begin_slow(&mut thread, 7, State::SLOW64, x86_64(172), 10);
    assert!(begin(&mut thread, 7, x86_64(172), TOP - 300, true, 20));
    assert!(end(&mut thread, 7, TOP - 292, 0, 30));
    let level = ExitRegs { flags: 0x3246, ..REGS };
    let (one, untimed) = finish(&thread, 7, &Final { regs: level, ..finals(172, 0) }, &RULES);
    assert_eq!((one.key.path(), untimed), (Path::Iret, None));
    assert!(one.reasons.has(Reason::R11NeFlags) && one.timed);
    let (same, _) = finish(&thread, 7, &finals(172, 0), &RULES);
    assert_eq!(same.key.path(), Path::Sysret);
}

#[test]
fn a_denied_call_has_no_handler() {
    let mut thread = Thread::default();
    begin_slow(&mut thread, 7, State::SLOW64, x86_64(39), 10);
    let (one, untimed) = finish(&thread, 7, &finals(39, -1), &RULES);
    assert_eq!((one.key.call(), untimed, one.error), (x86_64(39), Some(Untimed::Refused), 1));
    // Where the whole of do_syscall_64 is timed it has a time.
    let whole = Final { by_handler: false, ..finals(39, -1) };
    assert_eq!(finish(&thread, 7, &whole, &RULES).1, None);
}

#[test]
fn a_new_tasks_first_return_is_iret_whatever_its_registers_say() {
    // A record of a dead thread with the same number is no entry of this one.
    let stale = Thread { tid: 7, ..Thread::default() };
    for thread in [Thread::default(), stale] {
        for nr in [56, 57, 58] {
            let (one, untimed) = finish(&thread, 7, &finals(nr, 0), &RULES);
            assert_eq!((one.key.path(), untimed), (Path::Iret, Some(Untimed::ForkChild)));
            assert!(one.reasons.has(Reason::ForkChild));
        }
    }
    let mut parent = Thread::default();
    begin_slow(&mut parent, 7, State::SLOW64, x86_64(57), 1);
    assert_eq!(finish(&parent, 7, &finals(57, 0), &RULES).0.key.path(), Path::Sysret);
}

#[test]
fn signals_restarts_and_execs_are_named() {
    let cause = |nr, ret, bits, regs| {
        let mut thread = Thread::default();
        begin_slow(&mut thread, 7, State::SLOW64, x86_64(nr), 1);
        begin(&mut thread, 7, x86_64(nr), TOP - 300, true, 2);
        end(&mut thread, 7, TOP - 292, ret, 3);
        thread.state.0 |= bits;
        let orig_ax = if nr == 15 { -1 } else { i64::from(nr) };
        let (one, _) = finish(&thread, 7, &Final { regs, ..finals(orig_ax, 0) }, &RULES);
        (one.key.path(), one.cause, one.error)
    };
    let moved = ExitRegs { ip: 0x40_2000, ..REGS };
    assert_eq!(cause(62, 0, State::SIGNAL, moved), (Path::Iret, Cause::Signal, 0));
    assert_eq!(cause(0, -512, State::SIGNAL, moved).2, 4);
    assert_eq!(cause(0, -512, State::SIGNAL | State::SA_RESTART, moved).2, error_cell(-512));
    assert_eq!(cause(0, -514, State::SIGNAL | State::SA_RESTART, moved).2, 4);
    assert_eq!(cause(0, -512, 0, moved).1, Cause::Restart);
    assert_eq!(cause(59, 0, 0, moved).1, Cause::Exec);
    assert_eq!(cause(15, 77, 0, moved), (Path::Iret, Cause::Sigreturn, 0));
    assert_eq!(cause(15, 77, 0, REGS), (Path::Sysret, Cause::None, 0));
    assert_eq!(cause(110, 5, 0, ExitRegs { flags: 0x246 | TF, r11: 0x246 | TF, ..REGS }).0, Path::Iret);
}

#[test]
fn the_i386_entries_say_how_they_leave() {
    let mut thread = Thread::default();
    let call = SyscallId { abi: Abi::I386, nr: 64 };
    begin_slow(&mut thread, 7, State::FAST32, call, 1);
    let yes = Final { sysretl: true, ..finals(64, 5) };
    assert_eq!(finish(&thread, 7, &yes, &RULES).0.key.path(), Path::Sysretl);
    let compat = ExitRegs { cs: 0x23, ..REGS };
    let (no, _) = finish(&thread, 7, &Final { regs: compat, ..finals(64, 5) }, &RULES);
    assert_eq!((no.key.path(), no.reasons), (Path::Iret, Reasons::NONE.with(Reason::LandingPad)));
    begin_slow(&mut thread, 7, State::INT80, call, 1);
    let (one, _) = finish(&thread, 7, &finals(64, 5), &RULES);
    assert_eq!((one.key.path(), one.key.call()), (Path::Iret, call));
    assert!(one.reasons.has(Reason::Int80));
}

#[test]
fn a_thread_that_was_not_seen_is_labelled_by_its_registers() {
    let (one, untimed) = finish(&Thread::default(), 7, &finals(7, 0), &RULES);
    assert_eq!((one.key.call(), untimed), (x86_64(7), Some(Untimed::InFlight)));
    let (bad, _) = finish(&Thread::default(), 7, &finals(5000, -38), &RULES);
    assert_eq!(bad.key.call().nr, NR_INVALID);
}

#[test]
fn without_a_last_look_signals_and_restarts_move_what_was_seen_before_them() {
    let deduced = |ret, bits, provisional| {
        let mut thread = Thread::default();
        begin_slow(&mut thread, 7, State::SLOW64, x86_64(0), 1);
        begin(&mut thread, 7, x86_64(0), TOP - 300, true, 2);
        end(&mut thread, 7, TOP - 292, ret, 3);
        thread.state.0 |= bits;
        thread.provisional = provisional;
        let (one, untimed) = deduce(&thread, &finals(0, 0), &RULES);
        assert_eq!(untimed, None);
        (one.key.path(), one.cause)
    };
    assert_eq!(deduced(0, 0, 0), (Path::Sysret, Cause::None));
    assert_eq!(deduced(0, 0, 1 << Reason::R11NeFlags as u32), (Path::Iret, Cause::None));
    assert_eq!(deduced(0, State::SIGNAL, 0), (Path::Iret, Cause::Signal));
    assert_eq!(deduced(-512, 0, 0), (Path::Iret, Cause::Restart));
    let level = ExitRegs { flags: 0x3246, ..REGS };
    assert_eq!(failed_tests(&level, &RULES), 1 << Reason::R11NeFlags as u32);
    assert_eq!(failed_tests(&REGS, &RULES), 0);
}

#[test]
fn the_tests_are_those_of_the_classification() {
    let words = [0, 9, 0x40_1000, 1 << 47, 0xffff_8000_0000_0000, 0x246, 0x346, 0x1_0246];
    for (ip, cx) in words.iter().flat_map(|&ip| words.map(|cx| (ip, cx))) {
        for (flags, r11) in words.iter().flat_map(|&flags| words.map(|r11| (flags, r11))) {
            for (cs, ss) in [(USER_CS, USER_DS), (0x23, USER_DS), (USER_CS, 0)] {
                let regs = ExitRegs { ip, cx, flags, r11, cs, ss };
                let expected = crate::exit::classify_syscall64(&regs, &RULES).reasons.0;
                assert_eq!(failed_tests(&regs, &RULES), u32::from(expected), "{regs:?}");
            }
        }
    }
}

#[test]
fn where_the_stack_tells_the_entry_a_missed_end_does_not_hide_the_next_call() {
    let mut thread = Thread::default();
    begin_full(&mut thread, 7, State::SLOW64, x86_64(7), TOP - 300);
    // The stack's offset is random from 5.13 on: the next call may lie deeper.
    begin_full(&mut thread, 7, State::INT80, SyscallId { abi: Abi::I386, nr: 64 }, TOP - 500);
    assert!(end(&mut thread, 7, TOP - 492, 5, 30));
    let end = Final { entry: State::INT80, ..finals(64, 5) };
    let (one, untimed) = finish(&thread, 7, &end, &RULES);
    assert_eq!((one.key.path(), one.key.call().abi, untimed), (Path::Iret, Abi::I386, None));
}

#[test]
fn what_moves_a_call_without_a_handler_is_its_cause() {
    let cause = |bits| {
        let thread = Thread { tid: 7, state: State(bits), ..Thread::default() };
        let moved = ExitRegs { ip: 0x40_2000, ..REGS };
        let end = Final { regs: moved, entry: State::SLOW64, ..finals(111, 111) };
        (finish(&thread, 7, &end, &RULES).0.cause, finish(&thread, 8, &end, &RULES).0.cause)
    };
    assert_eq!(cause(State::SIGNAL), (Cause::Signal, Cause::None));
    assert_eq!(cause(State::RSEQ), (Cause::Rseq, Cause::None));
}

#[test]
fn what_has_no_handler_is_named_by_its_registers() {
    let thread = Thread { tid: 7, ..Thread::default() };
    let end = |entry, orig_ax, ax| Final { entry, ..finals(orig_ax, ax) };
    let name = |end: &Final| {
        let (one, untimed) = finish(&thread, 7, end, &RULES);
        (one.key.call().nr, one.key.path(), untimed)
    };
    let refused = Some(Untimed::Refused);
    assert_eq!(name(&end(State::SLOW64, -1, -38)), (NR_INVALID, Path::Sysret, refused));
    assert_eq!(name(&end(State::SLOW64, -1, 5)), (15, Path::Sysret, refused));
    // A helper's first program was executed by nobody's call.
    let born = Some(Untimed::ForkChild);
    assert_eq!(name(&end(State::SLOW64 | State::BORN, 0, 0)), (0, Path::Iret, born));
}

#[test]
fn flags_say_what_made_a_call_slow() {
    let causes = |flags, nr| Diversion::at_entry(flags, x86_64(nr));
    let one = |diversion: Diversion| 1 << diversion as u32;
    assert_eq!(causes(1, 0), one(Diversion::Ptrace));
    assert_eq!(causes(1 << 7 | 1 << 8, 0), one(Diversion::Audit) | one(Diversion::Seccomp));
    assert_eq!(causes(1 << 19, 57), one(Diversion::Nohz));
    assert_eq!(causes(1 << 28, 0), one(Diversion::Tracepoint));
    for nr in [15, 56, 57, 58, 59, 172, 322] {
        assert_eq!(causes(0, nr), one(Diversion::Registers));
    }
    assert_eq!(causes(1 << 2, 0), one(Diversion::Pending));
    for (number, diversion) in Diversion::ALL.into_iter().enumerate() {
        assert_eq!(diversion as usize, number);
    }
}
