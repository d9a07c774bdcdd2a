//! Runs of the final hook, one record and register set after the other.

use super::*;
use crate::{exit::USER32_CS, verdict::Path};

const TID: u32 = 77;
const REGS: ExitRegs = ExitRegs { ip: 9, cx: 9, flags: 0x246, r11: 0x246, cs: 0x33, ss: 0x2b };
const RULES: ExitRules =
    ExitRules { ip_limit: ExitRules::TASK_SIZE_MAX_47, canonical_bits: 0, fred: false, xenpv: false };

const fn id(nr: u16) -> SyscallId {
    SyscallId { abi: Abi::X86_64, nr }
}

fn record(call: Call) -> TaskRecord {
    TaskRecord { call, ..TaskRecord::unseen(TID) }
}

fn judge(record: &TaskRecord, orig_ax: i64, ax: i64) -> Final {
    at_final(record, TID, orig_ax, ax, SyscallId::decode(false, orig_ax), false)
}

#[test]
fn interrupts_between_calls_are_nothing() {
    for call in [Call::IDLE, Call::unpaired(id(39), false)] {
        assert_eq!(judge(&record(call), -1, 0), Final::Nothing);
    }
    assert_eq!(judge(&TaskRecord::unseen(0), -1, 0), Final::Nothing);
}

#[test]
fn a_call_past_its_exit_is_committed_whatever_the_registers_say() {
    let call = Call::entered(id(39), false, true).exiting();
    assert!(call.is_exiting() && !call.is_in());
    for (orig_ax, ax) in [(39, 5), (77, -38), (56, 0)] {
        assert_eq!(judge(&record(call), orig_ax, ax), Final::Exited(call));
    }
    assert_eq!(judge(&record(call.passing(true)), 39, 5), Final::Nothing);
    // Only rt_sigreturn, a call with that number and a tracer store -1: else the return was missed.
    assert_eq!(judge(&record(call), -1, 0), Final::Stale);
    let here = SyscallId::decode(false, -1);
    assert_eq!(at_final(&record(call), TID, -1, 0, here, true), Final::Exited(call));
    for nr in [15, NR_INVALID] {
        let call = Call::entered(id(nr), false, true).exiting();
        assert_eq!(judge(&record(call), -1, 0), Final::Exited(call));
    }
    assert_eq!(call.passing(true).passing(false), call);
}

#[test]
fn a_missed_exit_costs_the_latency_only() {
    let call = Call::entered(id(39), false, true);
    assert_eq!(judge(&record(call), 39, 5), Final::Entered(call));
    // rt_sigreturn stores -1, and so may a tracer.
    assert_eq!(judge(&record(call), -1, 5), Final::Entered(call));
    assert_eq!(judge(&record(call), 40, 5), Final::Unlabelled(id(40)));
}

#[test]
fn calls_without_events_are_found_by_their_number() {
    assert_eq!(judge(&record(Call::IDLE), 39, 5), Final::Unlabelled(id(39)));
    assert_eq!(judge(&TaskRecord::unseen(3), 39, 5), Final::Unlabelled(id(39)));
}

#[test]
fn children_are_told_by_their_birth_or_by_their_return_value() {
    assert_eq!(judge(&record(Call::CHILD), 56, 0), Final::Newborn(id(56)));
    for nr in [56, 57, 58, 435] {
        assert_eq!(judge(&TaskRecord::unseen(3), i64::from(nr), 0), Final::Newborn(id(nr)));
        assert_eq!(judge(&record(Call::IDLE), i64::from(nr), 12), Final::Unlabelled(id(nr)));
    }
    // A stale record of a thread that died in fork.
    assert_eq!(judge(&record(Call::entered(id(57), false, true)), 57, 0), Final::Newborn(id(57)));
    let child = at_final(&record(Call::IDLE), TID, 120, 0, SyscallId { abi: Abi::I386, nr: 120 }, false);
    assert!(matches!(child, Final::Newborn(_)));
}

#[test]
fn kvm_inside_ioctl_is_no_return() {
    let call = Call::entered(id(16), false, true);
    assert_eq!(judge(&record(call), 16, -38), Final::Nothing);
    assert_eq!(judge(&record(call), 16, 0), Final::Entered(call));
}

#[test]
fn who_is_to_blame() {
    assert_eq!(blame(false, false, false), Untimed::InFlight);
    assert_eq!(blame(true, true, false), Untimed::Refused);
    assert_eq!(blame(true, false, true), Untimed::InFlight);
    assert_eq!(blame(true, false, false), Untimed::NoEntry);
}

fn classified(
    call: SyscallId,
    regs: &ExitRegs,
    restarted: bool,
    seen: Cause,
    ptraced: bool,
) -> (Path, Cause) {
    let entry = Entry { call, newborn: false, fast32: 0, ptraced };
    let (verdict, cause) = classify_final(&entry, regs, restarted, restarted, seen, &RULES);
    (verdict.path, cause)
}

#[test]
fn final_registers_decide_and_causes_explain() {
    let moved = ExitRegs { ip: 77, ..REGS };
    // Without the code: `ip` two below RCX says so too.
    let back = ExitRegs { ip: 7, ..REGS };
    assert_eq!(classified(id(0), &back, false, Cause::None, false), (Path::Iret, Cause::Restart));
    let call = Call::entered(id(3), false, true).with_seen(Cause::Rseq);
    assert_eq!((call.seen(), call.id(), call.exiting().seen()), (Cause::Rseq, id(3), Cause::Rseq));
    // A restart code that a tracer replaced leaves by SYSRET all the same.
    assert_eq!(classified(id(0), &REGS, true, Cause::None, false), (Path::Sysret, Cause::None));
    assert_eq!(classified(id(0), &moved, true, Cause::None, false), (Path::Iret, Cause::Restart));
    assert_eq!(classified(id(0), &moved, true, Cause::Signal, false), (Path::Iret, Cause::Signal));
    assert_eq!(classified(id(0), &moved, false, Cause::Rseq, false), (Path::Iret, Cause::Rseq));
    assert_eq!(classified(id(59), &moved, false, Cause::None, false), (Path::Iret, Cause::Exec));
    assert_eq!(classified(id(15), &moved, false, Cause::None, false), (Path::Iret, Cause::Sigreturn));
    assert_eq!(classified(id(15), &REGS, false, Cause::None, false), (Path::Sysret, Cause::None));
    assert_eq!(classified(id(39), &moved, false, Cause::None, true), (Path::Iret, Cause::Ptrace));
    let i386 = SyscallId { abi: Abi::I386, nr: 20 };
    let compat = ExitRegs { cs: USER32_CS, ..REGS };
    assert_eq!(classified(i386, &compat, false, Cause::None, true), (Path::Iret, Cause::None));
}

#[test]
fn a_child_is_iret_though_every_test_passes() {
    let entry = Entry { call: id(57), newborn: true, fast32: 0, ptraced: false };
    let (verdict, cause) = classify_final(&entry, &REGS, false, false, Cause::None, &RULES);
    assert_eq!((verdict.path, cause), (Path::Iret, Cause::None));
    assert!(verdict.reasons.has(Reason::ForkChild));
}
