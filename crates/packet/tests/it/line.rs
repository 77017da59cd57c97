//! Lines as they are written out, with time, place and direction in front.

use twinax_packet::line::{self, Lines, Style};
use twinax_packet::{Direction, Frame, Interface, LinkType, Packet, Time};

use crate::build::{self, ICMP, ICMPV6, TCP, Tcp, UDP};

fn interface(node: &str, device: &str) -> Interface {
    Interface { node: node.into(), device: device.into(), link_type: LinkType::Ethernet, mac: None }
}

fn seen(bytes: &[u8], nanoseconds: u64, direction: Direction) -> Frame<'_> {
    let (time, length) = (Time(nanoseconds), bytes.len() as u32);
    Frame { time, interface: 0, direction, length, bytes }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn time_place_and_direction_stand_in_columns() {
    let request = build::in_ipv4(ICMP, &build::icmp(8, 0, [0, 1, 0, 1], &[0; 56]));
    let mut lines = Lines::new(Style { place_width: 12, ..Style::default() });
    let noon = 12 * 3600 * 1_000_000_000;
    let says = "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 64";
    for (direction, node, expected) in [
        (Direction::Out, "left", "12:00:00.123456 left:veth3   Out "),
        (Direction::In, "right", "12:00:00.123456 right:veth3  In  "),
        (Direction::Broadcast, "left", "12:00:00.123456 left:veth3   B   "),
        (Direction::Multicast, "left", "12:00:00.123456 left:veth3   M   "),
        (Direction::OtherHost, "a-long-name", "12:00:00.123456 a-long-name:veth3 P   "),
    ] {
        let frame = seen(&request, noon + 123_456_789, direction);
        let line = written(|out| lines.write(out, &frame, &interface(node, "veth3")));
        assert_eq!(line, format!("{expected}{says}"));
    }
}

#[test]
fn the_time_is_that_of_the_clock_on_the_wall() {
    let second = 1_000_000_000;
    for (time, offset, expected) in [
        (0, 0, "00:00:00.000000"),
        (86_399 * second + 999_999_999, 0, "23:59:59.999999"),
        (0, -3600, "23:00:00.000000"),
        (82_800 * second, 2 * 3600, "01:00:00.000000"),
        (1_700_000_000 * second + 5000, 19_800, "03:43:20.000005"),
        (u64::MAX, 14 * 3600, "13:34:33.709551"),
    ] {
        assert_eq!(written(|out| line::write_time(out, Time(time), offset)), expected);
    }
}

/// What is in a name of a node or device, however it came to it, is no order to the terminal.
#[test]
fn names_are_harmless() {
    let arp = build::ethernet(0x0806, &build::arp(1, ([2; 6], [10; 4]), ([0; 6], [11; 4])));
    let mut lines = Lines::new(Style::default());
    let at = interface("n\x1b[2J", "weiß\n");
    let line = written(|out| lines.write(out, &seen(&arp, 0, Direction::In), &at));
    assert!(line.starts_with("00:00:00.000000 n?[2J:weiß? In  ARP, Request"), "{line:?}");
}

/// WireGuard's messages: tcpdump doesn't know them, so what is expected is ours.
#[test]
fn wireguard_by_its_messages() {
    let message = |kind: u8, length: usize| {
        let mut message = vec![kind, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0x21, 0x43, 0x65, 0x87];
        message.resize(length, 0);
        build::in_ipv4(UDP, &build::udp(51_820, 4242, &message))
    };
    for (frame, expected) in [
        (message(1, 148), "WireGuard, handshake initiation, sender 0x12345678, length 148"),
        (
            message(2, 92),
            "WireGuard, handshake response, sender 0x12345678, receiver 0x87654321, length 92",
        ),
        (message(3, 64), "WireGuard, cookie reply, receiver 0x12345678, length 64"),
        (message(4, 128), "WireGuard, data, receiver 0x12345678, counter 2271560481, length 128"),
        (
            message(4, 32),
            "WireGuard, keepalive, receiver 0x12345678, counter 2271560481, length 32",
        ),
        (message(4, 31), "UDP, length 31"),
    ] {
        let packet = Packet::decode(LinkType::Ethernet, &frame, frame.len() as u32);
        let line = line::text(&packet);
        assert_eq!(line, format!("IP 10.0.0.1.51820 > 10.0.0.2.4242: {expected}"));
    }
}

/// Without Ethernet: TUN devices and WireGuard's.
#[test]
fn frames_of_ip_alone() {
    let ipv4 = build::Ipv4::of(UDP).with(&build::udp(1, 2, b"x"));
    let ipv6 = build::Ipv6::of(ICMPV6).with(&build::icmp(128, 0, [0, 1, 0, 2], b""));
    for (bytes, link, expected) in [
        (&ipv4[..], LinkType::Raw, "IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 1"),
        (&ipv6, LinkType::Raw, "IP6 fe80::1 > fe80::2: ICMP6, echo request, id 1, seq 2, length 8"),
        (b"\x70what", LinkType::Raw, "unknown ip 7"),
        (b"", LinkType::Raw, "IP  [|ip]"),
        (b"what", LinkType::Other(147), "unknown link type, length 4"),
    ] {
        let packet = Packet::decode(link, bytes, bytes.len() as u32);
        assert_eq!(line::text(&packet), expected);
    }
}

/// The same connection at two devices: each counts from what was seen there.
#[test]
fn each_device_counts_for_itself() {
    let mut lines = Lines::new(Style::default());
    let segment = |sequence| build::in_ipv4(TCP, &Tcp { sequence, ..Tcp::of(0x10) }.with(b"data"));
    let mut sequence = |at, interface| {
        let frame = segment(at);
        let packet = Packet::decode(LinkType::Ethernet, &frame, frame.len() as u32);
        let line = written(|out| lines.write_packet(out, interface, &packet));
        let (_, behind) = line.split_once("seq ").unwrap();
        behind.split_once(':').unwrap().0.parse::<u32>().unwrap()
    };
    assert_eq!(sequence(1000, 0), 1000);
    assert_eq!(sequence(1004, 0), 4);
    assert_eq!(sequence(1004, 1), 1004);
    assert_eq!(sequence(1008, 0), 8);
    assert_eq!(sequence(1008, 1), 4);
}
