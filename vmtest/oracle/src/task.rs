//! Who is running: tasks and their numbers, read from the guest kernel's memory.
//!
//! The kernel keeps a pointer to the running task in the area that the GS base points to while it runs. Where in a
//! task its numbers and its parent lie differs from kernel to kernel. The guest's threads say their numbers, and they
//! are looked for: so the oracle needs none of the type information that the tracer under test relies on.

/// Memory of the guest, as far as it is mapped at the moment.
pub trait Memory {
    /// Fills `into` from `address`; false when that is not mapped.
    fn read(&mut self, address: u64, into: &mut [u8]) -> bool;
}

/// A task, as it was when it returned to user mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its address.
    pub task: u64,
    /// Its thread number.
    pub thread: u32,
    /// Its process number.
    pub process: u32,
    /// The process number of its real parent, 0 if unknown.
    pub parent: u32,
}

/// How far into a task its members are looked for: past the numbers of every kernel from 4.4 to 7.3.
const SEARCHED: usize = 8192;

/// Where things are.
#[derive(Debug, Default)]
pub struct Layout {
    current: Option<u64>,
    /// Offsets that held the numbers of every task so far.
    numbers: Option<Vec<u64>>,
    parent: Option<u64>,
}

impl Layout {
    /// Notes where the pointer to the current task is, relative to a CPU's area.
    pub fn set_current(&mut self, address: u64) {
        self.current = Some(address);
    }

    /// The offsets of the numbers and of the parent, once each is certain.
    pub fn known(&self) -> Option<(u64, u64)> {
        match (self.numbers.as_deref(), self.parent) {
            (Some(&[numbers]), Some(parent)) => Some((numbers, parent)),
            _ => None,
        }
    }

    /// The task that the CPU whose area is at `base` runs.
    pub fn current(&self, memory: &mut impl Memory, base: u64) -> Option<u64> {
        let task = word(memory, base.wrapping_add(self.current?))?;
        // In the kernel's half, with 48-bit addresses and with 57-bit ones.
        (task >> 56 == 0xff).then_some(task)
    }

    /// Who the task is; none before [`Layout::known`].
    pub fn identity(&self, memory: &mut impl Memory, task: u64) -> Option<Identity> {
        let (numbers, parent) = self.known()?;
        let pair = |memory: &mut _, task: u64| {
            let pair = word(memory, task.wrapping_add(numbers))?;
            Some((pair as u32, (pair >> 32) as u32))
        };
        let (thread, process) = pair(memory, task)?;
        let parent = word(memory, task.wrapping_add(parent)).and_then(|parent| pair(memory, parent));
        Some(Identity { task, thread, process, parent: parent.map_or(0, |(_, process)| process) })
    }

    /// Looks for a task's numbers; what fits this one too remains.
    pub fn learn_numbers(&mut self, memory: &mut impl Memory, task: u64, thread: u32, process: u32) {
        let mut image = vec![0; SEARCHED];
        if !memory.read(task, &mut image) {
            return;
        }
        let pair = u64::from(process) << 32 | u64::from(thread);
        let holds = |at: u64| read_word(&image, at as usize) == Some(pair);
        let found = match self.numbers.take() {
            Some(before) => before.into_iter().filter(|&at| holds(at)).collect(),
            None => (0..SEARCHED as u64).step_by(4).filter(|&at| holds(at)).collect(),
        };
        self.numbers = Some(found);
    }

    /// Looks for the pointer to a task's parent: `real_parent` and `parent` stand side by side, behind the numbers.
    pub fn learn_parent(&mut self, memory: &mut impl Memory, task: u64, parent: u64) {
        let mut image = vec![0; SEARCHED];
        let from = self.numbers.as_ref().and_then(|found| found.first().copied());
        let Some(from) = from.filter(|_| memory.read(task, &mut image)) else { return };
        let holds = |at: u64| read_word(&image, at as usize) == Some(parent);
        let aligned = from.next_multiple_of(8);
        self.parent = (aligned..SEARCHED as u64).step_by(8).find(|&at| holds(at) && holds(at + 8));
    }
}

fn read_word(image: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(image.get(at..at + 8)?.try_into().ok()?))
}

fn word(memory: &mut impl Memory, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    memory.read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Identity, Layout, Memory};

    /// Words by address; everything else in a page that holds one reads as zero.
    struct Words(BTreeMap<u64, u64>);

    impl Memory for Words {
        fn read(&mut self, address: u64, into: &mut [u8]) -> bool {
            for (at, byte) in into.iter_mut().enumerate() {
                let at = address + at as u64;
                let word = self.0.range(..=at).next_back().filter(|(start, _)| at - **start < 8);
                *byte = word.map_or(0, |(start, word)| word.to_le_bytes()[(at - start) as usize]);
            }
            self.0.range(address..address + (1 << 14)).next().is_some()
        }
    }

    const BASE: u64 = 0xffff_8880_1f00_0000;
    const PARENT: u64 = 0xff11_0000_0100_0000;
    const CHILD: u64 = 0xffff_8880_0200_0000;

    fn memory() -> Words {
        let pair = |thread: u64, process: u64| process << 32 | thread;
        Words(BTreeMap::from([
            (BASE + 0x1_fb80, CHILD),
            // By chance, or in a copy, the pair stands elsewhere too; the pointer as well.
            (PARENT + 64, pair(101, 100)),
            (PARENT + 2464, pair(101, 100)),
            (CHILD + 64, 5),
            (CHILD + 1024, PARENT),
            (CHILD + 2464, pair(103, 102)),
            (CHILD + 2480, PARENT),
            (CHILD + 2488, PARENT),
        ]))
    }

    #[test]
    fn numbers_and_parent_are_found_where_the_guest_says_they_are() {
        let (mut memory, mut layout) = (memory(), Layout::default());
        layout.set_current(0x1_fb80);
        layout.learn_numbers(&mut memory, PARENT, 101, 100);
        assert_eq!(layout.known(), None, "two places hold the pair");
        layout.learn_numbers(&mut memory, CHILD, 103, 102);
        layout.learn_parent(&mut memory, CHILD, PARENT);
        assert_eq!(layout.known(), Some((2464, 2480)));
        let task = layout.current(&mut memory, BASE).expect("it is mapped");
        let want = Identity { task: CHILD, thread: 103, process: 102, parent: 100 };
        assert_eq!(layout.identity(&mut memory, task), Some(want));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let (mut memory, mut layout) = (memory(), Layout::default());
        assert_eq!(layout.current(&mut memory, BASE), None, "nobody said where");
        layout.learn_numbers(&mut memory, CHILD, 7, 7);
        layout.learn_parent(&mut memory, CHILD, PARENT);
        assert_eq!(layout.known(), None);
        layout.set_current(8);
        assert_eq!(layout.current(&mut memory, BASE), None, "no pointer there");
        assert_eq!(layout.current(&mut memory, 0), None, "not mapped");
    }
}
