//! Frames written out by hand, field by field.

use twinax_packet::decode::{Echo, Ethernet, Flaw, Layer, Network, Transport, Vlan, Wrong};
use twinax_packet::{LinkType, Mac, Packet};

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
