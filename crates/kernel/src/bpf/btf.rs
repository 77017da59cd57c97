//! What the running kernel says of its own types (`Documentation/bpf/btf.rst`): where the fields of its
//! structs are, what its enums are called, and what a tracepoint is called with.
//!
//! Only what is asked for is looked at: the types are passed once, to know where each is, and no table
//! of them is made. Everything is a function of bytes, and whatever the bytes are, it ends and does not
//! panic.

use std::collections::HashMap;

/// Why a kernel's BTF is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It isn't BTF, or one of another version or byte order.
    #[error("it is no BTF of this machine")]
    Foreign,
    /// It ends within something.
    #[error("it is cut off")]
    Cut,
    /// There is a kind of type that came after this was written, so that what follows can't be found.
    #[error("type {id} is of kind {kind}, which is not known")]
    Kind {
        /// The type's number.
        id: usize,
        /// Its kind.
        kind: u32,
    },
    /// Something that is needed isn't there.
    #[error("there is no {0}")]
    Lacks(String),
}

/// `BTF_KIND_…` (`linux/btf.h`).
mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const FWD: u32 = 7;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const FLOAT: u32 = 16;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// `BTF_MAGIC`, and `BTF_VERSION`.
const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
/// Bytes of `struct btf_header` that are read, and of `struct btf_type`.
const HEADER: usize = 24;
const TYPE: usize = 12;
/// How many types one may lead through to another before it is taken for a circle, and how many fields
/// are looked at.
const DEPTH: usize = 32;
const FIELDS: u32 = 10_000;

/// The types of a kernel.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type is in `types`: the type of number 1 is the first.
    places: Vec<u32>,
    /// The numbers of those that are looked for by their names.
    named: Vec<u32>,
}

/// `struct btf_type`.
#[derive(Debug, Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    /// How many of what follows there are.
    count: usize,
    /// Whether offsets of members are told with the width of a bit field.
    flag: bool,
    /// Its size, or the type that it leads to.
    size_or_type: u32,
    /// Where what follows begins.
    rest: usize,
}

/// What an argument of a tracepoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A pointer to a struct of this name.
    Struct(String),
    /// A pointer to anything.
    Void,
    /// An enum of this name.
    Enum(String),
    /// Something else.
    Other,
}

impl<'a> Btf<'a> {
    /// Reads the types of `/sys/kernel/btf/vmlinux`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Mistake> {
        let header = bytes.get(..HEADER).ok_or(Mistake::Cut)?;
        let magic = [header[0], header[1]];
        if u16::from_ne_bytes(magic) != MAGIC || header[2] != VERSION {
            return Err(Mistake::Foreign);
        }
        let word = |place| word_at(header, place).ok_or(Mistake::Cut);
        let start = word(4)? as usize;
        let part = |offset: u32, length: u32| {
            let from = start.checked_add(offset as usize)?;
            bytes.get(from..from.checked_add(length as usize)?)
        };
        let types = part(word(8)?, word(12)?).ok_or(Mistake::Cut)?;
        let strings = part(word(16)?, word(20)?).ok_or(Mistake::Cut)?;
        let mut btf = Self { types, strings, places: Vec::new(), named: Vec::new() };
        btf.find_places()?;
        Ok(btf)
    }

    fn find_places(&mut self) -> Result<(), Mistake> {
        let mut place = 0;
        while place < self.types.len() {
            let own = type_at(self.types, place).ok_or(Mistake::Cut)?;
            let rest = match own.kind {
                kind::INT | kind::VAR | kind::DECL_TAG => 4,
                kind::ARRAY => 12,
                kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * own.count,
                kind::ENUM | kind::FUNC_PROTO => 8 * own.count,
                kind::PTR | kind::FWD | kind::TYPEDEF | kind::VOLATILE | kind::CONST => 0,
                kind::RESTRICT | kind::FUNC | kind::FLOAT | kind::TYPE_TAG => 0,
                kind => return Err(Mistake::Kind { id: self.places.len() + 1, kind }),
            };
            self.places.push(place as u32);
            if matches!(own.kind, kind::STRUCT | kind::TYPEDEF | kind::ENUM | kind::ENUM64)
                && own.name != 0
            {
                self.named.push(self.places.len() as u32);
            }
            place = own.rest + rest;
        }
        if place == self.types.len() { Ok(()) } else { Err(Mistake::Cut) }
    }

    /// Where a field is in a struct, in bytes: by its name, or a path of names where it is a field of a
    /// field. What structs and unions without a name have is theirs who have these.
    ///
    /// # Errors
    ///
    /// There is no such struct or field, or it is a bit field.
    pub fn offset(&self, of: &str, path: &str) -> Result<u32, Mistake> {
        let lacks = || Mistake::Lacks(format!("`struct {of}` with a field `{path}`"));
        let mut at = self.named(&[kind::STRUCT], of).ok_or_else(lacks)?;
        let mut offset = 0;
        for name in path.split('.') {
            let (bits, field) = self.member(at, name, DEPTH, &mut { FIELDS }).ok_or_else(lacks)?;
            offset += bits;
            at = field;
        }
        if offset % 8 == 0 { Ok(offset / 8) } else { Err(lacks()) }
    }

    /// What a tracepoint is called with, behind the pointer that is its own: the prototype of
    /// `btf_trace_NAME`, of which the kernel has a type for each of its tracepoints
    /// (`include/trace/bpf_probe.h`).
    pub fn arguments(&self, tracepoint: &str) -> Option<Vec<Argument>> {
        let named = self.named(&[kind::TYPEDEF], &format!("btf_trace_{tracepoint}"))?;
        let pointer = self.get(self.bare(self.get(named)?.size_or_type)?)?;
        let prototype = self.get(self.bare(pointer.size_or_type)?)?;
        if (pointer.kind, prototype.kind) != (kind::PTR, kind::FUNC_PROTO) {
            return None;
        }
        let argument =
            |index: usize| self.argument(word_at(self.types, prototype.rest + 8 * index + 4)?);
        (1..prototype.count).map(argument).collect()
    }

    fn argument(&self, id: u32) -> Option<Argument> {
        let own = self.get(self.bare(id)?)?;
        Some(match own.kind {
            kind::ENUM | kind::ENUM64 => Argument::Enum(self.name(own.name)?.to_owned()),
            kind::PTR => match self.bare(own.size_or_type)? {
                0 => Argument::Void,
                id => match self.get(id)? {
                    Type { kind: kind::STRUCT, name, .. } => {
                        Argument::Struct(self.name(name)?.to_owned())
                    }
                    _ => Argument::Other,
                },
            },
            _ => Argument::Other,
        })
    }

    /// The names of an enum's values. Of several of one value it is the first.
    pub fn enumerators(&self, name: &str) -> Option<HashMap<u64, &str>> {
        self.values(self.named(&[kind::ENUM, kind::ENUM64], name)?)
    }

    /// The names and values of all enums whose names end so.
    pub fn enums_ending(&self, end: &str) -> impl Iterator<Item = HashMap<u64, &str>> {
        self.named.iter().filter_map(move |id| {
            let own = self.get(*id)?;
            let is_one = matches!(own.kind, kind::ENUM | kind::ENUM64)
                && self.name(own.name)?.ends_with(end);
            if is_one { self.values(*id) } else { None }
        })
    }

    fn values(&self, id: u32) -> Option<HashMap<u64, &str>> {
        let own = self.get(id)?;
        let size = if own.kind == kind::ENUM64 { 12 } else { 8 };
        let mut found = HashMap::with_capacity(own.count);
        for index in 0..own.count {
            let place = own.rest + size * index;
            let low = word_at(self.types, place + 4)?;
            let high = if size == 12 { word_at(self.types, place + 8)? } else { 0 };
            let value = u64::from(high) << 32 | u64::from(low);
            found.entry(value).or_insert(self.name(word_at(self.types, place)?)?);
        }
        Some(found)
    }

    /// The number of the type of one of these kinds and this name.
    fn named(&self, kinds: &[u32], name: &str) -> Option<u32> {
        let is_it = |id: &&u32| {
            self.get(**id).is_some_and(|own| {
                kinds.contains(&own.kind) && self.is_named(own.name, name.as_bytes())
            })
        };
        self.named.iter().find(is_it).copied()
    }

    /// Where a struct or union has a field, in bits, and of what type it is.
    fn member(&self, id: u32, name: &str, depth: usize, left: &mut u32) -> Option<(u32, u32)> {
        let own = self.get(self.bare(id)?)?;
        if !matches!(own.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        (0..own.count).find_map(|index| {
            *left = left.checked_sub(1)?;
            let place = own.rest + 12 * index;
            let (called, field) = (word_at(self.types, place)?, word_at(self.types, place + 4)?);
            let bits = word_at(self.types, place + 8)?;
            let bits = if own.flag { bits & 0xff_ffff } else { bits };
            if called != 0 {
                return self.is_named(called, name.as_bytes()).then_some((bits, field));
            }
            let (within, field) = self.member(field, name, depth.checked_sub(1)?, left)?;
            Some((bits.checked_add(within)?, field))
        })
    }

    /// The type behind names for it, and behind `const` and the like.
    fn bare(&self, mut id: u32) -> Option<u32> {
        for _ in 0..DEPTH {
            if id == 0 {
                return Some(0);
            }
            let own = self.get(id)?;
            match own.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = own.size_or_type;
                }
                _ => return Some(id),
            }
        }
        None
    }

    fn get(&self, id: u32) -> Option<Type> {
        let place = self.places.get((id as usize).checked_sub(1)?)?;
        type_at(self.types, *place as usize)
    }

    fn is_named(&self, place: u32, name: &[u8]) -> bool {
        self.strings
            .get(place as usize..)
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    fn name(&self, place: u32) -> Option<&str> {
        let rest = self.strings.get(place as usize..)?;
        std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == 0)?]).ok()
    }
}

fn type_at(types: &[u8], place: usize) -> Option<Type> {
    let info = word_at(types, place + 4)?;
    Some(Type {
        name: word_at(types, place)?,
        kind: info >> 24 & 0x1f,
        count: (info & 0xffff) as usize,
        flag: info >> 31 != 0,
        size_or_type: word_at(types, place + 8)?,
        rest: place + TYPE,
    })
}

fn word_at(bytes: &[u8], place: usize) -> Option<u32> {
    bytes.get(place..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests;
