//! IPv4 and IPv6.

use super::{ECHO, Odd, patched};
use crate::build::{
    ICMP, ICMPV6, Ipv4, Ipv6, TCP, Tcp, UDP, ethernet, icmp, in_ipv4, in_ipv6, join, udp,
};

pub fn ipv4() -> Vec<Odd> {
    let echo = |ip: Ipv4| ethernet(0x0800, &ip.with(&ECHO));
    let options = |options: &[u8]| echo(Ipv4 { options: options.to_vec(), ..Ipv4::of(ICMP) });
    let fragment = |fragment, protocol, payload: &[u8]| {
        ethernet(0x0800, &Ipv4 { fragment, ..Ipv4::of(protocol) }.with(payload))
    };
    let plain = echo(Ipv4::of(ICMP));
    let inner = Ipv4 { source: [172, 16, 0, 1], ..Ipv4::of(ICMP) }.with(&ECHO);
    vec![
        ("ipv4-padded", join(&[&plain, &[0; 18]])),
        ("ipv4-option-router-alert", options(&[0x94, 4, 0, 0])),
        ("ipv4-option-record-route", options(&[7, 7, 4, 10, 0, 0, 1, 0])),
        ("ipv4-option-bad", options(&[7, 99, 4, 0])),
        ("ipv4-options-40", options(&[1; 40])),
        ("ipv4-first-fragment-udp", fragment(0x2000, UDP, &udp(1234, 4242, &[0; 600])[..500])),
        ("ipv4-first-fragment-tcp", fragment(0x2000, TCP, &Tcp::of(0x18).with(b"some"))),
        ("ipv4-first-fragment-icmp", fragment(0x2000, ICMP, &join(&[&ECHO, &[0; 100]]))),
        ("ipv4-middle-fragment", fragment(0x2000 | 185, UDP, &[9; 64])),
        ("ipv4-last-fragment", fragment(370, UDP, &[9; 9])),
        ("ipv4-last-fragment-icmp", fragment(8191, ICMP, b"tail")),
        ("ipv4-fragment-reserved-flag", fragment(0x8000, ICMP, &ECHO)),
        ("ipv4-header-length-0", patched(plain.clone(), 14, &[0x40])),
        ("ipv4-header-length-16", patched(plain.clone(), 14, &[0x44])),
        ("ipv4-header-length-60", patched(plain.clone(), 14, &[0x4f])),
        ("ipv4-header-length-60-udp", patched(in_ipv4(UDP, &udp(1, 2, b"")), 14, &[0x4f])),
        ("ipv4-header-length-60-fragment", patched(fragment(1, UDP, b"x"), 14, &[0x4f])),
        ("ipv4-length-0", patched(plain.clone(), 16, &[0, 0])),
        ("ipv4-length-10", patched(plain.clone(), 16, &[0, 10])),
        ("ipv4-length-20", patched(plain.clone(), 16, &[0, 20])),
        ("ipv4-length-24", patched(plain.clone(), 16, &[0, 24])),
        ("ipv4-length-1000", patched(plain.clone(), 16, &[0x03, 0xe8])),
        ("ipv4-protocol-253", in_ipv4(253, b"experiment")),
        ("ipv4-of-gre", in_ipv4(47, &join(&[&[0, 0, 8, 0], &inner]))),
        ("ipv4-of-ospf", in_ipv4(89, &[2, 1, 0, 44, 10, 0, 0, 1, 0, 0, 0, 0])),
        ("ipv4-of-sctp", in_ipv4(132, &[0x13, 0x88, 0x9c, 0x40, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("ipv4-protocol-255-empty", in_ipv4(255, b"")),
        ("ipv4-no-next-header", in_ipv4(59, b"")),
        ("ipv4-of-icmpv6", in_ipv4(ICMPV6, &[128, 0, 0, 0, 0, 1, 0, 1])),
        ("ipip", in_ipv4(4, &inner)),
        ("ipip-twice", in_ipv4(4, &Ipv4::of(4).with(&inner))),
        ("sit", in_ipv4(41, &Ipv6::of(UDP).with(&udp(1234, 4242, b"six")))),
        ("ipip-of-ipv6", in_ipv4(4, &Ipv6::of(UDP).with(&udp(1234, 4242, b"six")))),
        ("sit-of-ipv4", in_ipv4(41, &join(&[&inner, &[0; 20]]))),
        ("esp", in_ipv4(50, &[0, 0, 0xbe, 0xef, 0, 0, 0, 0x2a, 1, 2, 3, 4])),
        ("igmp-v1-query", in_ipv4(2, &[0x11, 0, 0, 0, 0, 0, 0, 0])),
        ("igmp-v1-query-long", in_ipv4(2, &[0x11, 0, 0, 0, 0, 0, 0, 0, 9])),
        ("igmp-v2-query", in_ipv4(2, &[0x11, 100, 0, 0, 0, 0, 0, 0])),
        ("igmp-v2-query-group", in_ipv4(2, &[0x11, 20, 0, 0, 224, 1, 2, 3])),
        ("igmp-v3-query", in_ipv4(2, &[0x11, 100, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0])),
        (
            "igmp-v3-query-sources",
            in_ipv4(2, &[0x11, 5, 0, 0, 224, 1, 2, 3, 2, 9, 0, 1, 10, 0, 0, 1]),
        ),
        ("igmp-v3-query-bad-sources", in_ipv4(2, &[0x11, 1, 0, 0, 224, 1, 2, 3, 2, 9, 0, 7])),
        ("igmp-v3-query-slow", in_ipv4(2, &[0x11, 0xff, 0, 0, 224, 1, 2, 3, 2, 9, 0, 0])),
        ("igmp-v3-query-a-minute", in_ipv4(2, &[0x11, 0xa3, 0, 0, 224, 1, 2, 3, 2, 9, 0, 0])),
        ("igmp-v3-query-odd-length", in_ipv4(2, &[0x11, 5, 0, 0, 224, 1, 2, 3, 2, 9, 0, 0, 0])),
        ("igmp-v1-report", in_ipv4(2, &[0x12, 0, 0, 0, 224, 1, 2, 3])),
        ("igmp-v2-report", in_ipv4(2, &[0x16, 0, 0, 0, 224, 1, 2, 3])),
        ("igmp-v3-report", in_ipv4(2, &[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 224, 1, 2, 3])),
        ("igmp-v3-report-short", in_ipv4(2, &[0x22, 0, 0, 0, 0, 0, 0, 1])),
        ("igmp-leave", in_ipv4(2, &[0x17, 0, 0, 0, 224, 1, 2, 3])),
        ("igmp-type-99", in_ipv4(2, &[99, 0, 0, 0, 224, 1, 2, 3])),
    ]
}

pub fn ipv6() -> Vec<Odd> {
    let datagram = udp(1234, 4242, b"data");
    let echo6 = icmp(128, 0, [0, 7, 0, 1], b"data");
    let padding = [1, 4, 0, 0, 0, 0];
    let segment = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let behind =
        |first: u8, extension: &[u8], payload: &[u8]| in_ipv6(first, &join(&[extension, payload]));
    let routing =
        |length: u8, kind: u8, rest: &[u8]| join(&[&[UDP, length, kind, 1], rest, &segment]);
    let fragment =
        |next: u8, offset: u16| join(&[&[next, 0], &offset.to_be_bytes(), &[0, 0, 0, 9]]);
    let address = |text: &str| {
        let source = text.parse::<std::net::Ipv6Addr>().unwrap().octets();
        ethernet(0x86dd, &Ipv6 { source, destination: source, ..Ipv6::of(UDP) }.with(&datagram))
    };
    let plain = in_ipv6(UDP, &datagram);
    vec![
        ("ipv6-address-unspecified", address("::")),
        ("ipv6-address-loopback", address("::1")),
        ("ipv6-address-mapped", address("::ffff:10.0.0.1")),
        ("ipv6-address-compatible", address("::10.0.0.1")),
        ("ipv6-address-one-zero", address("2001:db8:0:1:1:1:1:1")),
        ("ipv6-address-two-gaps", address("1:0:0:2:3:0:0:4")),
        ("ipv6-address-gap-behind", address("1:2:3:4:5:6::")),
        ("ipv6-padded", join(&[&plain, &[0; 4]])),
        ("ipv6-version-4", patched(plain.clone(), 14, &[0x45])),
        ("ipv6-length-0", patched(plain.clone(), 18, &[0, 0])),
        ("ipv6-length-0-icmp", patched(in_ipv6(ICMPV6, &echo6), 18, &[0, 0])),
        (
            "ipv6-length-0-hop-by-hop",
            patched(behind(0, &[UDP, 0, 1, 4, 0, 0, 0, 0], &datagram), 18, &[0, 0]),
        ),
        (
            "ipv6-length-0-destination-options",
            patched(behind(60, &[UDP, 0, 1, 4, 0, 0, 0, 0], &datagram), 18, &[0, 0]),
        ),
        ("ipv6-length-4", patched(plain.clone(), 18, &[0, 4])),
        ("ipv6-length-1000", patched(plain.clone(), 18, &[3, 0xe8])),
        ("ipv6-length-1000-icmp", patched(in_ipv6(ICMPV6, &echo6), 18, &[3, 0xe8])),
        ("ipv6-hop-by-hop-bad-option", behind(0, &[UDP, 0, 5, 9, 0, 0, 1, 0], &datagram)),
        ("ipv6-hop-by-hop", behind(0, &join(&[&[UDP, 0], &padding]), &datagram)),
        (
            "ipv6-hop-by-hop-twice",
            behind(0, &join(&[&[0, 0], &padding, &[UDP, 0], &padding]), &datagram),
        ),
        (
            "ipv6-hop-by-hop-late",
            behind(60, &join(&[&[0, 0], &padding, &[UDP, 0], &padding]), &datagram),
        ),
        ("ipv6-destination-options", behind(60, &join(&[&[ICMPV6, 0], &padding]), &echo6)),
        ("ipv6-options-of-nothing", behind(60, &join(&[&[59, 0], &padding]), b"")),
        ("ipv6-options-too-long", behind(60, &join(&[&[UDP, 200], &padding]), &datagram)),
        ("ipv6-routing-0", behind(43, &routing(2, 0, &[0; 4]), &datagram)),
        ("ipv6-routing-2", behind(43, &routing(2, 2, &[0, 0, 0, 7]), &datagram)),
        ("ipv6-routing-4", behind(43, &routing(2, 4, &[3, 1, 0, 9]), &datagram)),
        ("ipv6-routing-odd", behind(43, &routing(3, 0, &[0; 4]), &datagram)),
        ("ipv6-routing-99", behind(43, &routing(2, 99, &[0; 4]), &datagram)),
        ("ipv6-fragment-first", behind(44, &fragment(UDP, 1), &datagram)),
        (
            "ipv6-fragment-first-bad-udp",
            behind(44, &fragment(UDP, 1), &patched(datagram.clone(), 4, &[2, 0])),
        ),
        ("ipv6-fragment-first-icmp", behind(44, &fragment(ICMPV6, 1), &echo6)),
        ("ipv6-fragment-later", behind(44, &fragment(UDP, 0x05a9), &datagram)),
        ("ipv6-fragment-last", behind(44, &fragment(UDP, 0x05a8), b"tail")),
        ("ipv6-fragment-whole", behind(44, &fragment(TCP, 0), &Tcp::of(2).with(b""))),
        ("ipv6-fragment-of-nothing", behind(44, &fragment(UDP, 1), b"")),
        (
            "ipv6-several",
            behind(
                0,
                &join(&[&[60, 0], &padding, &[43, 0], &padding, &routing(2, 0, &[0; 4])]),
                &datagram,
            ),
        ),
        ("ipv6-no-next-header", in_ipv6(59, b"")),
        ("ipv6-protocol-253", in_ipv6(253, b"experiment")),
        ("ipv6-of-icmp", in_ipv6(ICMP, &ECHO)),
        ("ipv6-of-igmp", in_ipv6(2, &[0x16, 0, 0, 0, 224, 1, 2, 3])),
        ("ipv6-of-ipv4", in_ipv6(4, &Ipv4::of(ICMP).with(&ECHO))),
        ("ipv6-of-ipv6", in_ipv6(41, &Ipv6::of(UDP).with(&datagram))),
        ("ipv6-esp", in_ipv6(50, &[0, 0, 0xbe, 0xef, 0, 0, 0, 0x2a, 1, 2, 3, 4])),
    ]
}
