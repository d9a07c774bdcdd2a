//! Counts by process, and the lines they become.

use std::collections::BTreeMap;

use vmtest::expect::{Abi, Path};
use vmtest::oracle::{Line, Return};

/// What makes returns alike: ABI, number, path, and whether it was a new task's first.
pub type Key = (Abi, i32, Path, bool);

/// How many returns of each kind each process has made.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<u32, BTreeMap<Key, u64>>);

impl Counts {
    /// One more.
    pub fn add(&mut self, process: u32, key: Key) {
        *self.0.entry(process).or_default().entry(key).or_default() += 1;
    }

    /// Forgets what a process did so far.
    pub fn drop_process(&mut self, process: u32) {
        self.0.remove(&process);
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// The sums over `root` alone, or over all processes from it on, which are its descendants: numbers only grow in a
    /// guest. Forgets everything.
    pub fn take(&mut self, case: u64, root: u32, alone: bool) -> Vec<Line> {
        let mut sums: BTreeMap<Key, u64> = BTreeMap::new();
        let from = std::mem::take(&mut self.0).split_off(&root);
        let meant = from.into_iter().filter(|(process, _)| !alone || *process == root);
        for (key, n) in meant.flat_map(|(_, counts)| counts) {
            *sums.entry(key).or_default() += n;
        }
        sums.into_iter()
            .map(|((abi, nr, path, newborn), n)| Line::Return(Return { case, abi, nr, path, newborn, n }))
            .collect()
    }
}
