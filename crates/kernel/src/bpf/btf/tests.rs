//! BTF made by hand, and each way in which it can be broken.

use super::{Argument, Btf, Mistake, kind};

/// Writes BTF as `Documentation/bpf/btf.rst` says it.
#[derive(Default)]
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    last: u32,
}

impl Writer {
    fn new() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    fn string(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let place = self.strings.len() as u32;
        self.strings.extend(name.bytes().chain([0]));
        place
    }

    fn words(&mut self, words: &[u32]) {
        self.types.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    }

    /// A type of which `count` of something follow; its number.
    fn add(&mut self, name: &str, kind: u32, count: u32, size_or_type: u32) -> u32 {
        let name = self.string(name);
        self.words(&[name, kind << 24 | count, size_or_type]);
        self.last += 1;
        self.last
    }

    fn structure(&mut self, name: &str, kind: u32, fields: &[(&str, u32, u32)]) -> u32 {
        let id = self.add(name, kind, fields.len() as u32, 64);
        for (name, field, bits) in fields {
            let name = self.string(name);
            self.words(&[name, *field, *bits]);
        }
        id
    }

    fn finish(self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut bytes = [0xeb9f_u16.to_ne_bytes(), [1, 0]].concat();
        for word in [24, 0, types, types, strings] {
            bytes.extend(u32::to_ne_bytes(word));
        }
        [bytes, self.types, self.strings].concat()
    }
}

/// A struct with a field in a union in a struct without names, and one whose field has a field.
fn example() -> Vec<u8> {
    let mut writer = Writer::new();
    let int = writer.add("int", kind::INT, 0, 4);
    writer.words(&[32]);
    let inner = writer.structure("", kind::STRUCT, &[("next", int, 0), ("dev", int, 64)]);
    let either = writer.structure("", kind::UNION, &[("list", int, 0), ("", inner, 0)]);
    let common = writer.structure("common", kind::STRUCT, &[("net", int, 96)]);
    let called = writer.add("common_t", kind::TYPEDEF, 0, common);
    let skb = writer.structure(
        "sk_buff",
        kind::STRUCT,
        &[("before", int, 0), ("", either, 128), ("shared", called, 512)],
    );
    let reason = writer.add("skb_drop_reason", kind::ENUM, 3, 4);
    for (name, value) in [("CONSUMED", 1), ("NO_SOCKET", 3), ("AGAIN", 3)] {
        let name = writer.string(name);
        writer.words(&[name, value]);
    }
    let wide = writer.add("ovs_drop_reason", kind::ENUM64, 1, 8);
    let name = writer.string("WIDE");
    writer.words(&[name, 7, 1]);
    let constant = writer.add("", kind::CONST, 0, skb);
    let to_skb = writer.add("", kind::PTR, 0, constant);
    let to_void = writer.add("", kind::PTR, 0, 0);
    let prototype = writer.add("", kind::FUNC_PROTO, 5, 0);
    for argument in [to_void, to_skb, to_void, reason, int] {
        writer.words(&[0, argument]);
    }
    let to_prototype = writer.add("", kind::PTR, 0, prototype);
    writer.add("btf_trace_kfree_skb", kind::TYPEDEF, 0, to_prototype);
    writer.add("btf_trace_other", kind::TYPEDEF, 0, wide);
    writer.finish()
}

#[test]
fn a_field_is_where_it_is() {
    let own = example();
    let btf = Btf::parse(&own).expect("it is BTF");
    assert_eq!(btf.offset("sk_buff", "before"), Ok(0));
    assert_eq!(btf.offset("sk_buff", "list"), Ok(16));
    assert_eq!(btf.offset("sk_buff", "dev"), Ok(24));
    assert_eq!(btf.offset("sk_buff", "shared.net"), Ok(76));
    for (of, path) in [("sk_buff", "none"), ("none", "dev"), ("sk_buff", "dev.none")] {
        assert!(matches!(btf.offset(of, path), Err(Mistake::Lacks(_))), "{of} {path}");
    }
}

#[test]
fn a_bit_field_has_no_place_in_bytes() {
    let mut writer = Writer::new();
    let int = writer.add("int", kind::INT, 0, 4);
    writer.words(&[32]);
    let name = writer.string("bits");
    // With the flag, an offset has the width in its upper 8 bits.
    writer.words(&[name, 1 << 31 | kind::STRUCT << 24 | 2, 8]);
    for (name, offset) in [("whole", 16), ("part", 3 << 24 | 35)] {
        let name = writer.string(name);
        writer.words(&[name, int, offset]);
    }
    let own = writer.finish();
    let btf = Btf::parse(&own).expect("it is BTF");
    assert_eq!(btf.offset("bits", "whole"), Ok(2));
    assert!(btf.offset("bits", "part").is_err());
}

#[test]
fn a_tracepoint_says_what_it_is_called_with() {
    let own = example();
    let btf = Btf::parse(&own).expect("it is BTF");
    let skb = Argument::Struct("sk_buff".to_owned());
    let reason = Argument::Enum("skb_drop_reason".to_owned());
    let expected = vec![skb, Argument::Void, reason, Argument::Other];
    assert_eq!(btf.arguments("kfree_skb"), Some(expected));
    assert_eq!(btf.arguments("none"), None);
    assert_eq!(btf.arguments("other"), None, "it is no function");
}

#[test]
fn values_of_an_enum_have_names() {
    let own = example();
    let btf = Btf::parse(&own).expect("it is BTF");
    let reasons = btf.enumerators("skb_drop_reason").expect("it is there");
    assert_eq!(reasons, [(1, "CONSUMED"), (3, "NO_SOCKET")].into());
    let mut all: Vec<_> = btf.enums_ending("_drop_reason").collect();
    all.sort_by_key(|own| own.len());
    assert_eq!(all, [[(1 << 32 | 7, "WIDE")].into(), reasons]);
}

#[test]
fn what_is_broken_is_said_to_be() {
    let whole = example();
    for length in 0..whole.len() {
        let broken = Btf::parse(&whole[..length]).err();
        assert_eq!(broken, Some(Mistake::Cut), "cut off after {length}");
    }
    let mut foreign = whole.clone();
    foreign.swap(0, 1);
    assert_eq!(Btf::parse(&foreign).err(), Some(Mistake::Foreign));
    let mut writer = Writer::new();
    writer.add("new", 31, 0, 0);
    let kind = Mistake::Kind { id: 1, kind: 31 };
    let own = writer.finish();
    assert_eq!(Btf::parse(&own).err(), Some(kind));
}

/// Types that lead to themselves are no way to get lost.
#[test]
fn a_circle_ends() {
    let mut writer = Writer::new();
    writer.add("btf_trace_round", kind::TYPEDEF, 0, 1);
    writer.structure("round", kind::STRUCT, &[("", 2, 0)]);
    let own = writer.finish();
    let btf = Btf::parse(&own).expect("it is BTF");
    assert_eq!(btf.arguments("round"), None);
    assert!(btf.offset("round", "field").is_err());
}
