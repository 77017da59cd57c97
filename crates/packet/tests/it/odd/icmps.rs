//! ICMP and ICMPv6.

use super::Odd;
use crate::build::{
    ICMP, ICMPV6, Ipv4, Ipv6, LEFT, RIGHT, TCP, Tcp, UDP, icmp, in_ipv4, in_ipv6, join, udp,
};

pub fn icmpv4() -> Vec<Odd> {
    let quoted = Ipv4 { destination: [203, 0, 113, 9], ..Ipv4::of(UDP) };
    let quoted = quoted.with(&udp(40_000, 33_434, b""));
    let error = |kind: u8, code: u8, rest: [u8; 4]| in_ipv4(ICMP, &icmp(kind, code, rest, &quoted));
    let with_options = Ipv4 { options: vec![1; 8], ..Ipv4::of(TCP) };
    let with_options = with_options.with(&Tcp::of(2).with(b""));
    let times = [0, 0, 0, 1, 0x05, 0x26, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff];
    let mut odd = vec![
        ("icmp-echo-request", in_ipv4(ICMP, &icmp(8, 0, [0, 7, 0, 1], &[0; 56]))),
        ("icmp-echo-reply", in_ipv4(ICMP, &icmp(0, 0, [0xff, 0xff, 0xff, 0xff], &[0; 56]))),
        ("icmp-four-bytes", in_ipv4(ICMP, &[4, 0, 0, 0])),
        ("icmp-empty", in_ipv4(ICMP, b"")),
        ("icmp-unreachable-tcp-port", in_ipv4(ICMP, &icmp(3, 3, [0; 4], &with_options))),
        (
            "icmp-unreachable-ospf-port",
            in_ipv4(ICMP, &icmp(3, 3, [0; 4], &Ipv4::of(89).with(&[1; 8]))),
        ),
        ("icmp-fragmentation-needed", error(3, 4, [0, 0, 0x05, 0x14])),
        ("icmp-source-quench", error(4, 0, [0; 4])),
        ("icmp-time-exceeded-9", error(11, 9, [0; 4])),
        ("icmp-parameter-problem", error(12, 0, [20, 0, 0, 0])),
        ("icmp-parameter-problem-1", error(12, 1, [0; 4])),
        (
            "icmp-router-advertisement",
            in_ipv4(ICMP, &icmp(9, 0, [1, 2, 7, 8], &[10, 0, 0, 1, 0, 0, 0, 5])),
        ),
        (
            "icmp-router-advertisement-short",
            in_ipv4(ICMP, &icmp(9, 0, [1, 2, 0, 59], &[10, 0, 0, 1, 0, 0, 0, 5])),
        ),
        ("icmp-router-advertisement-long", in_ipv4(ICMP, &icmp(9, 0, [0, 2, 0xff, 0xff], b""))),
        ("icmp-router-advertisement-size", in_ipv4(ICMP, &icmp(9, 0, [1, 3, 0, 99], b""))),
        ("icmp-router-advertisement-many", in_ipv4(ICMP, &icmp(9, 0, [3, 2, 0, 99], &[9; 16]))),
        ("icmp-router-solicitation", in_ipv4(ICMP, &icmp(10, 0, [0; 4], b""))),
        ("icmp-timestamp-request", in_ipv4(ICMP, &icmp(13, 0, [0, 7, 0, 1], &times))),
        ("icmp-timestamp-reply", in_ipv4(ICMP, &icmp(14, 0, [0, 7, 0, 1], &times))),
        ("icmp-information-request", in_ipv4(ICMP, &icmp(15, 0, [0; 4], b""))),
        ("icmp-information-reply", in_ipv4(ICMP, &icmp(16, 0, [0; 4], b""))),
        ("icmp-mask-request", in_ipv4(ICMP, &icmp(17, 0, [0; 4], &[0; 4]))),
        ("icmp-mask-reply", in_ipv4(ICMP, &icmp(18, 0, [0; 4], &[255, 255, 255, 0]))),
        ("icmp-type-99", in_ipv4(ICMP, &icmp(99, 0, [0; 4], b"what"))),
    ];
    odd.extend((0..=16).map(|code| ("icmp-unreachable", error(3, code, [0; 4]))));
    odd.extend((0..=4).map(|code| ("icmp-redirect", error(5, code, [10, 0, 0, 254]))));
    odd.extend((0..=1).map(|code| ("icmp-time-exceeded", error(11, code, [0; 4]))));
    odd
}

pub fn icmpv6() -> Vec<Odd> {
    let message = |kind: u8, code: u8, rest: [u8; 4], body: &[u8]| {
        in_ipv6(ICMPV6, &icmp(kind, code, rest, body))
    };
    let quoted = Ipv6::of(UDP).with(&udp(40_000, 33_434, b""));
    let fragment = Ipv6::of(44).with(&join(&[&[TCP, 0, 0, 1, 0, 0, 0, 9], &Tcp::of(2).with(b"")]));
    let later = Ipv6::of(44).with(&[TCP, 0, 0, 9, 0, 0, 0, 9, 1, 2, 3, 4]);
    let group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 9];
    let prefix = join(&[&[3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0], &group]);
    let mtu = [5, 1, 0, 0, 0, 0, 0x05, 0xdc];
    let source = join(&[&[1, 1], &LEFT]);
    let advertised = join(&[&[0, 0, 0, 9, 0, 0, 0, 8], &source, &mtu, &prefix]);
    let record = join(&[&[4, 0, 0, 1], &group, &group]);
    let mut odd = vec![
        ("icmp6-echo-request", message(128, 0, [0, 7, 0, 1], &[0; 56])),
        ("icmp6-echo-reply", message(129, 0, [0, 7, 0, 1], &[0; 56])),
        ("icmp6-four-bytes", in_ipv6(ICMPV6, &[133, 0, 0, 0])),
        ("icmp6-empty", in_ipv6(ICMPV6, b"")),
        ("icmp6-router-solicitation", message(133, 0, [0; 4], &source)),
        ("icmp6-router-advertisement", message(134, 0, [64, 0xc0, 7, 8], &advertised)),
        ("icmp6-neighbor-solicitation", message(135, 0, [0; 4], &join(&[&group, &source]))),
        (
            "icmp6-neighbor-advertisement",
            message(136, 0, [0xe0, 0, 0, 0], &join(&[&group, &[2, 1], &RIGHT])),
        ),
        ("icmp6-redirect", message(137, 0, [0; 4], &join(&[&group, &quoted[8..24]]))),
        ("icmp6-listener-query", message(130, 0, [0x27, 0x10, 0, 0], &group)),
        (
            "icmp6-listener-query-v2",
            message(130, 0, [0x27, 0x10, 0, 0], &join(&[&group, &[2, 125, 0, 0]])),
        ),
        (
            "icmp6-listener-query-v2-sources",
            message(130, 0, [0; 4], &join(&[&group, &[2, 125, 0, 1], &group])),
        ),
        (
            "icmp6-listener-query-v2-bad",
            message(130, 0, [0; 4], &join(&[&group, &[2, 125, 0, 9], &group])),
        ),
        (
            "icmp6-listener-query-v2-all",
            message(130, 0, [0; 4], &join(&[&[0; 16], &[2, 125, 0, 0]])),
        ),
        ("icmp6-listener-query-odd", message(130, 0, [0; 4], &group[..10])),
        ("icmp6-listener-report", message(131, 0, [0; 4], &group)),
        ("icmp6-listener-done", message(132, 0, [0; 4], &group)),
        ("icmp6-listener-report-v2", message(143, 0, [0, 0, 0, 1], &record)),
        ("icmp6-too-big", message(2, 0, [0, 0, 5, 0], &quoted)),
        ("icmp6-port-unreachable-fragment", message(1, 4, [0; 4], &fragment)),
        ("icmp6-port-unreachable-later-fragment", message(1, 4, [0; 4], &later)),
        (
            "icmp6-port-unreachable-of-icmp6",
            message(1, 4, [0; 4], &Ipv6::of(ICMPV6).with(&[128; 8])),
        ),
        ("icmp6-inverse-solicitation", message(141, 0, [0; 4], b"")),
        ("icmp6-type-250", message(250, 0, [0; 4], b"what")),
    ];
    odd.extend((0..=5).map(|code| ("icmp6-unreachable", message(1, code, [0; 4], &quoted))));
    odd.extend((0..=2).map(|code| ("icmp6-time-exceeded", message(3, code, [0; 4], &quoted))));
    odd.extend(
        (0..=4).map(|code| ("icmp6-parameter-problem", message(4, code, [0, 0, 0, 40], &quoted))),
    );
    odd
}
