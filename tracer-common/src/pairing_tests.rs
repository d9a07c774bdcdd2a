//! Event sequences through the pairing state machine.

use super::*;
use crate::abi::Abi;
use proptest::prelude::*;

const TID: u32 = 77;

const fn call(nr: u16) -> SyscallId {
    SyscallId { abi: Abi::X86_64, nr }
}

fn entered(nr: u16) -> TaskRecord {
    let mut record = TaskRecord::default();
    assert_eq!(enter(&mut record, TID, call(nr), false, true), None);
    record
}

fn leaves(record: &TaskRecord, orig_ax: i64, ret: i64) -> Exit {
    exit(record, TID, orig_ax, SyscallId::decode(false, orig_ax), ret)
}

#[test]
fn an_exit_pairs_with_its_entry() {
    let record = entered(110);
    assert!(matches!(leaves(&record, 110, 1), Exit::Paired(call) if call.id().nr == 110));
}

#[test]
fn sigreturn_pairs_although_its_number_is_gone() {
    assert!(matches!(leaves(&entered(15), -1, 0), Exit::Paired(_)));
    // Another call with orig_ax = -1 is not the one that was entered.
    assert_eq!(leaves(&entered(1), -1, 0), Exit::Unpaired);
}

#[test]
fn bad_numbers_pair_with_bad_numbers() {
    let record = entered(NR_INVALID);
    assert!(matches!(leaves(&record, -1, -38), Exit::Paired(_)));
    assert!(matches!(leaves(&record, 5000, -38), Exit::Paired(_)));
    assert_eq!(leaves(&record, 1, 0), Exit::Unpaired);
}

#[test]
fn x32_numbers_pair_with_their_bit() {
    let mut record = TaskRecord::default();
    let id = SyscallId { abi: Abi::X32, nr: 520 };
    enter(&mut record, TID, id, false, true);
    assert!(matches!(leaves(&record, 0x4000_0000 + 520, 0), Exit::Paired(call) if call.id() == id));
}

#[test]
fn an_exec_that_changes_the_abi_keeps_the_entrys() {
    let record = entered(59);
    let here = SyscallId::decode(true, 59);
    assert!(matches!(exit(&record, TID, 59, here, 0), Exit::Paired(call) if call.id().abi == Abi::X86_64));
}

#[test]
fn an_exec_pairs_although_the_new_image_renames_it() {
    // execveat of a 64-bit and of a 32-bit program, and a 32-bit program's execve of a 64-bit one.
    for (abi, nr, orig_ax) in
        [(Abi::X86_64, 322, 59), (Abi::X86_64, 322, 11), (Abi::X86_64, 59, 11), (Abi::I386, 11, 59)]
    {
        let mut record = TaskRecord::default();
        let id = SyscallId { abi, nr };
        enter(&mut record, TID, id, false, true);
        let here = SyscallId::decode(orig_ax == 11, orig_ax);
        assert!(matches!(exit(&record, TID, orig_ax, here, 0), Exit::Paired(call) if call.id() == id));
    }
    assert_eq!(leaves(&entered(9), 11, 0), Exit::Unpaired);
}

#[test]
fn children_are_newborn_by_record_and_by_value() {
    assert_eq!(leaves(&born(TID), 56, 0), Exit::Newborn);
    // A kernel thread that became a program returns with whatever number it inherited.
    assert_eq!(leaves(&born(TID), 0, 0), Exit::Newborn);
    for nr in [56, 57, 58, 435] {
        assert_eq!(leaves(&TaskRecord::default(), nr, 0), Exit::Newborn);
        assert_eq!(leaves(&TaskRecord::unseen(TID), nr, 0), Exit::Newborn);
    }
    assert_eq!(leaves(&TaskRecord::default(), 56, 4242), Exit::Unseen);
    assert!(matches!(leaves(&entered(56), 56, 4242), Exit::Paired(_)));
}

#[test]
fn exits_without_entry() {
    assert_eq!(leaves(&TaskRecord::default(), 7, 1), Exit::Unseen);
    assert_eq!(leaves(&TaskRecord::unseen(TID), 7, 1), Exit::Unpaired);
    assert_eq!(leaves(&entered(3), 7, 1), Exit::Unpaired);
    assert_eq!(blame(Exit::Unseen, true, false), Ok(Untimed::InFlight));
    assert_eq!(blame(Exit::Newborn, false, false), Ok(Untimed::ForkChild));
    assert_eq!(blame(Exit::Unpaired, true, false), Ok(Untimed::Refused));
    assert_eq!(blame(Exit::Unpaired, false, true), Ok(Untimed::InFlight));
    assert_eq!(blame(Exit::Unpaired, false, false), Err(Loss::NoStart));
}

#[test]
fn exit_and_exit_group_arm_nothing() {
    for nr in [60, 231] {
        let mut record = entered(110);
        record.last = Last(1 << 15);
        enter(&mut record, TID, call(nr), false, true);
        assert!(!record.call.is_in());
        assert!(!record.last.is_counted());
    }
}

#[test]
fn a_collision_is_a_loss_only_when_a_call_was_in_flight() {
    let mut record = entered(0);
    assert_eq!(enter(&mut record, TID + 1, call(1), false, true), Some(Loss::TidCollision));
    assert_eq!(leaves(&record, 0, 1), Exit::Unseen);
    let mut idle = TaskRecord { t_exit: 5, ..TaskRecord::unseen(TID) };
    assert_eq!(enter(&mut idle, TID + 1, call(1), false, true), None);
    assert_eq!(idle.t_exit, 0, "another thread's return is no start of a turnaround");
}

#[test]
fn a_thread_that_executes_takes_its_leaders_number() {
    let record = renamed(&entered(59), TID, 70);
    assert!(matches!(exit(&record, 70, 59, call(59), 0), Exit::Paired(_)));
    // Overwritten by a collision: nothing is known of the leader's new self.
    assert_eq!(renamed(&entered(59), TID + 1, 70), TaskRecord::unseen(70));
}

#[derive(Clone, Debug)]
enum Event {
    Enter(u16),
    Exit,
    ExitOther(u16),
}

proptest! {
    /// Any order of events: an exit pairs exactly when the last event of the thread was an entry with its number, or an exec's
    /// with any `execve` number.
    #[test]
    fn pairing_follows_a_plain_model(events in prop::collection::vec(prop_oneof![
        (0_u16..400).prop_map(Event::Enter), Just(Event::Exit), (0_u16..400).prop_map(Event::ExitOther),
    ], 0..60)) {
        let mut record = TaskRecord::default();
        let mut model: Option<u16> = None;
        for event in events {
            match event {
                Event::Enter(nr) => {
                    enter(&mut record, TID, call(nr), false, true);
                    model = (nr != 60 && nr != 231).then_some(nr);
                }
                Event::Exit | Event::ExitOther(_) => {
                    let nr = match event { Event::ExitOther(nr) => nr, _ => model.unwrap_or(3) };
                    let orig_ax = if nr == 15 { -1 } else { i64::from(nr) };
                    let paired = matches!(leaves(&record, orig_ax, 1), Exit::Paired(_));
                    // execve and execveat store their new ABI's own number.
                    let renamed = matches!(model, Some(59 | 322)) && matches!(nr, 59 | 11);
                    prop_assert_eq!(paired, model == Some(nr) || renamed);
                    record.call = Call::IDLE;
                    model = None;
                }
            }
        }
    }
}
