//! Entries and returns, task by task: what each return ended.
//!
//! An entry's task is the one that its CPU last returned to. So only returns need to look at memory, which is mapped
//! then even under page table isolation.

use std::collections::HashMap;

use vmtest::expect::{Abi, Path};
use vmtest::marker::Marker;
use vmtest::oracle::Line;

use crate::counts::Counts;
use crate::forks::{Fork, Forks};
use crate::task::Identity;

/// An entry to the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// By the instruction and the code segment.
    pub abi: Abi,
    /// EAX.
    pub nr: i32,
    /// What the guest says by it to the oracle, with its first argument.
    pub marker: Option<(Marker, u64)>,
    /// The address behind the instruction.
    pub next: u64,
}

/// A return to user mode.
#[derive(Debug, Clone, Copy)]
pub struct Exit {
    /// The instruction.
    pub path: Path,
    /// Where it goes.
    pub next: u64,
    /// RAX.
    pub answer: i64,
}

#[derive(Debug)]
struct Task {
    thread: u32,
    process: u32,
    call: Option<(Abi, i32)>,
}

/// Everything known about the guest's tasks.
#[derive(Debug, Default)]
pub struct Machine {
    tasks: HashMap<u64, Task>,
    forks: Forks,
    counts: Counts,
    root: Option<u32>,
    /// Only the root counts, not what was started after it.
    alone: bool,
    other: u64,
    orphans: u64,
}

impl Machine {
    /// The task at `task` enters the kernel. Gives lines when that ends a case.
    pub fn enter(&mut self, task: u64, entry: &Entry) -> Vec<Line> {
        let Some(caller) = self.tasks.get_mut(&task) else { return Vec::new() };
        let call = (entry.abi, entry.nr);
        caller.call = (!never_returns(call)).then_some(call);
        if makes_a_task(call) {
            let creator = (task, caller.process);
            let Entry { abi, nr, next, .. } = *entry;
            self.forks.enter(Fork { creator, abi, nr, next, child: None });
        }
        match entry.marker {
            Some((Marker::Begin, alone)) => {
                self.root = Some(caller.process);
                self.alone = alone == 1;
                (self.other, self.orphans) = (0, 0);
                Vec::new()
            }
            Some((Marker::Dump, 0)) => {
                self.counts.forget();
                Vec::new()
            }
            Some((Marker::Dump, case)) => self.dump(case),
            _ => Vec::new(),
        }
    }

    /// A task returns to user mode.
    pub fn leave(&mut self, who: &Identity, exit: &Exit) {
        let Some(task) = self.tasks.get_mut(&who.task).filter(|task| task.is(who)) else {
            return self.born(who, exit);
        };
        (task.thread, task.process) = (who.thread, who.process);
        let Some(call) = task.call.take() else {
            self.other += 1;
            return;
        };
        if makes_a_task(call) {
            self.forks.leave(who.task, exit.answer);
        }
        if self.root.is_none() && is_exec(call) && exit.answer == 0 {
            // A process may be a case's root only after this: what it was before is not counted, nor is this return.
            return self.counts.drop_process(who.process);
        }
        self.counts.add(who.process, (call.0, call.1, exit.path, false));
    }

    /// A task that was never seen in user mode returns to it.
    fn born(&mut self, who: &Identity, exit: &Exit) {
        self.tasks.insert(who.task, Task { thread: who.thread, process: who.process, call: None });
        match self.forks.take(who, exit.next) {
            Some(fork) => self.counts.add(who.process, (fork.abi, fork.nr, exit.path, true)),
            None if self.root.is_some_and(|root| who.process >= root) => self.orphans += 1,
            None => self.other += 1,
        }
    }

    fn dump(&mut self, case: u64) -> Vec<Line> {
        let Some(root) = self.root.take() else {
            return vec![Line::Trouble { said: format!("case {case} ended without a beginning") }];
        };
        let mut lines = self.counts.take(case, root, self.alone);
        lines.push(Line::End { case, other: self.other, orphans: self.orphans });
        self.forks.clear();
        lines
    }
}

impl Task {
    /// Whether this task is now `who`: the same, or a thread that took its leader's number by exec. Another one at
    /// the same address is new there.
    fn is(&self, who: &Identity) -> bool {
        let became_leader = || self.call.is_some_and(is_exec) && who.thread == self.process;
        self.process == who.process && (self.thread == who.thread || became_leader())
    }
}

/// The number of the 64-bit table; x32 shares all but a few with it.
fn never_returns((abi, nr): (Abi, i32)) -> bool {
    match abi {
        Abi::X86_64 | Abi::X32 => matches!(nr & !X32, 60 | 231),
        Abi::I386 => matches!(nr, 1 | 252),
    }
}

fn makes_a_task((abi, nr): (Abi, i32)) -> bool {
    match abi {
        Abi::X86_64 | Abi::X32 => matches!(nr & !X32, 56 | 57 | 58 | 435),
        Abi::I386 => matches!(nr, 2 | 120 | 190 | 435),
    }
}

fn is_exec((abi, nr): (Abi, i32)) -> bool {
    match abi {
        Abi::X86_64 => matches!(nr, 59 | 322),
        Abi::X32 => matches!(nr & !X32, 520 | 545),
        Abi::I386 => matches!(nr, 11 | 358),
    }
}

/// Set in numbers of the x32 ABI.
pub const X32: i32 = 0x4000_0000;
