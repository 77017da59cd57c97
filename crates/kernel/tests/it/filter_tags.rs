//! What a filter says of a frame of a VLAN does not depend on where the kernel has put the tag.

use proptest::prelude::*;
use proptest::sample::select;
use twinax_kernel::libpcap;
use twinax_packet::filter::{Ancillary, Filter, Program, Tag};
use twinax_packet::{Direction, Frame, LinkType, Time, hardware};

use crate::filter_frames::frames;
use crate::filter_words::{expression, has_libpcap, ours, wants};

const TAGS: &[Tag] = &[
    Tag { protocol: 0x8100, control: 5 },
    Tag { protocol: 0x8100, control: 0xa00c },
    Tag { protocol: 0x88a8, control: 5 },
];

/// A frame with one more tag.
fn tagged(frame: &[u8], tag: Tag) -> Vec<u8> {
    let (macs, rest) = frame.split_at(12);
    [macs, &tag.protocol.to_be_bytes(), &tag.control.to_be_bytes(), rest].concat()
}

fn verdict(program: &Program, frame: &[u8], tag: Option<Tag>) -> bool {
    let ancillary = Ancillary {
        length: frame.len() as u32,
        protocol: 0,
        direction: Direction::Out,
        interface: 1,
        hardware: hardware::ETHERNET,
        tag,
    };
    program.run(frame, &ancillary) != 0
}

fn of_file(filter: &Filter, bytes: &[u8]) -> bool {
    let (time, direction, length) = (Time(0), Direction::Out, bytes.len() as u32);
    let frame = Frame { time, interface: 0, direction, length, bytes };
    filter.wants(LinkType::Ethernet, &frame)
}

/// Looks at places around the tag, at computed places, and at the length.
const PLACES: &[&str] = &[
    "ether[12:2] = 0x800",
    "ether[13] & 1 = 1",
    "ether[10:2] > 1000",
    "ether[14] & 0xf = 5",
    "ip[1] = 0",
    "tcp[13] & 2 != 0",
    "ether[ether[0] & 31] & 1 = 1",
    "len > 100",
    "greater 90",
    "ether[ip[0] & 15] > 100",
    "udp[4:2] > 1000",
    "ether[16:4] > 0x40000000",
    "ip6[6] = 44",
];

fn places() -> impl Strategy<Value = String> {
    let word = prop_oneof![3 => select(PLACES).prop_map(str::to_owned), 1 => expression()];
    (word.clone(), select(&[" or ", " and "][..]), word)
        .prop_map(|(a, join, b)| format!("({a}){join}({b})"))
}

/// Words that say nothing of VLANs hold of what is in them.
#[test]
fn a_tag_is_looked_through() {
    let (name, config) =
        ("a_tag_is_looked_through", ProptestConfig { cases: 150, ..Default::default() });
    if !has_libpcap(name) {
        return;
    }
    let frames = frames(LinkType::Ethernet, 300);
    proptest!(config, |(own in expression(), places in places(), tag in select(TAGS))| {
        let theirs = libpcap::compile(&places, LinkType::Ethernet).unwrap();
        for (program, words) in [(ours(&own, LinkType::Ethernet), &own), (theirs, &places)] {
            let filter = Filter::new(program.clone(), Program::always(0));
            let whole = filter.program(None).unwrap();
            for frame in &frames {
                let expected = wants(&program, frame);
                let inside = tagged(frame, tag);
                prop_assert_eq!(verdict(&whole, frame, Some(tag)), expected, "{} beside", words);
                prop_assert_eq!(verdict(&whole, &inside, None), expected, "{} inside", words);
                prop_assert_eq!(of_file(&filter, &inside), expected, "{} in a file", words);
            }
        }
    });
}

/// Words that ask for VLANs see the frame as it is on the wire.
#[test]
fn a_tag_that_is_asked_for_is_there() {
    if !has_libpcap("a_tag_that_is_asked_for_is_there") {
        return;
    }
    let frames = frames(LinkType::Ethernet, 300);
    let vlan = select(
        &[
            "vlan 5 and ",
            "vlan and ",
            "not vlan 12 and ",
            "vlan 5 and vlan and ",
            "ip or vlan and ",
        ][..],
    );
    let config = ProptestConfig { cases: 150, ..Default::default() };
    let wanted = std::cell::Cell::new(0);
    proptest!(config, |(vlan in vlan, places in places(), tag in select(TAGS))| {
        let expression = format!("{vlan} ({places})");
        let program = libpcap::compile(&expression, LinkType::Ethernet).unwrap();
        let filter = Filter::of_tags(program.clone(), Program::always(0)).unwrap();
        let whole = filter.program(None).unwrap();
        for frame in &frames {
            let inside = tagged(frame, tag);
            let expected = wants(&program, &inside);
            wanted.set(wanted.get() + usize::from(expected));
            prop_assert_eq!(verdict(&whole, frame, Some(tag)), expected, "{} beside", &expression);
            prop_assert_eq!(verdict(&whole, &inside, None), expected, "{} inside", &expression);
            prop_assert_eq!(of_file(&filter, &inside), expected, "{} in a file", &expression);
            let without = wants(&program, frame);
            prop_assert_eq!(verdict(&whole, frame, None), without, "{} none", &expression);
        }
    });
    assert!(wanted.get() > 1000, "{wanted:?}");
}

/// What crosses the beginning of a tag can't be had of a frame without it.
#[test]
fn what_is_cut_in_two_is_refused() {
    if !has_libpcap("what_is_cut_in_two_is_refused") {
        return;
    }
    for expression in ["vlan and ether[12:4] = 0x81000005", "vlan and ether[10:4] = 1"] {
        let program = libpcap::compile(expression, LinkType::Ethernet).unwrap();
        assert!(Filter::of_tags(program, Program::always(0)).is_err(), "{expression}");
    }
}
