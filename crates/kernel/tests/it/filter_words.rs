//! Our own words mean what libpcap says they mean.

use proptest::prelude::*;
use proptest::sample::select;
use twinax_kernel::libpcap;
use twinax_packet::filter::{self, Ancillary, Filter, Program};
use twinax_packet::hardware::{ETHERNET, RAW};
use twinax_packet::{Direction, LinkType};

use crate::filter_frames::{PORTS, V4, V6, frames};

const LINK_TYPES: [LinkType; 2] = [LinkType::Ethernet, LinkType::Raw];

pub fn wants(program: &Program, frame: &[u8]) -> bool {
    wants_of(program, frame, ETHERNET)
}

fn wants_of(program: &Program, frame: &[u8], hardware: u16) -> bool {
    let ancillary = Ancillary {
        length: frame.len() as u32,
        protocol: 0,
        direction: Direction::In,
        interface: 1,
        hardware,
        tag: None,
    };
    program.run(frame, &ancillary) != 0
}

pub fn has_libpcap(name: &str) -> bool {
    let there = libpcap::version().is_some();
    if !there {
        println!("skipped: {name}: needs libpcap");
    }
    there
}

pub fn ours(expression: &str, link_type: LinkType) -> Program {
    let parsed = filter::parse(expression)
        .unwrap_or_else(|error| panic!("libpcap takes it, twinax does not: {expression}: {error}"));
    filter::compile(&parsed, link_type).expect("it is not that long")
}

/// One of a few words, or none.
fn maybe(words: &[&'static str]) -> BoxedStrategy<&'static str> {
    let words = words.to_vec();
    if words.is_empty() { Just("").boxed() } else { prop_oneof![Just(""), select(words)].boxed() }
}

const SIDES: &[&str] =
    &["src ", "dst ", "src or dst ", "dst or src ", "src and dst ", "dst and src "];

fn net_v4() -> impl Strategy<Value = String> {
    let cut = (select(V4), 0_u32..=32).prop_map(|(address, length)| {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        format!("{}/{length}", std::net::Ipv4Addr::from(u32::from(address) & mask))
    });
    prop_oneof![
        3 => cut,
        1 => select(&["10", "10.0", "10.0.129", "192.168", "10.0/16", "0.0/15", "10.0.0.1"][..])
            .prop_map(str::to_owned),
    ]
}

fn net_v6() -> impl Strategy<Value = String> {
    let cut = (select(V6), 0_u32..=128).prop_map(|(address, length)| {
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        format!("{}/{length}", std::net::Ipv6Addr::from(u128::from(address) & mask))
    });
    prop_oneof![5 => cut, 1 => select(V6).prop_map(|address| address.to_string())]
}

/// A value, or values in the place of one.
fn values(value: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let joined = (value.clone(), select(&["or", "and", "or not"][..]), value.clone());
    prop_oneof![
        4 => value.clone(),
        1 => value.prop_map(|value| format!("not {value}")),
        1 => joined.clone().prop_map(|(a, join, b)| format!("({a} {join} {b})")),
        1 => joined.prop_map(|(a, join, b)| format!("{a} {join} {b}")),
    ]
}

fn primitive() -> impl Strategy<Value = String> {
    let v4 = select(V4).prop_map(|address| address.to_string()).boxed();
    let v6 = select(V6).prop_map(|address| address.to_string()).boxed();
    let port = select(PORTS).prop_map(|port| port.to_string()).boxed();
    let sided =
        |words: &'static [&'static str], kind: &'static str, value: BoxedStrategy<String>| {
            let words = (maybe(words), maybe(SIDES), values(value));
            words.prop_map(move |(protocol, side, value)| format!("{protocol}{side}{kind}{value}"))
        };
    prop_oneof![
        3 => select(&["arp", "ip", "ip6", "icmp", "icmp6", "tcp", "udp"][..]).prop_map(str::to_owned),
        2 => sided(&["ip ", "arp "], "host ", v4.clone()),
        1 => sided(&["ip6 "], "host ", v6.clone()),
        1 => sided(&[], "host ", prop_oneof![v4.clone(), v6].boxed()),
        1 => (select(SIDES), v4).prop_map(|(side, address)| format!("{side}{address}")),
        2 => sided(&["ip ", "arp "], "net ", net_v4().boxed()),
        2 => sided(&["ip6 "], "net ", net_v6().boxed()),
        3 => sided(&["tcp ", "udp "], "port ", port),
    ]
}

/// Brackets are often left out, so that precedence tells.
pub fn expression() -> impl Strategy<Value = String> {
    primitive().prop_recursive(4, 12, 2, |inner| {
        let join = select(&[" and ", " or ", "&&", "||", " and not ", "||!"][..]);
        prop_oneof![
            3 => (inner.clone(), join.clone(), inner.clone())
                .prop_map(|(a, join, b)| format!("{a}{join}{b}")),
            2 => (inner.clone(), join, inner.clone())
                .prop_map(|(a, join, b)| format!("({a}){join}({b})")),
            1 => inner.clone().prop_map(|inner| format!("not {inner}")),
            1 => inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

/// Of whole frames, and of frames that are cut off anywhere.
#[test]
fn our_words_mean_what_libpcap_says() {
    if !has_libpcap("our_words_mean_what_libpcap_says") {
        return;
    }
    let all = LINK_TYPES.map(|link_type| {
        let whole = frames(link_type, 2000);
        let cut = whole.iter().enumerate().map(|(at, frame)| &frame[..frame.len().min(at % 90)]);
        let cut: Vec<_> = cut.map(<[u8]>::to_vec).collect();
        (link_type, [whole, cut].concat())
    });
    let config = ProptestConfig { cases: 300, ..ProptestConfig::default() };
    proptest!(config, |(expression in expression())| {
        for (link_type, frames) in &all {
            let theirs = libpcap::compile(&expression, *link_type);
            let theirs = theirs.unwrap_or_else(|error| panic!("{expression}: {error}"));
            let ours = ours(&expression, *link_type);
            let whole = [&ours, &theirs].map(|program| {
                Filter::new(Program::always(0), program.clone()).program(None).unwrap()
            });
            for frame in frames {
                let (ours, theirs) = (wants(&ours, frame), wants(&theirs, frame));
                prop_assert_eq!(ours, theirs, "{:?} {}: {:02x?}", link_type, &expression, frame);
                // As if they all came from devices without a link header: nothing is tagged there.
                let whole = [&whole[0], &whole[1]].map(|whole| wants_of(whole, frame, RAW[0]));
                prop_assert_eq!(whole, [ours; 2], "{}: {:02x?}", &expression, frame);
            }
        }
    });
}

/// What made us do without libpcap's optimizer: in 1.10.3 it forgets the second half of `host`.
#[test]
fn a_host_is_one_of_two_addresses_whatever_stands_before() {
    if !has_libpcap("a_host_is_one_of_two_addresses_whatever_stands_before") {
        return;
    }
    let expression = "(host 10.0.0.1 and host 10.0.0.2) or host 10.0.0.1 or host 10.0.0.3";
    let program = libpcap::compile(expression, LinkType::Raw).unwrap();
    let frame = |source, destination| {
        [&[0x45; 12][..], &[10, 0, 0, source], &[10, 0, 0, destination]].concat()
    };
    for (source, destination, is_wanted) in [(3, 4, true), (4, 3, true), (4, 5, false)] {
        assert_eq!(wants(&program, &frame(source, destination)), is_wanted, "{source}");
    }
}

/// Frames and words are not such that nothing, or everything, is wanted of all.
#[test]
fn frames_and_words_are_diverse() {
    for link_type in LINK_TYPES {
        let frames = frames(link_type, 2000);
        for word in [
            "ip",
            "ip6",
            "icmp",
            "icmp6",
            "tcp",
            "udp",
            "tcp port 80",
            "src port 53",
            "host 10.0.0.1",
            "src and dst host fd00::1",
            "net 10.0.128.0/17",
            "net fd00::/48",
        ] {
            let program = ours(word, link_type);
            let wanted = frames.iter().filter(|frame| wants(&program, frame)).count();
            assert!((5..1500).contains(&wanted), "{link_type:?} {word}: {wanted}");
        }
    }
}
