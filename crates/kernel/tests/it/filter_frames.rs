//! Random frames of which filters tell something: few addresses and ports, so that a word holds often
//! enough, and all that makes a header longer or something else than it seems.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use twinax_packet::LinkType;

pub const V4: &[Ipv4Addr] = &[
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(10, 0, 0, 2),
    Ipv4Addr::new(10, 0, 129, 1),
    Ipv4Addr::new(192, 168, 1, 255),
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::BROADCAST,
];

pub const V6: &[Ipv6Addr] = &[
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
    Ipv6Addr::new(0xfd00, 0, 0, 0x8000, 0, 0, 0, 1),
    Ipv6Addr::new(0xfd00, 0, 0x7fff, 0, 0, 0, 0, 1),
    Ipv6Addr::LOCALHOST,
    Ipv6Addr::UNSPECIFIED,
];

pub const PORTS: &[u16] = &[0, 53, 80, 443, 65535];

/// ICMP, IGMP, TCP, UDP, SCTP; hop by hop, routing, fragment and no next header of IPv6; ICMPv6.
const PROTOCOLS: &[u8] = &[1, 2, 6, 6, 17, 17, 132, 0, 43, 44, 44, 59, 58];

/// So many random frames that begin like this, the same in each run.
pub fn frames(link_type: LinkType, count: usize) -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let mut some = |frame: BoxedStrategy<Vec<u8>>| -> Vec<Vec<u8>> {
        let tree = |_| frame.new_tree(&mut runner).expect("nothing is rejected").current();
        (0..count).map(tree).collect()
    };
    match link_type {
        LinkType::Ethernet => some(ethernet().boxed()),
        _ => some(prop_oneof![9 => ip(), 1 => vec_of(60..61).boxed()].boxed()),
    }
}

fn vec_of(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), length)
}

fn ethernet() -> impl Strategy<Value = Vec<u8>> {
    let inner = prop_oneof![
        4 => ipv4().prop_map(|packet| (0x0800, packet)),
        4 => ipv6().prop_map(|packet| (0x86dd, packet)),
        3 => (select(&[0x0806, 0x0806, 0x8035][..]), arp()),
        // An EtherType, or a length (IEEE 802.3), that belongs to something else.
        1 => (select(&[0x0800, 0x86dd, 0x0806, 0x88cc, 46_u16][..]), vec_of(60..90)),
    ];
    let tags = proptest::collection::vec((select(&[0x8100, 0x88a8_u16][..]), any::<u16>()), 0..3);
    let tags = prop_oneof![4 => Just(Vec::new()), 1 => tags];
    (vec_of(12..13), tags, inner).prop_map(|(mut frame, tags, (ether_type, packet))| {
        for (protocol, control) in tags {
            frame.extend(protocol.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        frame.extend(u16::to_be_bytes(ether_type));
        frame.extend(packet);
        frame
    })
}

fn ip() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![ipv4(), ipv6()].boxed()
}

/// What comes behind a network header: ports, and enough for whoever looks further.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    (select(PORTS), select(PORTS), vec_of(60..70)).prop_map(|(source, destination, rest)| {
        [&source.to_be_bytes()[..], &destination.to_be_bytes(), &rest].concat()
    })
}

fn ipv4() -> impl Strategy<Value = Vec<u8>> {
    let words = prop_oneof![3 => Just(5_u8), 1 => 5_u8..=15];
    let fragment = prop_oneof![
        3 => select(&[0, 0x4000, 0x2000][..]),
        1 => any::<u16>(),
        1 => (0..16).prop_map(|bit| 1_u16 << bit),
    ];
    (words, fragment, select(PROTOCOLS), select(V4), select(V4), vec_of(40..41), payload())
        .prop_map(|(words, fragment, protocol, source, destination, options, payload)| {
            let mut header = [0; 20];
            header[0] = 0x40 | words;
            header[6..8].copy_from_slice(&fragment.to_be_bytes());
            header[9] = protocol;
            header[12..16].copy_from_slice(&source.octets());
            header[16..20].copy_from_slice(&destination.octets());
            [&header[..], &options[..4 * usize::from(words - 5)], &payload].concat()
        })
}

fn ipv6() -> impl Strategy<Value = Vec<u8>> {
    let behind = prop_oneof![
        3 => (select(PROTOCOLS), payload()),
        // A fragment header.
        1 => (Just(44), (select(PROTOCOLS), vec_of(7..8), payload())
            .prop_map(|(next, rest, payload)| [&[next][..], &rest, &payload].concat())),
    ];
    (behind, select(V6), select(V6), any::<[u8; 4]>()).prop_map(
        |((next, behind), source, destination, mut first)| {
            first[0] = 0x60 | (first[0] & 0xf);
            let lengths = [0, 60, next, 64];
            [&first[..], &lengths, &source.octets(), &destination.octets(), &behind].concat()
        },
    )
}

fn arp() -> impl Strategy<Value = Vec<u8>> {
    (select(V4), select(V4), vec_of(8..9), vec_of(12..13), vec_of(18..19)).prop_map(
        |(sender, target, head, macs, padding)| {
            let (sender, target) = (sender.octets(), target.octets());
            [&head[..], &macs[..6], &sender, &macs[6..], &target, &padding].concat()
        },
    )
}
