//! Classes of system calls, as strace users know them.

use std::fmt;

use super::members;

/// A class of system calls; what is in it is told by [`Class::description`].
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `%file`
    File,
    /// `%desc`
    Desc,
    /// `%process`
    Process,
    /// `%network`
    Network,
    /// `%signal`
    Signal,
    /// `%ipc`
    Ipc,
    /// `%memory`
    Memory,
    /// `%stat`
    Stat,
    /// `%lstat`
    Lstat,
    /// `%fstat`
    Fstat,
    /// `%%stat`
    AnyStat,
    /// `%statfs`
    Statfs,
    /// `%fstatfs`
    Fstatfs,
    /// `%%statfs`
    AnyStatfs,
    /// `%creds`
    Creds,
    /// `%clock`
    Clock,
    /// `%pure`
    Pure,
}

impl Class {
    /// All classes, in the order they are listed to people.
    pub const ALL: [Self; 17] = [
        Self::File,
        Self::Desc,
        Self::Process,
        Self::Network,
        Self::Signal,
        Self::Ipc,
        Self::Memory,
        Self::Stat,
        Self::Lstat,
        Self::Fstat,
        Self::AnyStat,
        Self::Statfs,
        Self::Fstatfs,
        Self::AnyStatfs,
        Self::Creds,
        Self::Clock,
        Self::Pure,
    ];

    /// The class as `-e` takes it, `%file`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "%file",
            Self::Desc => "%desc",
            Self::Process => "%process",
            Self::Network => "%network",
            Self::Signal => "%signal",
            Self::Ipc => "%ipc",
            Self::Memory => "%memory",
            Self::Stat => "%stat",
            Self::Lstat => "%lstat",
            Self::Fstat => "%fstat",
            Self::AnyStat => "%%stat",
            Self::Statfs => "%statfs",
            Self::Fstatfs => "%fstatfs",
            Self::AnyStatfs => "%%statfs",
            Self::Creds => "%creds",
            Self::Clock => "%clock",
            Self::Pure => "%pure",
        }
    }

    /// What the class holds, for help texts.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::File => "take the name of a file",
            Self::Desc => "take or make a file descriptor; calls on sockets only are in %network",
            Self::Process => "create, replace, end or await processes",
            Self::Network => "sockets (also written %net)",
            Self::Signal => "send, await or handle signals",
            Self::Ipc => "System V semaphores, messages, shared memory",
            Self::Memory => "map, protect, place or advise on memory",
            Self::Stat => "stat and its variants",
            Self::Lstat => "lstat and its variants",
            Self::Fstat => "fstat, fstatat, statx and their variants",
            Self::AnyStat => "ask for a file's status: %stat, %lstat and %fstat",
            Self::Statfs => "statfs and its variants",
            Self::Fstatfs => "fstatfs and its variants",
            Self::AnyStatfs => "ask about a file system: %statfs, %fstatfs and ustat",
            Self::Creds => "read or change user ids, group ids, capabilities",
            Self::Clock => "read or set a clock",
            Self::Pure => "take nothing, never fail, change nothing",
        }
    }

    /// Finds a class by what a person writes: `%file`, `%net`, and strace's older spelling without `%`, which it has
    /// only for the classes that are no name of a call.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if matches!(text, "%net" | "net") {
            return Some(Self::Network);
        }
        Self::ALL.into_iter().find(|class| {
            let name = class.name();
            name == text || (*class <= Self::Memory && &name[1..] == text)
        })
    }

    /// The names in this class, of all ABIs, sorted.
    #[must_use]
    pub const fn members(self) -> &'static [&'static str] {
        match self {
            Self::File => members::FILE,
            Self::Desc => members::DESC,
            Self::Process => members::PROCESS,
            Self::Network => members::NETWORK,
            Self::Signal => members::SIGNAL,
            Self::Ipc => members::IPC,
            Self::Memory => members::MEMORY,
            Self::Stat => members::STAT,
            Self::Lstat => members::LSTAT,
            Self::Fstat => members::FSTAT,
            Self::AnyStat => members::ANY_STAT,
            Self::Statfs => members::STATFS,
            Self::Fstatfs => members::FSTATFS,
            Self::AnyStatfs => members::ANY_STATFS,
            Self::Creds => members::CREDS,
            Self::Clock => members::CLOCK,
            Self::Pure => members::PURE,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The classes one call is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Classes(u32);

impl Classes {
    /// The classes of the call `name`, the same in every ABI.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let bits = Class::ALL
            .into_iter()
            .filter(|class| class.members().binary_search(&name).is_ok())
            .fold(0, |bits, class| bits | 1 << class as u8);
        Self(bits)
    }

    /// Whether the call is in `class`.
    #[must_use]
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u8 != 0
    }

    /// Whether the call is in no class.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes, in listing order.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

/// Separated by commas, `%file,%desc`, as `-e` takes them; nothing for a call in no class.
impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Class::name).collect();
        f.pad(&names.join(","))
    }
}

#[cfg(test)]
mod tests;
