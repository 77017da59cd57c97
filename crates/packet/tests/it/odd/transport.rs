//! TCP, UDP and what it carries, without DNS.

use super::{ECHO, Odd, patched};
use crate::build::{
    ICMP, LEFT, RIGHT, TCP, Tcp, UDP, arp, dhcp, in_ipv4, in_ipv6, join, tagged, tcp_options, udp,
    vxlan,
};

pub fn tcp() -> Vec<Odd> {
    let options = |bytes: &[u8]| in_ipv4(TCP, &Tcp::options(bytes).with(b""));
    let plain = in_ipv4(TCP, &Tcp::of(0x18).with(b"data"));
    let mut odd = vec![
        ("tcp-urgent", in_ipv4(TCP, &Tcp { urgent: 3, ..Tcp::of(0x38) }.with(b"now"))),
        ("tcp-reset-with-data", in_ipv4(TCP, &Tcp::of(0x14).with(b"go away"))),
        (
            "tcp-http",
            in_ipv4(TCP, &Tcp { destination: 80, ..Tcp::of(0x18) }.with(b"GET / HTTP/1.1\r\n\r\n")),
        ),
        ("tcp-ssh", in_ipv4(TCP, &Tcp { source: 22, ..Tcp::of(0x18) }.with(b"SSH-2.0-x\r\n"))),
        ("tcp-same-ports", in_ipv4(TCP, &Tcp { source: 5000, ..Tcp::of(0x10) }.with(b""))),
        ("tcp-header-length-0", patched(plain.clone(), 46, &[0])),
        ("tcp-header-length-16", patched(plain.clone(), 46, &[0x40])),
        ("tcp-header-length-60", patched(plain.clone(), 46, &[0xf0])),
        ("tcp-header-length-24", patched(plain.clone(), 46, &[0x60])),
        ("tcp-ns-flag", patched(plain, 46, &[0x51])),
        ("tcp-ipv6", in_ipv6(TCP, &Tcp::of(0x12).with(b""))),
        (
            "tcp-ipv6-reply",
            in_ipv6(TCP, &Tcp { source: 5000, destination: 40_000, ..Tcp::of(0x10) }.with(b"x")),
        ),
        ("tcp-options-all-nop", options(&[1; 40])),
        ("tcp-option-mss-long", options(&[2, 6, 5, 0xb4, 0, 0, 1, 0])),
        ("tcp-option-mss-short", options(&[2, 2, 5, 0xb4])),
        ("tcp-option-mss-at-the-end", options(&[1, 1, 1, 2])),
        ("tcp-option-length-0", options(&[1, 2, 0, 0])),
        ("tcp-option-length-1-first", options(&[2, 1, 0, 0])),
        ("tcp-option-too-long", options(&[1, 8, 40, 0])),
        (
            "tcp-option-sack-two",
            options(&[1, 1, 5, 18, 0, 0, 0, 9, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 2]),
        ),
        ("tcp-option-sack-odd", options(&[5, 6, 0, 0, 0, 9, 1, 1])),
        ("tcp-option-sack-none", options(&[5, 2, 1, 1])),
        ("tcp-option-echo", options(&[6, 6, 0, 0, 0, 1, 7, 6, 0, 0, 0, 2])),
        (
            "tcp-option-cc",
            options(&[11, 6, 0, 0, 0, 1, 12, 6, 0, 0, 0, 2, 13, 6, 0, 0, 0, 3, 1, 1]),
        ),
        ("tcp-option-md5", options(&tcp_options(19, &[0xab; 16]))),
        ("tcp-option-scps", options(&[20, 4, 0xa5, 9])),
        ("tcp-option-user-timeout", options(&[28, 4, 0x80, 0x05, 28, 4, 0x00, 0x1e])),
        ("tcp-option-authentication", options(&tcp_options(29, &[1, 2, 0xaa, 0xbb, 0xcc]))),
        ("tcp-option-authentication-short", options(&tcp_options(29, &[1]))),
        ("tcp-option-authentication-no-mac", options(&tcp_options(29, &[1, 2]))),
        ("tcp-option-fast-open", options(&tcp_options(34, &[1, 2, 3, 4, 5, 6, 7, 8]))),
        ("tcp-option-fast-open-request", options(&[34, 2, 0, 0])),
        ("tcp-option-fast-open-odd", options(&tcp_options(34, &[1, 2, 3, 4, 5]))),
        ("tcp-option-experiment-fast-open", options(&tcp_options(254, &[0xf9, 0x89, 1, 2, 3, 4]))),
        ("tcp-option-experiment-fast-open-request", options(&tcp_options(254, &[0xf9, 0x89]))),
        ("tcp-option-experiment", options(&tcp_options(254, &[0x12, 0x34, 1, 2]))),
        ("tcp-option-experiment-short", options(&tcp_options(254, &[0x12]))),
        ("tcp-option-cut-off", options(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])[..60].to_vec()),
        ("tcp-option-mptcp", options(&tcp_options(30, &[1, 0]))),
        ("tcp-option-unknown", options(&tcp_options(77, &[1, 2, 3]))),
        ("tcp-option-unknown-empty", options(&tcp_options(77, &[]))),
        ("tcp-option-end-early", options(&[0, 2, 4, 5])),
    ];
    odd.extend((0..=255).map(|flags| ("tcp-flags", in_ipv4(TCP, &Tcp::of(flags).with(b"")))));
    odd
}

pub fn udps() -> Vec<Odd> {
    let datagram =
        |source, destination, payload: &[u8]| in_ipv4(UDP, &udp(source, destination, payload));
    let plain = datagram(1234, 4242, b"data");
    let bootp = |operation, options: &[u8]| datagram(68, 67, &dhcp(operation, [0; 4], options));
    let inner = in_ipv4(ICMP, &ECHO);
    let wireguard = |kind: u8, length: usize| {
        let mut message = vec![kind, 0, 0, 0, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08];
        message.resize(length, 0);
        datagram(51_820, 51_821, &message)
    };
    let deep = (0..12).fold(inner.clone(), |frame, _| datagram(1234, 4789, &vxlan(8, 7, &frame)));
    vec![
        ("udp-empty", datagram(1234, 4242, b"")),
        ("udp-length-0", patched(plain.clone(), 38, &[0, 0])),
        ("udp-length-7", patched(plain.clone(), 38, &[0, 7])),
        ("udp-length-8", patched(plain.clone(), 38, &[0, 8])),
        ("udp-length-10", patched(plain.clone(), 38, &[0, 10])),
        ("udp-length-1000", patched(plain, 38, &[3, 0xe8])),
        ("udp-ipv6", in_ipv6(UDP, &udp(1234, 4242, b"data"))),
        ("udp-ntp", datagram(123, 123, &[0x23; 48])),
        ("udp-snmp", datagram(1234, 161, &[0x30, 3, 2, 1, 1])),
        ("udp-syslog", datagram(1234, 514, b"<13>hello")),
        ("dhcp-discover", bootp(1, &[53, 1, 1, 255])),
        (
            "dhcp-offer",
            datagram(67, 68, &dhcp(2, [10, 0, 0, 9], &[1, 4, 255, 255, 255, 0, 53, 1, 2, 255])),
        ),
        ("dhcp-request", bootp(1, &[0, 0, 53, 1, 3, 50, 4, 10, 0, 0, 9, 255])),
        ("dhcp-decline", bootp(1, &[53, 1, 4, 255])),
        ("dhcp-ack", datagram(67, 68, &dhcp(2, [10, 0, 0, 9], &[53, 1, 5, 255]))),
        ("dhcp-nack", datagram(67, 68, &dhcp(2, [0; 4], &[53, 1, 6, 255]))),
        ("dhcp-release", bootp(1, &[53, 1, 7, 255])),
        ("dhcp-inform", bootp(1, &[53, 1, 8, 255])),
        ("dhcp-message-99", bootp(1, &[53, 1, 99, 255])),
        ("dhcp-without-message", bootp(1, &[255])),
        ("dhcp-options-broken", bootp(1, &[1, 200, 53, 1, 1])),
        ("dhcp-operation-9", bootp(9, &[53, 1, 1, 255])),
        ("bootp-plain", datagram(68, 67, &patched(dhcp(1, [0; 4], &[0; 60]), 236, &[0; 4]))),
        ("bootp-other-hardware", datagram(68, 67, &patched(dhcp(1, [0; 4], &[255]), 1, &[32]))),
        ("vxlan", datagram(55_555, 4789, &vxlan(8, 42, &inner))),
        (
            "vxlan-of-vlan",
            datagram(
                55_555,
                4789,
                &vxlan(
                    8,
                    42,
                    &tagged(
                        &[(0x8100, 7)],
                        0x0806,
                        &arp(1, (LEFT, [10, 0, 0, 1]), (RIGHT, [10, 0, 0, 2])),
                    ),
                ),
            ),
        ),
        ("vxlan-of-linux", datagram(55_555, 8472, &vxlan(8, 42, &inner))),
        ("vxlan-of-linux-without-vni", datagram(8472, 55_555, &vxlan(0, 0xff_ffff, &inner))),
        ("vxlan-of-linux-short", datagram(55_555, 8472, b"1234567")),
        ("vxlan-without-vni", datagram(55_555, 4789, &vxlan(0, 42, &inner))),
        ("vxlan-flags", datagram(55_555, 4789, &vxlan(0xff, 0xff_ffff, &inner))),
        ("vxlan-empty", datagram(55_555, 4789, &vxlan(8, 42, b""))),
        ("vxlan-short", datagram(55_555, 4789, b"1234567")),
        ("vxlan-ipv6", in_ipv6(UDP, &udp(55_555, 4789, &vxlan(8, 1, &inner)))),
        ("vxlan-deep", deep),
        ("wireguard-initiation", wireguard(1, 148)),
        ("wireguard-response", wireguard(2, 92)),
        ("wireguard-cookie", wireguard(3, 64)),
        ("wireguard-data", wireguard(4, 128)),
        ("wireguard-keepalive", wireguard(4, 32)),
        ("wireguard-data-too-short", wireguard(4, 31)),
        ("wireguard-initiation-of-another-length", wireguard(1, 149)),
        ("wireguard-type-5", wireguard(5, 64)),
        ("wireguard-ipv6", in_ipv6(UDP, &udp(1, 51_820, &join(&[&[4, 0, 0, 0], &[9; 60]])))),
    ]
}
