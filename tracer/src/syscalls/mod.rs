//! System calls by number, name and class, for each ABI of an `x86_64` kernel.
//!
//! The tables in `generated/` come from the kernel's uapi headers (`cargo xtask syscalls` writes them); a test walks
//! them once more for what the lookups below rely on. x32 numbers stand here without their bit 30.

mod class;
mod error;
mod expr;
mod generated;
mod members;
mod set;

use std::fmt;

use tracer_common::{Abi, NR_INVALID};

pub use class::{Class, Classes};
pub use error::ExprError;
pub use expr::Expr;
pub use generated::KERNEL;
pub use set::SyscallSet;

/// Numbers run below this in every ABI: the width of the kernel-side filter.
pub const NUMBERS: u16 = 1024;

/// What [`NR_INVALID`] is called, which stands for every number no table can have: -1 from a tracer that cancels a
/// call, or garbage.
pub const INVALID: &str = "invalid";

/// Marks a number without a call in [`INDEX`].
const VACANT: u16 = u16::MAX;

/// For each ABI and number the position in that ABI's table, so that naming a number is one load.
static INDEX: [[u16; NUMBERS as usize]; Abi::ALL.len()] =
    [index(table(Abi::X86_64)), index(table(Abi::X32)), index(table(Abi::I386))];

const fn table(abi: Abi) -> &'static [(&'static str, u16)] {
    match abi {
        Abi::X86_64 => generated::x86_64::CALLS,
        Abi::X32 => generated::x32::CALLS,
        Abi::I386 => generated::i386::CALLS,
    }
}

const fn index(calls: &[(&str, u16)]) -> [u16; NUMBERS as usize] {
    let mut index = [VACANT; NUMBERS as usize];
    let mut position = 0;
    while position < calls.len() {
        index[calls[position].1 as usize] = position as u16;
        position += 1;
    }
    index
}

/// The name of call `nr`, or `None` where the ABI has no such call.
#[must_use]
pub fn name(abi: Abi, nr: u32) -> Option<&'static str> {
    let position = *INDEX[abi as usize].get(nr as usize)?;
    table(abi).get(usize::from(position)).map(|(name, _)| *name)
}

/// The number of the call `name`, or `None` where the ABI has no such call.
#[must_use]
pub fn number(abi: Abi, name: &str) -> Option<u16> {
    let calls = table(abi);
    let position = calls.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(calls[position].1)
}

/// How a call is written in outputs: its name, `syscall_337` for a number without one, [`INVALID`] for a number out
/// of range. `-e` accepts all three.
#[must_use]
pub fn label(abi: Abi, nr: u32) -> Label {
    Label { abi, nr }
}

/// See [`label`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    abi: Abi,
    nr: u32,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(self.abi, self.nr) {
            Some(name) => f.pad(name),
            None if self.nr < u32::from(NR_INVALID) => f.pad(&format!("{}{}", expr::UNNAMED_PREFIX, self.nr)),
            None => f.pad(INVALID),
        }
    }
}

/// One line of `exitpath syscalls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number, without x32's bit 30.
    pub nr: u16,
    /// The name in the kernel's headers.
    pub name: &'static str,
    /// The classes `-e` finds it by.
    pub classes: Classes,
}

/// All named calls of an ABI, by ascending number.
pub fn listing(abi: Abi) -> impl Iterator<Item = Row> {
    (0..NUMBERS).filter_map(move |nr| {
        let name = name(abi, nr.into())?;
        Some(Row { nr, name, classes: Classes::of(name) })
    })
}

/// What `-e` calls a number by, if it has a word for it.
fn word(abi: Abi, nr: u16) -> Option<&'static str> {
    if nr == NR_INVALID { Some(INVALID) } else { name(abi, nr.into()) }
}

/// The number that `-e` means by a word in one ABI.
fn word_number(abi: Abi, word: &str) -> Option<u16> {
    if word == INVALID { Some(NR_INVALID) } else { number(abi, word) }
}

/// Every name of every ABI; a name that several ABIs have comes once for each.
fn names() -> impl Iterator<Item = &'static str> {
    Abi::ALL.into_iter().flat_map(|abi| table(abi).iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests;
