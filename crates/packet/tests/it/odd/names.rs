//! DNS.

use super::{Odd, patched};
use crate::build::{TCP, Tcp, UDP, dns, in_ipv4, join, name, question, record, udp};

pub fn dnss() -> Vec<Odd> {
    let over = |message: &[u8]| in_ipv4(UDP, &udp(40_000, 53, message));
    let query = |flags: u16, kind: u16, class: u16| {
        over(&dns(7, flags, [1, 0, 0, 0], &question("left.lab.", kind, class)))
    };
    let reply = |flags: u16, records: &[Vec<u8>]| {
        let counts = [1, records.len() as u16, 0, 0];
        let rest = join(&[&question("left.lab.", 1, 1), &records.concat()]);
        in_ipv4(UDP, &udp(53, 40_000, &dns(7, flags, counts, &rest)))
    };
    let one = |kind: u16, data: &[u8]| reply(0x8580, &[record(kind, 1, data)]);
    let names = |names: &[u8]| over(&dns(7, 0x0100, [1, 0, 0, 0], names));
    let multicast = |message: &[u8]| in_ipv4(UDP, &udp(5353, 5353, message));
    let tcp =
        |payload: &[u8]| in_ipv4(TCP, &Tcp { destination: 53, ..Tcp::of(0x18) }.with(payload));
    let a_query = dns(7, 0x0100, [1, 0, 0, 0], &question("left.lab.", 1, 1));
    let opt = [0, 0, 41, 4, 0xd0, 1, 0, 0, 0, 0, 0];
    let long = join(&[&[63; 64].repeat(5), &[0, 0, 1, 0, 1]]);
    let mut odd = vec![
        ("dns-a", query(0x0100, 1, 1)),
        ("dns-aaaa", query(0x0100, 28, 1)),
        ("dns-https", query(0x0100, 65, 1)),
        ("dns-any-chaos", query(0x0110, 255, 3)),
        ("dns-class-hs", query(0, 16, 4)),
        ("dns-class-any", query(0, 16, 255)),
        ("dns-class-99", query(0, 16, 99)),
        ("dns-update", query(0x2800, 6, 1)),
        ("dns-inverse", query(0x0800, 1, 1)),
        ("dns-weird-bits", query(0x06cf, 1, 1)),
        ("dns-root", over(&dns(7, 0x0100, [1, 0, 0, 0], &question(".", 2, 1)))),
        ("dns-edns", over(&dns(7, 0x0120, [1, 0, 0, 1], &join(&[&question("a.", 1, 1), &opt])))),
        ("dns-counts", over(&dns(7, 0, [0, 1, 2, 3], b""))),
        (
            "dns-two-questions",
            over(&dns(7, 0, [2, 0, 0, 0], &join(&[&question("a.", 1, 1), &question("b.", 28, 1)]))),
        ),
        ("dns-questions-missing", over(&dns(7, 0, [3, 0, 0, 0], &question("a.", 1, 1)))),
        ("dns-short", over(&[0; 11])),
        ("dns-empty", over(b"")),
        (
            "dns-control-characters",
            names(&join(&[b"\x09\x1b[31mred\x7f\x01\xe9\x00", &[0, 1, 0, 1]])),
        ),
        ("dns-pointer-to-itself", names(&[0xc0, 12, 0, 1, 0, 1])),
        ("dns-pointer-forward", names(&[0xc0, 20, 0, 1, 0, 1, 1, b'a', 0])),
        ("dns-pointer-behind-label", names(&[1, b'a', 0xc0, 12, 0, 1, 0, 1])),
        ("dns-label-reserved", names(&[0x80, b'a', 0, 0, 1, 0, 1])),
        ("dns-label-extended", names(&[0x42, b'a', 0, 0, 1, 0, 1])),
        ("dns-name-too-long", names(&long)),
        ("dns-nxdomain", reply(0x8583, &[])),
        ("dns-servfail", reply(0x8182, &[])),
        ("dns-truncated-flag", reply(0x8380, &[])),
        ("dns-authentic", reply(0x81a0, &[])),
        ("dns-code-15", reply(0x818f, &[])),
        (
            "dns-extended-code",
            in_ipv4(
                UDP,
                &udp(
                    53,
                    40_000,
                    &dns(7, 0x8180, [1, 0, 0, 1], &join(&[&question("a.", 1, 1), &opt])),
                ),
            ),
        ),
        (
            "dns-reply-no-question",
            in_ipv4(UDP, &udp(53, 40_000, &dns(7, 0x8180, [0, 0, 0, 0], b""))),
        ),
        ("dns-reply-a", one(1, &[10, 0, 0, 9])),
        ("dns-reply-a-short", one(1, &[10, 0])),
        ("dns-reply-aaaa", one(28, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9])),
        ("dns-reply-cname", one(5, &[5, b'r', b'i', b'g', b'h', b't', 0xc0, 17])),
        ("dns-reply-ns", one(2, &name("ns.lab."))),
        ("dns-reply-ptr", one(12, &name("left.lab."))),
        ("dns-reply-mx", one(15, &join(&[&[0, 10], &name("mail.lab.")]))),
        ("dns-reply-txt", one(16, b"\x05v=one\x00\x07\"q\"\x1b\n\t\x80")),
        ("dns-reply-txt-broken", one(16, b"\x09four")),
        ("dns-reply-srv", one(33, &join(&[&[0, 1, 0, 2, 0x1f, 0x90], &name("web.lab.")]))),
        ("dns-reply-soa", one(6, &join(&[&name("ns."), &name("me."), &[0; 20]]))),
        ("dns-reply-dname", one(39, &name("other.lab."))),
        ("dns-reply-unknown", one(65, &[1, 2, 3])),
        ("dns-reply-chaos", reply(0x8580, &[record(16, 3, b"\x01x")])),
        (
            "dns-reply-many",
            reply(
                0x8180,
                &[
                    record(5, 1, &[0xc0, 12]),
                    record(1, 1, &[10, 0, 0, 9]),
                    record(1, 1, &[10, 0, 0, 8]),
                ],
            ),
        ),
        (
            "dns-reply-length-too-long",
            reply(0x8180, &[patched(record(1, 1, &[10, 0, 0, 9]), 10, &[0, 9])]),
        ),
        ("dns-tcp", tcp(&join(&[&[0, a_query.len() as u8], &a_query]))),
        ("dns-tcp-other-length", tcp(&join(&[&[0, 99], &a_query]))),
        ("dns-tcp-one-byte", tcp(&[0])),
        ("dns-tcp-length-only", tcp(&[0, 0])),
        ("dns-tcp-no-data", tcp(b"")),
        ("mdns-query", multicast(&dns(0, 0, [1, 0, 0, 0], &question("left.local.", 255, 1)))),
        (
            "mdns-query-unicast",
            multicast(&dns(0, 0, [1, 0, 0, 0], &question("left.local.", 255, 0x8001))),
        ),
        (
            "mdns-reply",
            multicast(&dns(
                0,
                0x8400,
                [0, 1, 0, 0],
                &join(&[&name("left.local."), &[0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 9]]),
            )),
        ),
    ];
    odd.extend((0..16).map(|opcode| ("dns-opcode", query(opcode << 11, 1, 1))));
    let kinds = (1..=60).chain([99, 249, 250, 251, 252, 253, 254, 255, 256]);
    odd.extend(kinds.map(|kind| ("dns-type", query(0x0100, kind, 1))));
    odd
}
