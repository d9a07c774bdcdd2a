//! Sets of error numbers, as people write them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{MAX, NAMES, name, number};

/// Why an `--errno` list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrnoError {
    /// Nothing was given, or nothing stands between two commas.
    #[error(
        "empty item in error list `{0}`: write one name or number between commas, such as ENOENT,EACCES,13"
    )]
    Empty(String),
    /// Neither a name nor a number.
    #[error("unknown error `{name}`{hint}: write a name from errno(3), such as ENOENT, or a number")]
    Unknown {
        /// As it was given.
        name: String,
        /// `, did you mean ...?` or nothing.
        hint: String,
    },
    /// A number no system call can return.
    #[error("no error number: `{0}`: system calls return errors 1 to {MAX}, written without a minus sign")]
    Range(String),
}

/// A set of error numbers, written `EPERM,ENOENT,13`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrnoSet(pub(super) BTreeSet<u32>);

impl ErrnoSet {
    /// Whether `errno` (positive) is in the set.
    #[must_use]
    pub fn contains(&self, errno: u32) -> bool {
        self.0.contains(&errno)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// Adds all of `other`, so that several `--errno` add up.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }
}

impl FromStr for ErrnoSet {
    type Err = ErrnoError;

    fn from_str(text: &str) -> Result<Self, ErrnoError> {
        let parse = |item: &str| match item.trim() {
            "" => Err(ErrnoError::Empty(text.to_owned())),
            item => parse_item(item),
        };
        text.split(',').map(parse).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_item(item: &str) -> Result<u32, ErrnoError> {
    if item.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit()) {
        let errno = item.parse().ok().filter(|errno| (1..=MAX).contains(errno));
        return errno.ok_or_else(|| ErrnoError::Range(item.to_owned()));
    }
    let capitals = item.to_ascii_uppercase();
    number(&capitals).ok_or_else(|| ErrnoError::Unknown { name: item.to_owned(), hint: nearest(&capitals) })
}

fn nearest(given: &str) -> String {
    let distances = NAMES.iter().map(|(_, name)| (strsim::damerau_levenshtein(given, name), *name));
    match distances.min() {
        Some((distance, name)) if distance <= 2 => format!(", did you mean {name}?"),
        _ => String::new(),
    }
}

/// Names where there are, ascending by number; reads back as the same set.
impl fmt::Display for ErrnoSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<_> =
            self.iter().map(|errno| name(errno).map_or(errno.to_string(), str::to_owned)).collect();
        f.pad(&items.join(","))
    }
}
