//! The `-e` expressions.
//!
//! ```text
//! EXPR  = ["trace=" | "t="] ["!" | "\!"] ITEM {"," ITEM}
//! ITEM  = ["?"] WHAT ["@" ABI]          "?": an unknown name is no error
//! WHAT  = name                          in every ABI that has it
//!       | name with "*"                 as perf has it
//!       | "/" regex ["/"]               anywhere in the name, as strace has it
//!       | number | number "-" number    of x86_64, unless an ABI is given
//!       | "syscall_" number             the same: how outputs write a number without a name
//!       | class                         "%file"; "file" for the old ones
//!       | "invalid"                     numbers no call can have
//!       | "all" | "none"
//! ABI   = "64" | "x86_64" | "x32" | "32" | "i386"
//! ```
//!
//! Several `-e` add up, in any order: those without `!` unite (none at all means every call), then those with `!` are
//! taken out. So `-e %file -e '!open'` is all of `%file` but `open`, and `-e '!open' -e '!close'` is all but these two.
//!
//! `ipc` and `signal` are classes, as in strace; the i386 calls of these names are `117@32` and `48@32`.

use std::str::FromStr;

use regex_lite::Regex;
use tracer_common::{Abi, NR_INVALID};

use super::{Class, ExprError, SyscallSet, names};

/// Before the number of a call that has no name.
pub(super) const UNNAMED_PREFIX: &str = "syscall_";

/// One `-e` option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// Whether a `!` stands before the list.
    pub negated: bool,
    /// What the list names, before negation.
    pub listed: SyscallSet,
}

impl Expr {
    /// What the option selects when it is the only one.
    #[must_use]
    pub fn selected(&self) -> SyscallSet {
        if self.negated { self.listed.complement() } else { self.listed }
    }

    /// What several options select together (see the module's text); all calls when there is none.
    pub fn combine<'a>(options: impl IntoIterator<Item = &'a Self>) -> Result<SyscallSet, ExprError> {
        let (mut wanted, mut unwanted) = (None, SyscallSet::EMPTY);
        for Self { negated, listed } in options {
            if *negated {
                unwanted = unwanted.union(listed);
            } else {
                wanted = Some(wanted.unwrap_or(SyscallSet::EMPTY).union(listed));
            }
        }
        let set = wanted.unwrap_or(SyscallSet::ALL).difference(&unwanted);
        if set.is_empty() { Err(ExprError::SelectsNothing) } else { Ok(set) }
    }
}

impl FromStr for Expr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let text = text.trim();
        let text = text.strip_prefix("trace=").or_else(|| text.strip_prefix("t=")).unwrap_or(text);
        // Shells that expand `!` leave the backslash people write against that.
        let negation = text.strip_prefix("\\!").or_else(|| text.strip_prefix('!'));
        let list = negation.unwrap_or(text);
        if list.trim().is_empty() {
            return Err(ExprError::Empty);
        }
        let mut listed = SyscallSet::EMPTY;
        for item in split(list) {
            let item = item.trim();
            let (item, optional) = item.strip_prefix('?').map_or((item, false), |item| (item, true));
            if item.is_empty() {
                return Err(ExprError::EmptyItem(text.to_owned()));
            }
            match parse_item(item) {
                Ok(set) => listed = listed.union(&set),
                Err(ExprError::UnknownName { .. } | ExprError::NotInAbi { .. } | ExprError::NoMatch(_))
                    if optional => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { negated: negation.is_some(), listed })
    }
}

impl FromStr for SyscallSet {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        text.parse().map(|expr: Expr| expr.selected())
    }
}

/// Splits at commas, but not within `/regex/`: `/^.{1,3}$/` is one item.
fn split(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut rest = Some(list);
    while let Some(text) = rest {
        let end = regex_end(text).unwrap_or(0);
        let comma = text[end..].find(',').map(|at| at + end);
        items.push(comma.map_or(text, |at| &text[..at]));
        rest = comma.map(|at| &text[at + 1..]);
    }
    items
}

/// Where the closing `/` of a regular expression at the start of `text` is: one that ends the text or the item.
fn regex_end(text: &str) -> Option<usize> {
    let lead = text.len() - text.trim_start().trim_start_matches('?').len();
    let body = text[lead..].strip_prefix('/')?;
    let closing =
        |(at, _): &(usize, &str)| body[at + 1..].trim_start().starts_with([',', '@']) || at + 1 == body.len();
    body.match_indices('/').find(closing).map(|(at, _)| lead + 1 + at)
}

fn parse_item(item: &str) -> Result<SyscallSet, ExprError> {
    if item.starts_with(['!', '\\']) {
        return Err(ExprError::InnerNegation(item.to_owned()));
    }
    if let Some(regex) = item.strip_prefix('/') {
        // A pattern may hold `@`; an ABI can only follow the closing slash, or stand at the very end without one.
        let (pattern, abi) = match regex.rsplit_once("/@").or_else(|| regex.rsplit_once('@')) {
            Some((pattern, abi)) if parse_abi(abi).is_some() => (pattern, parse_abi(abi)),
            _ => (regex, None),
        };
        return matching(item, pattern.strip_suffix('/').unwrap_or(pattern), abi);
    }
    let (what, abi) = match item.split_once('@') {
        None => (item, None),
        Some(("", _)) => return Err(ExprError::EmptyItem(item.to_owned())),
        Some((what, abi)) => {
            let unknown = || ExprError::UnknownAbi { item: item.to_owned(), abi: abi.to_owned() };
            (what, Some(parse_abi(abi).ok_or_else(unknown)?))
        }
    };
    if let Some((qualifier, _)) = what.split_once('=') {
        return Err(ExprError::Qualifier(qualifier.to_owned()));
    }
    if what.contains('*') {
        let pattern = regex_lite::escape(what).replace("\\*", ".*");
        return matching(item, &format!("^{pattern}$"), abi);
    }
    if let Some(numbers) = parse_numbers(what.strip_prefix(UNNAMED_PREFIX).unwrap_or(what)) {
        let mut set = SyscallSet::EMPTY;
        for nr in numbers.ok_or_else(|| ExprError::Number(item.to_owned()))? {
            set.insert(abi.unwrap_or(Abi::X86_64), nr);
        }
        return Ok(set);
    }
    let abis = abi.as_ref().map_or(Abi::ALL.as_slice(), std::slice::from_ref);
    match what {
        "all" => Ok((SyscallSet::ALL.iter().filter(|(abi, _)| abis.contains(abi))).collect()),
        "none" => Ok(SyscallSet::EMPTY),
        _ => named(what, abis),
    }
}

fn named(what: &str, abis: &[Abi]) -> Result<SyscallSet, ExprError> {
    let mut set = SyscallSet::EMPTY;
    if let Some(class) = Class::parse(what) {
        for name in class.members() {
            set.insert_name(name, abis);
        }
        return if set.is_empty() { Err(ExprError::NoMatch(what.to_owned())) } else { Ok(set) };
    }
    if what.starts_with('%') {
        return Err(ExprError::UnknownClass(what.to_owned()));
    }
    if set.insert_name(what, abis) { Ok(set) } else { Err(ExprError::unknown_name(what, abis)) }
}

fn matching(item: &str, pattern: &str, abi: Option<Abi>) -> Result<SyscallSet, ExprError> {
    let regex = Regex::new(pattern)
        .map_err(|why| ExprError::Regex { pattern: pattern.to_owned(), why: why.to_string() })?;
    let abis = abi.as_ref().map_or(Abi::ALL.as_slice(), std::slice::from_ref);
    let mut set = SyscallSet::EMPTY;
    for name in names().filter(|name| regex.is_match(name)) {
        set.insert_name(name, abis);
    }
    if set.is_empty() { Err(ExprError::NoMatch(item.to_owned())) } else { Ok(set) }
}

fn parse_abi(text: &str) -> Option<Abi> {
    match text {
        "64" => Some(Abi::X86_64),
        "32" => Some(Abi::I386),
        _ => Abi::ALL.into_iter().find(|abi| abi.name() == text),
    }
}

/// `None` when the text is no number at all; `Some(None)` when it is one that no call can have.
#[expect(clippy::option_option, reason = "three answers, each used once, next door")]
fn parse_numbers(text: &str) -> Option<Option<std::ops::RangeInclusive<u16>>> {
    // No name begins with a digit; a minus sign says that a number was meant.
    if !text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|nr| *nr < NR_INVALID);
    let range = number(first).zip(number(last)).filter(|(first, last)| first <= last);
    Some(range.map(|(first, last)| first..=last))
}

#[cfg(test)]
mod tests;
