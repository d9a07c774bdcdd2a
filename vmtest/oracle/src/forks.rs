//! Calls that make tasks, and which new task each of them made.
//!
//! A new task's first return is counted for the call that made it. The child may return before its creator does or
//! after, or never; several threads of a process may be forking at once.

use vmtest::expect::Abi;

use crate::task::Identity;

/// A call that makes a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// The creator's address and process number.
    pub creator: (u64, u32),
    /// The entry's ABI.
    pub abi: Abi,
    /// The number.
    pub nr: i32,
    /// Where the creator goes on, and the child too.
    pub next: u64,
    /// The child's thread number, once the creator has returned with it.
    pub child: Option<u32>,
}

/// Calls whose child has not returned yet, oldest first.
#[derive(Debug, Default)]
pub struct Forks(Vec<Fork>);

impl Forks {
    /// A task enters such a call; one that it had entered before and not left was never made.
    pub fn enter(&mut self, fork: Fork) {
        self.forget(fork.creator.0);
        self.0.push(fork);
    }

    /// The creator returned with `answer`, the child's number or an error.
    pub fn leave(&mut self, creator: u64, answer: i64) {
        if answer <= 0 {
            return self.forget(creator);
        }
        if let Some(fork) = self.0.iter_mut().find(|fork| fork.is_open(creator)) {
            fork.child = Some(answer as u32);
        }
    }

    /// The call that made `child`, whose first return goes to `next`.
    pub fn take(&mut self, child: &Identity, next: u64) -> Option<Fork> {
        // A thread has the parent of its whole process.
        let of = if child.thread == child.process { child.parent } else { child.process };
        let named = |fork: &Fork| fork.child == Some(child.thread);
        let open = |fork: &Fork| fork.child.is_none() && fork.creator.1 == of;
        let here = |fork: &Fork| fork.next == next;
        let at = (self.0.iter().position(named))
            .or_else(|| self.0.iter().position(|fork| open(fork) && here(fork)))
            // A signal or a debugger has sent the child elsewhere.
            .or_else(|| self.0.iter().position(open))
            // CLONE_PARENT gives the child another parent; a PID namespace gives it another number.
            .or_else(|| self.0.iter().position(here))?;
        Some(self.0.remove(at))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn forget(&mut self, creator: u64) {
        self.0.retain(|fork| !fork.is_open(creator));
    }
}

impl Fork {
    fn is_open(&self, creator: u64) -> bool {
        self.creator.0 == creator && self.child.is_none()
    }
}

#[cfg(test)]
mod tests {
    use vmtest::expect::Abi;

    use super::{Fork, Forks};
    use crate::task::Identity;

    fn fork(creator: u64, process: u32, nr: i32, next: u64) -> Fork {
        Fork { creator: (creator, process), abi: Abi::X86_64, nr, next, child: None }
    }

    fn child(thread: u32, process: u32, parent: u32) -> Identity {
        Identity { task: 99, thread, process, parent }
    }

    fn taken(forks: &mut Forks, child: &Identity, next: u64) -> Option<i32> {
        forks.take(child, next).map(|fork| fork.nr)
    }

    #[test]
    fn a_child_is_found_by_its_creators_answer_whatever_came_before() {
        let mut forks = Forks::default();
        // This one's child was killed before it returned.
        forks.enter(fork(1, 10, 57, 0x100));
        forks.leave(1, 11);
        forks.enter(fork(1, 10, 58, 0x100));
        forks.leave(1, 12);
        assert_eq!(taken(&mut forks, &child(12, 12, 10), 0x100), Some(58));
    }

    #[test]
    fn a_child_that_comes_first_belongs_to_the_creator_of_its_process_at_its_address() {
        let mut forks = Forks::default();
        forks.enter(fork(1, 10, 56, 0x100));
        forks.enter(fork(2, 10, 435, 0x200));
        forks.enter(fork(3, 20, 57, 0x200));
        assert_eq!(taken(&mut forks, &child(13, 10, 5), 0x200), Some(435), "a thread, by its own process");
        assert_eq!(taken(&mut forks, &child(21, 21, 20), 0x200), Some(57), "a process, by its parent");
        assert_eq!(taken(&mut forks, &child(14, 10, 5), 0x900), Some(56), "sent elsewhere");
        assert_eq!(taken(&mut forks, &child(15, 10, 5), 0x100), None);
        forks.leave(1, 14);
        assert_eq!(taken(&mut forks, &child(14, 10, 5), 0x100), None, "already taken");
    }

    #[test]
    fn a_failed_call_has_no_child_and_another_parent_is_no_obstacle() {
        let mut forks = Forks::default();
        forks.enter(fork(1, 10, 56, 0x100));
        forks.leave(1, -11);
        assert_eq!(taken(&mut forks, &child(11, 11, 10), 0x100), None);
        forks.enter(fork(1, 10, 56, 0x100));
        assert_eq!(taken(&mut forks, &child(11, 11, 5), 0x100), Some(56));
        forks.enter(fork(1, 10, 56, 0x100));
        forks.enter(fork(1, 10, 57, 0x100));
        assert_eq!(taken(&mut forks, &child(12, 12, 10), 0x100), Some(57), "the first entry was never left");
        assert_eq!(taken(&mut forks, &child(13, 13, 10), 0x100), None);
    }
}
