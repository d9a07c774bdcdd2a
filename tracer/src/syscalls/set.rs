//! A set of system calls of all ABIs, in the shape the kernel-side filter takes.

use std::fmt;

use tracer_common::Abi;

use super::{Class, NUMBERS, word, word_number};

const WORDS: usize = NUMBERS as usize / 64;

/// One bit a number and ABI. Also holds numbers without a name: a newer kernel may have a call there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SyscallSet {
    words: [[u64; WORDS]; Abi::ALL.len()],
}

impl SyscallSet {
    /// No call.
    pub const EMPTY: Self = Self { words: [[0; WORDS]; Abi::ALL.len()] };
    /// Every number of every ABI.
    pub const ALL: Self = Self { words: [[u64::MAX; WORDS]; Abi::ALL.len()] };

    /// The bits, by ABI; number `nr` is bit `nr % 64` of word `nr / 64`.
    #[must_use]
    pub const fn words(&self) -> &[[u64; WORDS]; Abi::ALL.len()] {
        &self.words
    }

    /// The same bits in one row, number `nr` of `abi` at bit `abi * 1024 + nr`: what the kernel-side filter takes.
    #[must_use]
    pub fn flat(&self) -> [u64; WORDS * Abi::ALL.len()] {
        let mut flat = [0; WORDS * Abi::ALL.len()];
        flat.copy_from_slice(self.words.as_flattened());
        flat
    }

    /// Whether call `nr` is in the set; numbers out of range never are.
    #[must_use]
    pub fn contains(&self, abi: Abi, nr: u32) -> bool {
        self.words[abi as usize].get(nr as usize / 64).is_some_and(|word| word >> (nr % 64) & 1 == 1)
    }

    /// Adds call `nr`; says whether it is in range, out of range the set stays as it is.
    pub fn insert(&mut self, abi: Abi, nr: u16) -> bool {
        let word = self.words[abi as usize].get_mut(usize::from(nr) / 64);
        word.map(|word| *word |= 1 << (nr % 64)).is_some()
    }

    /// Adds the call `name` (or `invalid`) wherever an ABI of `abis` has it; says whether one does.
    pub fn insert_name(&mut self, name: &str, abis: &[Abi]) -> bool {
        let mut found = false;
        for abi in abis {
            if let Some(nr) = word_number(*abi, name) {
                found |= self.insert(*abi, nr);
            }
        }
        found
    }

    /// What is not in the set, unnamed numbers included.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut words = self.words;
        words.as_flattened_mut().iter_mut().for_each(|word| *word = !*word);
        Self { words }
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut words = self.words;
        for (word, other) in words.as_flattened_mut().iter_mut().zip(other.words.as_flattened()) {
            *word |= other;
        }
        Self { words }
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.complement().union(other).complement()
    }

    /// How many calls are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.as_flattened().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no call is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Whether every number is in the set, so that no filter is needed.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// The calls, by ABI and ascending number.
    pub fn iter(&self) -> impl Iterator<Item = (Abi, u16)> + '_ {
        Abi::ALL.into_iter().flat_map(|abi| self.numbers(abi).map(move |nr| (abi, nr)))
    }

    fn numbers(&self, abi: Abi) -> impl Iterator<Item = u16> + '_ {
        (0..NUMBERS).filter(move |nr| self.contains(abi, (*nr).into()))
    }
}

/// Numbers out of range are left out.
impl FromIterator<(Abi, u16)> for SyscallSet {
    fn from_iter<I: IntoIterator<Item = (Abi, u16)>>(calls: I) -> Self {
        let mut set = Self::EMPTY;
        for (abi, nr) in calls {
            set.insert(abi, nr);
        }
        set
    }
}

impl Default for SyscallSet {
    /// No call.
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Canonical, and accepted by `-e`: parsing it gives the same set, whatever classes hold by then. The smaller of the
/// set and its complement (after `!`) is written; a call all of whose ABIs are in stands once, without an ABI.
impl fmt::Display for SyscallSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.pad("all");
        }
        if self.is_empty() {
            return f.pad("none");
        }
        let other = self.complement();
        if other.len() < self.len() {
            f.pad(&format!("!{}", Items(&other).text()))
        } else {
            f.pad(&Items(self).text())
        }
    }
}

impl fmt::Debug for SyscallSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyscallSet({self})")
    }
}

/// Writes a set's members.
struct Items<'a>(&'a SyscallSet);

impl Items<'_> {
    fn text(&self) -> String {
        Abi::ALL.into_iter().flat_map(|abi| self.of(abi)).collect::<Vec<_>>().join(",")
    }

    fn of(&self, abi: Abi) -> Vec<String> {
        if self.has_whole(abi) {
            return vec![format!("all@{}", abi.name())];
        }
        let mut items = Vec::new();
        let mut unnamed: Option<(u16, u16)> = None;
        for nr in self.0.numbers(abi) {
            if let Some(name) = word(abi, nr).filter(|name| is_unambiguous(name)) {
                items.extend(self.named(abi, name));
            } else if let Some((_, last)) = unnamed.as_mut().filter(|(_, last)| last + 1 == nr) {
                *last = nr;
            } else {
                items.extend(unnamed.replace((nr, nr)).map(|range| numbered(abi, range)));
            }
        }
        items.extend(unnamed.map(|range| numbered(abi, range)));
        items
    }

    /// `None` where the call was written with an ABI before this one.
    fn named(&self, abi: Abi, name: &str) -> Option<String> {
        let first =
            Abi::ALL.into_iter().find(|abi| word_number(*abi, name).is_some() && !self.has_whole(*abi))?;
        if !self.has_everywhere(name) {
            return Some(format!("{name}@{}", abi.name()));
        }
        (first == abi).then(|| name.to_owned())
    }

    fn has_whole(&self, abi: Abi) -> bool {
        self.0.words[abi as usize] == [u64::MAX; WORDS]
    }

    fn has_everywhere(&self, name: &str) -> bool {
        let mut numbers = Abi::ALL.into_iter().filter_map(|abi| Some((abi, word_number(abi, name)?)));
        numbers.all(|(abi, nr)| self.0.contains(abi, nr.into()))
    }
}

/// i386 has calls named `ipc` and `signal`, which `-e` takes for the classes: these go by number.
fn is_unambiguous(name: &str) -> bool {
    Class::parse(name).is_none()
}

fn numbered(abi: Abi, (first, last): (u16, u16)) -> String {
    let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
    // x86_64 is what a bare number means.
    if abi == Abi::X86_64 { range } else { format!("{range}@{}", abi.name()) }
}

#[cfg(test)]
mod tests;
