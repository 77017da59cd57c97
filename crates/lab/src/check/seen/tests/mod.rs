//! Frames made by hand, held against expectations.

mod frames;

use std::net::{IpAddr, Ipv6Addr};

use twinax_packet::Direction::{Broadcast, In, Out};
use twinax_packet::{Frame, Time};
use twinax_topology::{PacketExpect, parse_step};

use super::{Matcher, TOLD};
use crate::report::Check;
use frames::*;

/// What is expected, as the lab file has it.
fn expect(text: &str) -> PacketExpect {
    let step = format!("reach = [[\"left\", \"right\"]]\n[expect]\n{text}");
    parse_step(&step).unwrap_or_else(|error| panic!("{error}")).packets
}

fn matcher(text: &str) -> Matcher {
    let address = |spot: &twinax_topology::Spot, _| match spot.node.as_str() {
        "left" => Ok(IpAddr::from(a())),
        "right" => Ok(b().into()),
        _ => Err(()),
    };
    Matcher::new(&expect(text), address).expect("left and right have addresses")
}

fn seeing(text: &str, frames: &[Made]) -> Matcher {
    let mut matcher = matcher(text);
    let interfaces = interfaces();
    for (time, (interface, direction, bytes)) in (0..).zip(frames) {
        matcher.frame(
            &interfaces,
            &Frame {
                time: Time(time),
                interface: *interface,
                direction: *direction,
                length: bytes.len() as u32,
                bytes,
            },
        );
    }
    matcher
}

fn judged(text: &str, frames: &[Made]) -> (Vec<Check>, Vec<String>) {
    seeing(text, frames).judge(|_| 0)
}

#[track_caller]
fn holds(text: &str, frames: &[Made]) {
    let (checks, notes) = judged(text, frames);
    assert!(checks.iter().all(|check| check.held) && notes.is_empty(), "{checks:?} {notes:?}");
}

/// What was seen in place of what was expected, of the only expectation that failed.
#[track_caller]
fn fails(text: &str, frames: &[Made]) -> (String, String) {
    let (checks, _) = judged(text, frames);
    let failed: Vec<Check> = checks.into_iter().filter(|check| !check.held).collect();
    let [check] = &failed[..] else { panic!("{failed:?}") };
    (check.expected.clone(), check.seen.clone())
}

fn exchange() -> Vec<Made> {
    vec![
        (LEFT_E0, Out, arp(1, a(), b())),
        (RIGHT_E0, Broadcast, arp(1, a(), b())),
        (RIGHT_E0, Out, arp(2, b(), a())),
        (LEFT_E0, In, arp(2, b(), a())),
        (LEFT_E0, Out, request(1)),
        (RIGHT_E0, In, request(1)),
        (RIGHT_E0, Out, reply(1)),
        (LEFT_E0, In, reply(1)),
        (LEFT_E0, Out, request(2)),
        (RIGHT_E0, In, request(2)),
        (RIGHT_E0, Out, reply(2)),
        (LEFT_E0, In, reply(2)),
    ]
}

#[test]
fn an_exchange_is_what_it_is() {
    holds(
        "in_order = true
        seen = [
          { at = 'left:e0', packet = 'arp request', direction = 'out', from = 'left', to = 'right', count = 1 },
          { at = 'right:e0', packet = 'arp request', direction = 'in', to_mac = 'ff:ff:ff:ff:ff:ff', from_mac = 'left:e0' },
          { at = ['right:e0', 'left:e0'], packet = 'arp reply', count = 1, answers = true, to_mac = 'left:e0' },
          { at = 'right:e0', packet = 'icmp echo request', count = 2, ttl = 64 },
          { at = 'left', packet = 'icmp echo reply', count = '1..2', answers = true },
        ]
        unseen = [
          { at = 'left:lo', packet = 'any' },
          { at = ['left', 'right'], packet = 'icmp6' },
          { at = 'left:e0', packet = 'arp request', direction = 'in' },
          { at = 'left', packet = 'icmp', ttl = 63 },
          { at = 'left', packet = 'ip', from = '10.1.0.0/16' },
        ]",
        &exchange(),
    );
}

#[test]
fn counts_are_exact_or_ranges() {
    let seen = |count: &str| {
        format!("seen = {{ at = 'left:e0', packet = 'icmp echo reply', count = {count} }}")
    };
    for good in ["2", "'1..3'", "'2..'", "'..2'"] {
        holds(&seen(good), &exchange());
    }
    for (bad, expected) in [
        ("1", "1 × icmp echo reply at left:e0"),
        ("3", "3 × icmp echo reply at left:e0"),
        ("'3..'", "at least 3 × icmp echo reply at left:e0"),
        ("'..1'", "at most 1 × icmp echo reply at left:e0"),
        ("'3..5'", "3 to 5 × icmp echo reply at left:e0"),
    ] {
        let seen = (expected.to_owned(), "2 × icmp echo reply at left:e0".to_owned());
        assert_eq!(fails(&self::seen_with(bad), &exchange()), seen, "{bad}");
    }
    holds(&seen("'..2'"), &[]);
}

fn seen_with(count: &str) -> String {
    format!("seen = {{ at = 'left:e0', packet = 'icmp echo reply', count = {count} }}")
}

#[test]
fn what_is_missing_is_told_with_what_was_there() {
    let text =
        "seen = { at = 'left:lo', packet = 'icmp echo reply', from = 'right', direction = 'in' }";
    let (checks, notes) = judged(text, &exchange());
    assert_eq!(checks[0].expected, "icmp echo reply from right into left:lo");
    assert_eq!(checks[0].seen, "no icmp echo reply from right into left:lo");
    assert_eq!(notes, ["seen at left:lo: nothing"]);
    let text = "seen = { at = 'left:e0', packet = 'udp' }";
    let (_, notes) = judged(text, &exchange()[..1]);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("seen at left:e0:\n  left:e0 Out "), "{notes:?}");
}

/// Two expectations at one place: what was seen there is told once.
#[test]
fn a_place_is_told_once() {
    let text = "seen = [{ at = 'left:e0', packet = 'udp' }, { at = 'left:e0', packet = 'tcp' }]";
    let (checks, notes) = judged(text, &exchange());
    assert_eq!((checks.len(), notes.len()), (2, 1));
}

#[test]
fn of_much_only_the_beginning_is_told() {
    let many: Vec<Made> = (0..100).map(|n| (LEFT_E0, Out, request(n))).collect();
    let (_, notes) = judged("seen = { at = 'left', packet = 'arp' }", &many);
    let lines: Vec<&str> = notes[0].lines().collect();
    assert_eq!(lines.len(), TOLD + 2);
    assert_eq!(lines.last(), Some(&"  … and 80 more"));
    let (checks, notes) = judged("unseen = { at = 'left', packet = 'icmp' }", &many);
    assert_eq!(checks[0].expected, "no icmp at left");
    assert_eq!(checks[0].seen, "100 × icmp at left");
    assert_eq!(notes[0].lines().count(), TOLD + 2);
}

#[test]
fn of_the_unseen_those_are_told_that_were_seen() {
    let (checks, notes) =
        judged("unseen = { at = ['left:e0', 'left:lo'], packet = 'arp reply' }", &exchange());
    assert_eq!(checks.iter().map(|check| check.held).collect::<Vec<_>>(), [false]);
    assert_eq!(checks[0].expected, "no arp reply at left:e0 and left:lo");
    assert_eq!(checks[0].seen, "1 × arp reply at left:e0");
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("arp reply at left:e0:\n  left:e0 In  "), "{notes:?}");
    assert_eq!(notes[0].lines().count(), 2);
}

#[test]
fn each_place_of_a_list_counts_by_itself() {
    let frames = [(LEFT_E0, Out, request(1)), (LEFT_E0, Out, request(2))];
    let text = "seen = { at = ['left:e0', 'right:e0'], packet = 'icmp', count = 2 }";
    let (expected, seen) = fails(text, &frames);
    assert_eq!(expected, "2 × icmp at each of left:e0 and right:e0");
    assert_eq!(seen, "2 × icmp at left:e0; no icmp at right:e0");
}

#[test]
fn all_devices_of_a_node_count_together() {
    let frames = [(LEFT_E0, Out, request(1)), (LEFT_E1, Out, request(2)), (LEFT_LO, In, reply(1))];
    holds("seen = { at = 'left', packet = 'icmp', count = 3 }", &frames);
    holds("unseen = { at = 'right', packet = 'any' }", &frames);
}

#[test]
fn an_answer_has_a_question_that_was_seen_there() {
    let seen = "seen = { at = 'left', packet = 'icmp echo reply', count = 2, answers = true }";
    let [first, second] = [1, 2].map(|n| (LEFT_E0, Out, request(n)));
    let [third, fourth] = [1, 2].map(|n| (LEFT_E0, In, reply(n)));
    holds(seen, &[first.clone(), second.clone(), third.clone(), fourth.clone()]);
    let (expected, wrong) =
        fails(seen, &[first.clone(), third.clone(), third.clone(), second.clone()]);
    assert_eq!(expected, "2 × icmp echo reply at left, each an answer");
    assert_eq!(
        wrong,
        "2 × icmp echo reply at left, of which 1 answers nothing that was seen there"
    );
    // Too early; elsewhere.
    fails(seen, &[third.clone(), first.clone(), second.clone(), fourth.clone()]);
    fails(seen, &[(RIGHT_E0, In, request(1)), second, third, fourth]);
}

#[test]
fn whatever_can_answer_does() {
    let answers = |kind: &str, question: Vec<u8>, answer: Vec<u8>, other: Vec<u8>| {
        let text = format!(
            "seen = {{ at = 'left', packet = '{kind}', direction = 'in', answers = true }}"
        );
        let last =
            |answer| judged(&text, &[(LEFT_E0, Out, question.clone()), (LEFT_E0, In, answer)]);
        let strays = |answer| last(answer).0[0].seen.contains("of which");
        assert!(!strays(answer), "{kind}");
        assert!(strays(other), "{kind}");
    };
    let target: Ipv6Addr = "fd00::2".parse().unwrap();
    let other: Ipv6Addr = "fd00::3".parse().unwrap();
    answers("arp reply", arp(1, a(), b()), arp(2, b(), a()), arp(2, a(), b()));
    answers(
        "icmp6 neighbor advertisement",
        neighbor(135, target),
        neighbor(136, target),
        neighbor(136, other),
    );
    let (client, server) = ((a(), 40_000), (b(), 80));
    answers(
        "tcp syn ack",
        tcp(client, server, 2),
        tcp(server, client, 0x12),
        tcp((b(), 81), client, 0x12),
    );
    answers(
        "tcp reset",
        tcp(client, server, 2),
        tcp(server, client, 0x14),
        tcp(client, (b(), 81), 4),
    );
    answers(
        "udp",
        udp(client, server, b"x"),
        udp(server, client, b"y"),
        udp(client, (b(), 81), b"y"),
    );
    let quoting = |quoted: &[u8]| {
        let body = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted[14..]].concat();
        over(&ip4(b(), a(), 64, 1, &body))
    };
    let (asked, not_asked) = (udp(client, server, b"x"), udp(client, (b(), 81), b"x"));
    answers("icmp unreachable", asked.clone(), quoting(&asked), quoting(&not_asked));
    answers("icmp unreachable", request(1), quoting(&request(1)), quoting(&request(2)));
}

#[test]
fn kinds_are_told_apart() {
    let client = (a(), 40_000);
    let dns = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01";
    let mut wireguard = vec![0; 148];
    wireguard[0] = 1;
    let first = |kind: u8, code: u8| over(&ip4(a(), b(), 64, 1, &[kind, code, 0, 0, 0, 0, 0, 0]));
    let six = |kind: u8| neighbor(kind, "fd00::2".parse().unwrap());
    let mut fragment = ip4(a(), b(), 64, 17, &[0; 16]);
    fragment[7] = 2;
    let all: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("arp request", arp(1, a(), b()), &["arp"]),
        ("arp reply", arp(2, b(), a()), &["arp"]),
        ("icmp echo request", request(1), &["ip", "icmp"]),
        ("icmp echo reply", reply(1), &["ip", "icmp"]),
        ("icmp unreachable", first(3, 1), &["ip", "icmp"]),
        ("icmp fragmentation needed", first(3, 4), &["ip", "icmp", "icmp unreachable"]),
        ("icmp time exceeded", first(11, 0), &["ip", "icmp"]),
        ("icmp redirect", first(5, 1), &["ip", "icmp"]),
        ("icmp6 echo request", six(128), &["ip6", "icmp6"]),
        ("icmp6 echo reply", six(129), &["ip6", "icmp6"]),
        ("icmp6 unreachable", six(1), &["ip6", "icmp6"]),
        ("icmp6 packet too big", six(2), &["ip6", "icmp6"]),
        ("icmp6 time exceeded", six(3), &["ip6", "icmp6"]),
        ("icmp6 router solicitation", six(133), &["ip6", "icmp6"]),
        ("icmp6 router advertisement", six(134), &["ip6", "icmp6"]),
        ("icmp6 neighbor solicitation", six(135), &["ip6", "icmp6"]),
        ("icmp6 neighbor advertisement", six(136), &["ip6", "icmp6"]),
        ("icmp6 redirect", six(137), &["ip6", "icmp6"]),
        ("tcp syn", tcp(client, (b(), 80), 0x02), &["ip", "tcp"]),
        ("tcp syn ack", tcp((b(), 80), client, 0x12), &["ip", "tcp"]),
        ("tcp fin", tcp(client, (b(), 80), 0x11), &["ip", "tcp"]),
        ("tcp reset", tcp((b(), 80), client, 0x14), &["ip", "tcp"]),
        ("dns", udp(client, (b(), 53), dns), &["ip", "udp"]),
        ("wireguard", udp(client, (b(), 7), &wireguard), &["ip", "udp"]),
        ("udp", fragment.clone().into_iter().collect::<Vec<u8>>(), &["ip"]),
    ];
    let kinds = twinax_topology::PacketKind::ALL;
    for (own, bytes, wider) in all {
        let bytes = if own == "udp" { over(&bytes) } else { bytes };
        for kind in kinds {
            let name = kind.as_str();
            let text = format!("seen = {{ at = 'left', packet = '{name}' }}");
            let is = seeing(&text, &[(LEFT_E0, Out, bytes.clone())]).is_satisfied();
            let should = name == own || name == "any" || wider.contains(&name);
            assert_eq!(is, should, "is {own} {name}?");
        }
    }
}

#[test]
fn ports_addresses_tags_and_macs_are_compared() {
    let client = (a(), 40_000);
    let mut tagged = tcp(client, (b(), 80), 2);
    tagged.splice(12..12, [0x81, 0x00, 0x20, 0x07]);
    let frames = [(LEFT_E0, Out, tagged)];
    let seen = |more: &str| format!("seen = {{ at = 'left', packet = 'tcp', {more} }}");
    for good in [
        "port = 80",
        "port = 40000",
        "to_port = 80",
        "from_port = 40000, to_port = 80",
        "vlan = 7",
        "from = '10.0.0.0/24'",
        "from = 'left', to = 'right'",
        "to = '10.0.0.2'",
        "from_mac = 'left:e0', to_mac = 'right:e0'",
        "from_mac = '02:00:00:00:00:01'",
        "ttl = 64",
        "direction = 'out'",
    ] {
        holds(&seen(good), &frames);
    }
    for bad in [
        "port = 81",
        "to_port = 40000",
        "from_port = 80",
        "vlan = 8",
        "from = '10.0.0.2'",
        "to = '10.1.0.0/16'",
        "from = 'fd00::/64'",
        "from_mac = 'right:e0'",
        "to_mac = 'left:e0'",
        "to_mac = 'nobody:e0'",
        "ttl = 63",
        "direction = 'in'",
    ] {
        fails(&seen(bad), &frames);
    }
    // What has no Ethernet header has no MAC.
    let raw = [(RIGHT_TUN, In, ip4(a(), b(), 64, 6, &[0; 20]))];
    holds("seen = { at = 'right:tun0', packet = 'tcp', from = 'left' }", &raw);
    fails("seen = { at = 'right', packet = 'any', from_mac = 'left:e0' }", &raw);
}

#[test]
fn an_order_is_that_of_the_first_ones() {
    let order = |kinds: [&str; 3]| {
        let entry = |kind: &&str| format!("{{ at = ['left:e0', 'right:e0'], packet = '{kind}' }}");
        let entries: Vec<String> = kinds.iter().map(entry).collect();
        format!("in_order = true\nseen = [{}]", entries.join(", "))
    };
    holds(&order(["arp request", "arp reply", "icmp echo request"]), &exchange());
    // Of one frame neither comes first.
    let one = &exchange()[..1];
    let same = "in_order = true\nseen = [{ at = 'left', packet = 'arp' }, { at = 'left', packet = 'any' }]";
    holds(same, one);
    let (expected, seen) = fails(&order(["arp reply", "arp request", "icmp"]), &exchange());
    assert!(
        expected.starts_with("in this order: arp reply at left:e0 and right:e0; arp request at")
    );
    assert_eq!(seen, "arp request at left:e0 came before arp reply at left:e0");
    // What comes between the first and the last of one entry is too early.
    let text = "in_order = true\nseen = [{ at = ['left:e0', 'right:e0'], packet = 'arp reply' }, \
        { at = 'left:e0', packet = 'icmp' }]";
    let mut mixed = exchange();
    mixed.swap(3, 4);
    assert_eq!(fails(text, &mixed).1, "icmp at left:e0 came before arp reply at left:e0");
    // What never came has no place in the order: that it is missing is told by itself.
    let (checks, _) = judged(&order(["udp", "arp", "icmp"]), &exchange());
    assert_eq!(checks.iter().filter(|check| !check.held).count(), 1);
    assert!(checks.last().unwrap().held);
}

#[test]
fn what_was_lost_may_have_been_anything() {
    let lost = |node: &twinax_topology::NodeName| u64::from(node.as_str() == "left") * 3;
    let failed = |text: &str| {
        let (checks, _) = seeing(text, &exchange()).judge(lost);
        let failed: Vec<Check> = checks.into_iter().filter(|check| !check.held).collect();
        failed.into_iter().map(|check| check.seen).collect::<Vec<_>>()
    };
    assert_eq!(
        failed("unseen = { at = ['left', 'right'], packet = 'udp' }"),
        ["no udp at left and right; 3 frames went by too fast to be seen"]
    );
    assert_eq!(
        failed("seen = { at = ['left', 'right'], packet = 'icmp echo reply', count = 2 }"),
        ["2 × icmp echo reply at each of left and right; 3 frames went by too fast to be seen"]
    );
    assert_eq!(
        failed("seen = { at = 'left', packet = 'icmp echo reply', count = '2..' }"),
        [""; 0]
    );
    assert_eq!(failed("seen = { at = 'left', packet = 'udp' }").len(), 1);
    let order = "in_order = true\nseen = [{ at = 'left', packet = 'arp' }, { at = 'left', packet = 'icmp' }]";
    assert_eq!(failed(order), ["it can't be told: 3 frames went by too fast to be seen"]);
}

#[test]
fn satisfied_is_who_misses_nothing() {
    let text = "seen = [{ at = 'left:e0', packet = 'icmp echo reply', count = 2 }]\n\
        unseen = { at = 'left', packet = 'arp' }";
    assert!(!seeing(text, &exchange()[..11]).is_satisfied());
    assert!(seeing(text, &exchange()).is_satisfied());
    assert!(seeing("unseen = { at = 'left', packet = 'arp' }", &[]).is_satisfied());
}

/// A device that comes while it is watched; frames of one that nobody knows.
#[test]
fn devices_may_come_later() {
    let text = "seen = { at = 'left', packet = 'icmp', count = 1 }\nunseen = { at = 'right', packet = 'any' }";
    let mut matcher = matcher(text);
    let bytes = request(1);
    let all = interfaces();
    let mut frame = Frame {
        time: Time(0),
        interface: 9,
        direction: In,
        length: bytes.len() as u32,
        bytes: &bytes,
    };
    matcher.frame(&all[..1], &frame);
    matcher.frame(&[], &frame);
    frame.interface = LEFT_E1;
    matcher.frame(&all, &frame);
    assert!(matcher.is_satisfied());
    let (checks, _) = matcher.judge(|_| 0);
    assert!(checks.iter().all(|check| check.held), "{checks:?}");
}

/// Whatever comes, what is remembered is bounded, and no bytes make it panic.
#[test]
fn odd_frames_do_no_harm() {
    let text = "seen = [{ at = 'left', packet = 'icmp echo reply', answers = true }, \
        { at = 'left', packet = 'udp', answers = true, port = 1, vlan = 1 }]\n\
        unseen = { at = 'left', packet = 'wireguard', ttl = 1, from_mac = 'left:e0' }";
    for whole in
        exchange().into_iter().map(|(.., bytes)| bytes).chain([udp((a(), 1), (b(), 53), b"")])
    {
        for end in 0..whole.len() {
            let mut bytes = whole[..end].to_vec();
            seeing(text, &[(LEFT_E0, In, bytes.clone()), (RIGHT_TUN, In, bytes.clone())]);
            if let Some(last) = bytes.last_mut() {
                *last ^= 0xff;
            }
            seeing(text, &[(LEFT_E0, In, bytes)]);
        }
    }
}
