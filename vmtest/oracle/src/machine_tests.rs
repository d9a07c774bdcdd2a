//! The machine on sequences of events: what each return is counted as.

use vmtest::expect::{Abi, Path};
use vmtest::marker::Marker;
use vmtest::oracle::{Line, Return};

use crate::machine::{Entry, Exit, Machine};
use crate::task::Identity;

const SUITE: u64 = 0x1000;
const ROOT: u64 = 0x2000;
const CHILD: u64 = 0x3000;

/// Number, path, whether a new task's first, count.
type Row = (i32, Path, bool, u64);

fn who(task: u64, thread: u32, process: u32, parent: u32) -> Identity {
    Identity { task, thread, process, parent }
}

fn enter(machine: &mut Machine, task: u64, nr: i32) -> Vec<Line> {
    machine.enter(task, &Entry { abi: Abi::X86_64, nr, marker: None, next: 0x400 })
}

fn say(machine: &mut Machine, task: u64, marker: Marker) -> Vec<Line> {
    let nr = marker.number() as i32;
    machine.enter(task, &Entry { abi: Abi::X86_64, nr, marker: Some((marker, 7)), next: 0x400 })
}

fn leave(machine: &mut Machine, who: Identity, path: Path, answer: i64) {
    machine.leave(&who, &Exit { path, next: 0x400, answer });
}

/// A suite with number 50, and the root 51 behind its exec and its marker.
fn begun() -> Machine {
    let mut machine = Machine::default();
    leave(&mut machine, who(SUITE, 50, 50, 1), Path::Iret, 0);
    enter(&mut machine, SUITE, 57);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Iret, 0);
    leave(&mut machine, who(SUITE, 50, 50, 1), Path::Sysret, 51);
    enter(&mut machine, ROOT, 3);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, 0);
    enter(&mut machine, ROOT, 59);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Iret, 0);
    say(&mut machine, ROOT, Marker::Begin);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, -38);
    machine
}

/// The rows of the case without the root's marker, and (other, orphans).
fn ended(machine: &mut Machine) -> (Vec<Row>, (u64, u64)) {
    let mut rows = Vec::new();
    let mut end = None;
    for line in say(machine, SUITE, Marker::Dump) {
        match line {
            Line::Return(Return { case, nr, path, newborn, n, .. }) => {
                assert_eq!(case, 7);
                rows.push((nr, path, newborn, n));
            }
            Line::End { case, other, orphans } => {
                assert_eq!(case, 7);
                end = Some((other, orphans));
            }
            line => panic!("{line:?}"),
        }
    }
    rows.retain(|row| row.0 != Marker::Begin.number() as i32);
    (rows, end.expect("the case ended"))
}

#[test]
fn calls_are_counted_by_the_instruction_that_ended_them_and_interrupts_are_not() {
    let mut machine = begun();
    for path in [Path::Sysret, Path::Iret, Path::Sysret] {
        enter(&mut machine, ROOT, 110);
        leave(&mut machine, who(ROOT, 51, 51, 50), path, 50);
        leave(&mut machine, who(ROOT, 51, 51, 50), Path::Iret, 50);
    }
    enter(&mut machine, ROOT, 231);
    let want = vec![(110, Path::Sysret, false, 2), (110, Path::Iret, false, 1)];
    assert_eq!(ended(&mut machine), (want, (3, 0)), "and nothing from before the exec");
    assert!(matches!(say(&mut machine, SUITE, Marker::Dump)[..], [Line::Trouble { .. }]));
}

#[test]
fn a_child_is_counted_for_its_creator_and_its_exec_forgets_nothing() {
    let mut machine = begun();
    enter(&mut machine, ROOT, 58);
    leave(&mut machine, who(CHILD, 52, 52, 51), Path::Iret, 0);
    enter(&mut machine, CHILD, 59);
    leave(&mut machine, who(CHILD, 52, 52, 51), Path::Iret, 0);
    enter(&mut machine, CHILD, 60);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, 52);
    // The next task gets the dead one's memory.
    enter(&mut machine, ROOT, 58);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, 53);
    leave(&mut machine, who(CHILD, 53, 53, 51), Path::Iret, 0);
    let want = vec![(58, Path::Sysret, false, 2), (58, Path::Iret, true, 2), (59, Path::Iret, false, 1)];
    assert_eq!(ended(&mut machine), (want, (0, 0)));
}

#[test]
fn a_thread_that_becomes_the_leader_by_exec_returns_from_it() {
    let mut machine = begun();
    enter(&mut machine, ROOT, 56);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, 52);
    leave(&mut machine, who(CHILD, 52, 51, 50), Path::Iret, 0);
    enter(&mut machine, CHILD, 59);
    leave(&mut machine, who(CHILD, 51, 51, 50), Path::Iret, 0);
    let want = vec![(56, Path::Sysret, false, 1), (56, Path::Iret, true, 1), (59, Path::Iret, false, 1)];
    assert_eq!(ended(&mut machine), (want, (0, 0)));
}

#[test]
fn a_child_of_nobody_is_said_and_a_failed_fork_makes_none() {
    let mut machine = begun();
    enter(&mut machine, ROOT, 57);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, -11);
    leave(&mut machine, who(CHILD, 52, 52, 51), Path::Iret, 0);
    assert_eq!(ended(&mut machine), (vec![(57, Path::Sysret, false, 1)], (0, 1)));
}

#[test]
fn a_task_killed_in_a_call_leaves_it_to_nobody() {
    let mut machine = begun();
    enter(&mut machine, ROOT, 57);
    leave(&mut machine, who(CHILD, 52, 52, 51), Path::Iret, 0);
    leave(&mut machine, who(ROOT, 51, 51, 50), Path::Sysret, 52);
    enter(&mut machine, CHILD, 34);
    // Killed; another process gets its memory.
    enter(&mut machine, ROOT, 57);
    leave(&mut machine, who(CHILD, 53, 53, 51), Path::Iret, 0);
    let (rows, end) = ended(&mut machine);
    assert_eq!(rows, [(57, Path::Sysret, false, 1), (57, Path::Iret, true, 2)]);
    assert_eq!(end, (0, 0));
}
