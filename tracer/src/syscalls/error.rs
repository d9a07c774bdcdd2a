//! What can be wrong with a `-e` expression; each message ends in the remedy.

use tracer_common::{Abi, NR_INVALID};

use super::{Class, names, number};

/// Why a `-e` expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// Nothing was given.
    #[error("empty system call expression: give names, numbers or classes, such as -e openat,%network")]
    Empty,
    /// Nothing stands between two commas, or before an `@`.
    #[error("empty item in `{0}`: write one name, number or class between commas")]
    EmptyItem(String),
    /// No ABI has a call of this name.
    #[error("unknown system call `{name}`{}: `exitpath syscalls` lists all names", did_you_mean(.nearest))]
    UnknownName {
        /// As it was given.
        name: String,
        /// The names most like it, best first; may be empty.
        nearest: Vec<&'static str>,
    },
    /// The call exists, in other ABIs.
    #[error("{} has no system call `{name}`, {other} has: write {name}@{other}", .abi.name())]
    NotInAbi {
        /// As it was given.
        name: String,
        /// The ABI asked for.
        abi: Abi,
        /// An ABI that has the call.
        other: &'static str,
    },
    /// No class of this name.
    #[error("unknown class `{0}`: the classes are {classes}", classes = class_names())]
    UnknownClass(String),
    /// What stands after `@` is no ABI.
    #[error("unknown ABI `{abi}` in `{item}`: write @64 (or @x86_64), @x32 or @32 (or @i386)")]
    UnknownAbi {
        /// The whole item.
        item: String,
        /// What stands after its `@`.
        abi: String,
    },
    /// Not a number a call can have, or a range that runs backwards.
    #[error("no system call number: `{0}`: numbers go from 0 to {max}, ranges up, as in 424-472", max = NR_INVALID - 1)]
    Number(String),
    /// The regular expression does not parse.
    #[error("bad regular expression /{pattern}/ ({why}): correct it, or list the names")]
    Regex {
        /// As it was given.
        pattern: String,
        /// What the parser says.
        why: String,
    },
    /// A pattern or class that fits no call, in the ABI asked for.
    #[error("no system call matches `{0}`: `exitpath syscalls` lists all names")]
    NoMatch(String),
    /// A `!` that is not the first character.
    #[error(
        "`!` within a list, at `{0}`: put one ! before the whole list, and what is to be left out into a -e of its own"
    )]
    InnerNegation(String),
    /// Something of strace's `-e` that is not about which calls to trace.
    #[error("unknown qualifier `{0}=`: -e takes system calls only (`trace=` may stand before them)")]
    Qualifier(String),
    /// All `-e` together leave nothing.
    #[error("the -e options leave no system call to trace: drop one of those that exclude")]
    SelectsNothing,
}

impl ExprError {
    /// The error for a name that `abis` do not have.
    pub(super) fn unknown_name(name: &str, abis: &[Abi]) -> Self {
        let other = Abi::ALL.into_iter().find(|abi| number(*abi, name).is_some());
        match (abis, other) {
            ([abi], Some(other)) => Self::NotInAbi { name: name.to_owned(), abi: *abi, other: other.name() },
            _ => Self::UnknownName { name: name.to_owned(), nearest: nearest(name) },
        }
    }
}

/// Up to three names, closest first: within a third of the given name's length (short names may differ by two
/// letters), and those it begins or ends, as the C library's `pread` does `pread64` and its
/// `fstatat` does `newfstatat`.
fn nearest(given: &str) -> Vec<&'static str> {
    let given = given.to_lowercase();
    let limit = (given.len() / 3).max(2).min(given.len() / 2);
    let distance = |name: &str| {
        if given.len() > 2 && (name.starts_with(&given) || name.ends_with(&given)) {
            1
        } else {
            strsim::damerau_levenshtein(&given, name)
        }
    };
    let mut near: Vec<_> =
        names().map(|name| (distance(name), name)).filter(|(distance, _)| *distance <= limit).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

fn did_you_mean(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!(", did you mean {}?", names.join(", ")) }
}

fn class_names() -> String {
    Class::ALL.map(Class::name).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_answered_with_the_name_that_was_meant() {
        assert_eq!(nearest("opennat"), ["openat", "openat2"]);
        assert_eq!(nearest("Read")[0], "read");
        assert!(nearest("pread").contains(&"pread64"));
        assert_eq!(nearest("fstatat")[..2], ["fstatat64", "newfstatat"]);
        assert_eq!(nearest("zzzzzzzz"), [""; 0]);
        assert_eq!(nearest(""), [""; 0]);
    }
}
