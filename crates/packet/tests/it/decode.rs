//! Frames written out by hand, field by field.

use twinax_packet::decode::{
    Application, Echo, Ethernet, Flaw, Fragment, Layer, Network, TcpFlags, Transport, Vlan,
    WireGuard, Wrong, protocol,
};
use twinax_packet::{LinkType, Mac, Packet};

use crate::build::{self, Tcp};

const SOURCE: Mac = Mac([2, 0, 0, 0, 0, 1]);
const DESTINATION: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// An echo request in VLAN 100 with priority 5, padded to 60 bytes.
fn echo_in_a_vlan() -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(DESTINATION.0);
    frame.extend(SOURCE.0);
    frame.extend([0x81, 0x00, 0xa0, 0x64, 0x08, 0x00]);
    frame.extend([0x45, 0, 0, 30, 0x12, 0x34, 0x40, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([8, 0, 0xbe, 0xef, 0, 7, 0, 9, b'h', b'i']);
    frame.resize(60, 0);
    frame
}

fn decode(frame: &[u8]) -> Packet<'_> {
    Packet::decode(LinkType::Ethernet, frame, frame.len() as u32)
}

#[test]
fn every_field_of_an_echo_request_in_a_vlan() {
    let frame = echo_in_a_vlan();
    let packet = decode(&frame);
    let ethernet = Ethernet { source: SOURCE, destination: DESTINATION, ethertype: 0x0800 };
    assert_eq!(packet.ethernet, Some(ethernet));
    let vlan = Vlan { tpid: 0x8100, id: 100, priority: 5, dei: false };
    assert_eq!(packet.vlans.as_slice(), [vlan]);
    let Network::Ipv4(ip) = packet.network else { panic!("{packet:?}") };
    assert_eq!(
        (ip.source.to_string(), ip.destination.to_string()),
        ("10.0.0.1".into(), "10.0.0.2".into())
    );
    assert_eq!((ip.ttl, ip.id, ip.protocol, ip.tos), (64, 0x1234, 1, 0));
    assert_eq!((ip.dont_fragment, ip.more_fragments, ip.fragment_offset), (true, false, 0));
    let Transport::Icmpv4(icmp) = packet.transport else { panic!("{packet:?}") };
    assert_eq!((icmp.kind, icmp.code, icmp.checksum), (8, 0, 0xbeef));
    assert_eq!(icmp.echo(), Some(Echo { reply: false, id: 7, sequence: 9 }));
    assert_eq!(packet.payload, b"hi", "the padding is no payload");
    assert_eq!(packet.flaw, None);
}

/// Cut off anywhere, it says in which header, and whether the capture or the wire did it.
#[test]
fn an_end_within_a_header_is_said() {
    let frame = echo_in_a_vlan();
    for (end, layer) in [
        (13, Some(Layer::Ethernet)),
        (17, Some(Layer::Vlan)),
        (37, Some(Layer::Ipv4)),
        (45, Some(Layer::Icmpv4)),
        (46, None),
    ] {
        let cut = Packet::decode(LinkType::Ethernet, &frame[..end], 60);
        assert_eq!(cut.flaw, layer.map(|layer| Flaw { layer, wrong: Wrong::Cut }), "{end}");
    }
    let short = decode(&frame[..37]);
    assert_eq!(short.flaw, Some(Flaw { layer: Layer::Ipv4, wrong: Wrong::Short }));
    let short = decode(&frame[..45]);
    let said = Wrong::Length { said: 30, there: 27 };
    assert_eq!(short.flaw, Some(Flaw { layer: Layer::Ipv4, wrong: said }));
}

#[test]
fn tags_in_tags_and_no_more_than_four() {
    let ethertypes = [(0x88a8, 0x6064), (0x8100, 0x1065)];
    let frame = build::tagged(&ethertypes, 0x0800, &build::Ipv4::of(build::UDP).with(&[]));
    let outer = Vlan { tpid: 0x88a8, id: 100, priority: 3, dei: false };
    let inner = Vlan { tpid: 0x8100, id: 101, priority: 0, dei: true };
    assert_eq!(decode(&frame).vlans.as_slice(), [outer, inner]);

    let six: Vec<(u16, u16)> = (1..=6).map(|id| (0x8100, id)).collect();
    let frame = build::tagged(&six, 0x0806, &[]);
    let packet = decode(&frame);
    let ids: Vec<u16> = packet.vlans.as_slice().iter().map(|vlan| vlan.id).collect();
    assert_eq!((ids, packet.vlans.count()), (vec![1, 2, 3, 4], 6));
    assert_eq!(packet.ethernet.unwrap().ethertype, 0x0806, "what is behind all of them");
}

#[test]
fn every_field_of_a_segment() {
    let options = vec![2, 4, 5, 0xb4];
    let tcp = Tcp { urgent: 9, options: options.clone(), ..Tcp::of(0x12) };
    let frame = build::in_ipv4(build::TCP, &tcp.with(b"data"));
    let packet = decode(&frame);
    let Transport::Tcp(tcp) = packet.transport else { panic!("{packet:?}") };
    assert_eq!(packet.ports(), Some((40_000, 5000)));
    assert_eq!(
        (tcp.sequence, tcp.acknowledgement, tcp.window, tcp.urgent),
        (1000, 2000, 64_240, 9)
    );
    assert!(tcp.flags.has(TcpFlags::SYN | TcpFlags::ACK) && !tcp.flags.any(TcpFlags::FIN));
    assert_eq!((tcp.header_length, tcp.options), (24, &options[..]));
    assert_eq!((packet.payload, packet.payload_length), (&b"data"[..], 4));
}

/// The first fragment has the header of its transport, and the others are fragments.
#[test]
fn fragments_of_both_kinds_of_ip() {
    let first = build::Ipv4 { fragment: 0x2000, ..build::Ipv4::of(build::UDP) };
    let first = build::ethernet(0x0800, &first.with(&build::udp(1, 2, &[7; 8])));
    let packet = decode(&first);
    assert_eq!(packet.ports(), Some((1, 2)));
    assert!(matches!(packet.network, Network::Ipv4(ip) if ip.is_fragment() && ip.more_fragments));

    let later = build::Ipv4 { fragment: 185, ..build::Ipv4::of(build::UDP) };
    let later = build::ethernet(0x0800, &later.with(b"the rest"));
    let packet = decode(&later);
    assert_eq!((packet.transport, packet.ports()), (Transport::Fragment, None));
    assert_eq!((packet.payload, packet.protocol()), (&b"the rest"[..], Some(protocol::UDP)));
    assert!(matches!(packet.network, Network::Ipv4(ip) if ip.fragment_offset == 1480));

    let header = [build::UDP, 0, 0x05, 0xc9, 0, 0, 0, 9];
    let frame = build::in_ipv6(44, &build::join(&[&header, b"the rest"]));
    let packet = decode(&frame);
    let Network::Ipv6(ip) = packet.network else { panic!("{packet:?}") };
    assert_eq!(ip.fragment, Some(Fragment { id: 9, offset: 1480, more: true }));
    assert_eq!((ip.next_header, ip.protocol), (44, build::UDP));
    assert_eq!(packet.transport, Transport::Fragment);
}

#[test]
fn what_is_in_a_datagram() {
    let inner = echo_in_a_vlan();
    let frame = build::in_ipv4(build::UDP, &build::udp(1, 4789, &build::vxlan(8, 42, &inner)));
    let packet = decode(&frame);
    let Some(Application::Vxlan(vxlan)) = packet.application() else { panic!("{packet:?}") };
    assert_eq!((vxlan.vni, vxlan.flags), (42, 8));
    assert_eq!(packet.inner(), Some(decode(&inner)));

    let mut message = vec![4, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0];
    message.resize(48, 0);
    let frame = build::in_ipv4(build::UDP, &build::udp(51_820, 1, &message));
    let data = WireGuard::Data { receiver: 0x0403_0201, counter: 5, length: 16 };
    assert_eq!(decode(&frame).application(), Some(Application::WireGuard(data)));

    let question = build::dns(7, 0x0100, [1, 0, 0, 0], &build::question("a.", 1, 1));
    let frame = build::in_ipv4(build::UDP, &build::udp(1, 53, &question));
    let packet = decode(&frame);
    let Some(Application::Dns(dns)) = packet.application() else { panic!("{packet:?}") };
    assert_eq!((dns.id, dns.is_response(), dns.opcode(), dns.questions), (7, false, 0, 1));

    let frame = build::in_ipv4(build::UDP, &build::udp(1, 2, &question));
    assert_eq!(decode(&frame).application(), None, "nobody's port");
}

/// Two things wrong at once: both are said.
#[test]
fn a_flaw_behind_a_flaw() {
    let mut frame = build::in_ipv4(build::TCP, &Tcp::of(2).with(b""));
    frame[16..18].copy_from_slice(&[0, 99]);
    frame[46] = 0x40;
    let packet = decode(&frame);
    let length = Wrong::Length { said: 99, there: 40 };
    assert_eq!(packet.flaw, Some(Flaw { layer: Layer::Ipv4, wrong: length }));
    let header = Flaw { layer: Layer::Tcp, wrong: Wrong::HeaderLength(16) };
    assert_eq!(packet.further_flaw, Some(header));
    assert_eq!(packet.flaw.unwrap().to_string(), "IPv4: says 99 bytes, there were 40");
}
