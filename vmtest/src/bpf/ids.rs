//! What BPF objects the kernel has, whoever made them: each has a number that is never given out twice.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

/// What kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Program.
    Program,
    /// Map.
    Map,
    /// Attachment (5.8 and later).
    Link,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Program, Self::Map, Self::Link];

    /// `BPF_*_GET_NEXT_ID`.
    const fn next_id(self) -> libc::c_long {
        match self {
            Self::Program => 11,
            Self::Map => 12,
            Self::Link => 31,
        }
    }

    /// How `/proc/PID/fdinfo` names its number.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Program => "prog_id",
            Self::Map => "map_id",
            Self::Link => "link_id",
        }
    }
}

/// An object.
pub type Id = (Kind, u32);

/// Every object that exists now; needs `CAP_SYS_ADMIN`.
pub fn all() -> Result<BTreeSet<Id>> {
    let mut ids = BTreeSet::new();
    for kind in Kind::ALL {
        let mut id = 0;
        while let Some(next) = next(kind, id)? {
            ids.insert((kind, next));
            id = next;
        }
    }
    Ok(ids)
}

/// The smallest number above `id` of an object of this kind.
fn next(kind: Kind, id: u32) -> Result<Option<u32>> {
    #[repr(C)]
    struct Attributes {
        start: u32,
        next: u32,
        flags: u32,
    }
    let mut attributes = Attributes { start: id, next: 0, flags: 0 };
    match super::bpf(kind.next_id(), &mut attributes) {
        Ok(_) => Ok(Some(attributes.next)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        // Before 5.8 there are no links to list.
        Err(error) if kind == Kind::Link && error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(error) => Err(error).context("cannot list the kernel's BPF objects: this needs root"),
    }
}
