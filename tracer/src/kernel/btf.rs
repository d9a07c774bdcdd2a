//! Where members of kernel structures lie, from the kernel's own type information.
//!
//! A small reader of the format of Documentation/bpf/btf.rst: aya-obj parses BTF but shows no members, and the
//! one crate that does is LGPL, which a static binary cannot carry lightly.

use std::collections::HashMap;

/// `BTF_KIND_*` of include/uapi/linux/btf.h.
mod kind {
    pub const INT: u32 = 1;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// Why type information cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BtfError {
    /// The data is not BTF, or cut.
    #[error("the kernel's BTF cannot be read: {0}")]
    Malformed(&'static str),
    /// A structure or member that this kernel does not have.
    #[error("the kernel's BTF has no {0}")]
    Missing(String),
}

/// Parsed type information.
pub struct Btf<'a> {
    strings: &'a [u8],
    types: Vec<Type<'a>>,
    structs: HashMap<&'a [u8], u32>,
}

#[derive(Clone, Copy)]
struct Type<'a> {
    name: u32,
    kind: u32,
    bitfields: bool,
    /// The type that a typedef or qualifier stands for; the size of a structure or union.
    inner: u32,
    members: &'a [u8],
}

impl<'a> Btf<'a> {
    /// Parses the contents of `/sys/kernel/btf/vmlinux`.
    pub fn parse(data: &'a [u8]) -> Result<Self, BtfError> {
        let malformed = BtfError::Malformed;
        if data.len() < 24 || data[..2] != [0x9f, 0xeb] {
            return Err(malformed("no BTF header"));
        }
        let word = |at: usize| u32_at(data, at).ok_or(malformed("cut header"));
        let header = word(4)? as usize;
        let section = |offset: u32, length: u32| {
            let start = header.checked_add(offset as usize)?;
            data.get(start..start.checked_add(length as usize)?)
        };
        let types_data = section(word(8)?, word(12)?).ok_or(malformed("cut types"))?;
        let strings = section(word(16)?, word(20)?).ok_or(malformed("cut strings"))?;
        // Type 0 is void.
        let void = Type { name: 0, kind: 0, bitfields: false, inner: 0, members: &[] };
        let mut btf = Self { strings, types: vec![void], structs: HashMap::new() };
        let mut at = 0;
        while at < types_data.len() {
            let field = |offset: usize| u32_at(types_data, at + offset).ok_or(malformed("cut type"));
            let (name, info, inner) = (field(0)?, field(4)?, field(8)?);
            let kind = (info >> 24) & 31;
            let count = (info & 0xffff) as usize;
            let tail = match kind {
                kind::INT | kind::VAR | kind::DECL_TAG => 4,
                kind::ARRAY => 12,
                kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * count,
                kind::ENUM | kind::FUNC_PROTO => 8 * count,
                kind::FUNC => 0,
                _ if kind <= kind::ENUM64 => 0,
                _ => return Err(malformed("a kind of type that this version does not know")),
            };
            let members = types_data.get(at + 12..at + 12 + tail).ok_or(malformed("cut members"))?;
            if matches!(kind, kind::STRUCT | kind::UNION) && name != 0 {
                let id = btf.types.len() as u32;
                let name = btf.string(name);
                btf.structs.entry(name).or_insert(id);
            }
            btf.types.push(Type { name, kind, bitfields: info >> 31 != 0, inner, members });
            at += 12 + tail;
        }
        Ok(btf)
    }

    /// The offset of `path` ("`thread_info.status`") inside a structure, in bytes. Members of anonymous structures
    /// and unions count as the outer one's, as in C.
    pub fn offset(&self, structure: &str, path: &str) -> Result<u32, BtfError> {
        let missing = || BtfError::Missing(format!("{structure}.{path}"));
        let mut id = *self.structs.get(structure.as_bytes()).ok_or_else(missing)?;
        let mut bits = 0;
        for name in path.split('.') {
            let (offset, inner) = self.member(self.strip(id), name.as_bytes(), 0).ok_or_else(missing)?;
            bits += offset;
            id = inner;
        }
        Ok(bits / 8)
    }

    /// The size of a structure or union, in bytes.
    pub fn size(&self, structure: &str) -> Result<u32, BtfError> {
        let id = self.structs.get(structure.as_bytes()).copied();
        let found = id.and_then(|id| self.types.get(id as usize));
        found.map(|one| one.inner).ok_or_else(|| BtfError::Missing(structure.to_owned()))
    }

    /// The name of the type with this number; `None` if it has none, or lies in a module.
    #[must_use]
    pub fn name(&self, id: u32) -> Option<&'a str> {
        let name = self.string(self.types.get(id as usize)?.name);
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }

    /// Offset in bits and type of a member, looking into anonymous members up to a depth no header reaches.
    fn member(&self, id: u32, wanted: &[u8], depth: u32) -> Option<(u32, u32)> {
        let one = self.types.get(id as usize)?;
        if depth > 16 || !matches!(one.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        for raw in one.members.chunks_exact(12) {
            let (name, inner, offset) = (u32_at(raw, 0)?, u32_at(raw, 4)?, u32_at(raw, 8)?);
            let offset = if one.bitfields { offset & 0x00ff_ffff } else { offset };
            if name != 0 && self.string(name) == wanted {
                return Some((offset, inner));
            }
            if name == 0
                && let Some((more, found)) = self.member(self.strip(inner), wanted, depth + 1)
            {
                return Some((offset + more, found));
            }
        }
        None
    }

    /// The type behind typedefs and qualifiers.
    fn strip(&self, mut id: u32) -> u32 {
        for _ in 0..32 {
            match self.types.get(id as usize) {
                Some(Type {
                    kind: kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::TYPE_TAG,
                    inner,
                    ..
                }) => {
                    id = *inner;
                }
                _ => break,
            }
        }
        id
    }

    fn string(&self, at: u32) -> &'a [u8] {
        let tail = self.strings.get(at as usize..).unwrap_or_default();
        tail.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `struct outer { int a; union { int b; struct inner { int c; int d; } in; }; }` and a typedef of it.
    fn sample() -> Vec<u8> {
        let strings = b"\0int\0outer\0a\0b\0inner\0c\0d\0in\0outer_t\0";
        let at = |name: &str| {
            strings
                .windows(name.len() + 1)
                .position(|w| w[..name.len()] == *name.as_bytes() && w[name.len()] == 0)
                .unwrap() as u32
        };
        let mut types: Vec<u32> = vec![at("int"), kind::INT << 24, 4, 32];
        types.extend([at("inner"), kind::STRUCT << 24 | 2, 8, at("c"), 1, 0, at("d"), 1, 32]);
        types.extend([0, kind::UNION << 24 | 2, 8, at("b"), 1, 0, at("in"), 5, 0]);
        types.extend([at("outer"), kind::STRUCT << 24 | 2, 12, at("a"), 1, 0, 0, 3, 32]);
        types.extend([at("outer_t"), kind::TYPEDEF << 24, 2]);
        let mut data = vec![0x9f, 0xeb, 1, 0];
        let size = types.len() as u32 * 4;
        for word in [24, 0, size, size, strings.len() as u32].into_iter().chain(types) {
            data.extend(word.to_le_bytes());
        }
        data.extend(strings);
        data
    }

    #[test]
    fn members_are_found_through_anonymous_types_and_typedefs() {
        let data = sample();
        let btf = Btf::parse(&data).unwrap();
        assert_eq!(btf.offset("outer", "a"), Ok(0));
        assert_eq!(btf.offset("outer", "b"), Ok(4));
        assert_eq!(btf.offset("outer", "in.d"), Ok(8));
        assert_eq!(btf.offset("outer", "e"), Err(BtfError::Missing("outer.e".into())));
        assert_eq!(btf.offset("none", "a"), Err(BtfError::Missing("none.a".into())));
    }

    proptest! {
        #[test]
        fn damaged_data_is_an_error_and_never_a_panic(at in 0_usize..200, byte: u8, cut in 0_usize..250) {
            let mut data = sample();
            if let Some(old) = data.get_mut(at) { *old = byte; }
            data.truncate(cut);
            if let Ok(btf) = Btf::parse(&data) {
                let _ = btf.offset("outer", "in.d");
            }
        }
    }
}
