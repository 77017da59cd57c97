//! Whether an event is about a packet that was seen at a device.

use std::collections::HashSet;

use twinax_packet::Packet;
use twinax_packet::decode::{Icmpv4, Icmpv6, Network, Transport};

use super::event::Event;

/// Whether an event is about this packet: by what nobody on the way changes but one who translates
/// addresses.
///
/// That are the addresses, the protocol and, where there is one, the number by which fragments of a packet
/// are known; then ports, TCP's numbers, or the type and number of an ICMP message. TTL, checksums, MAC
/// addresses and payload are not looked at. Two packets that are sent alike, such as the same datagram
/// twice over IPv6, are the same: of those it is the time that tells.
pub fn same_packet(event: &Event, packet: &Packet<'_>) -> bool {
    event.packet(|own| is_same(own, packet))
}

/// The events about a packet, in their order, those included that are about it after its addresses or
/// ports have been translated: then it is known by its data, which stays where it is in memory, together
/// with what a translation does not change.
///
/// A complaint about it is a packet of its own. Of fragments only the first, whose data it still is, is
/// known.
pub fn trail<'a>(events: &'a [Event], packet: &Packet<'_>) -> Vec<&'a Event> {
    let exact: Vec<bool> = events.iter().map(|event| same_packet(event, packet)).collect();
    let heads: HashSet<u64> =
        events.iter().zip(&exact).filter(|(_, exact)| **exact).map(|(own, _)| own.head).collect();
    let is_it = |(event, exact): &(&Event, bool)| {
        let is_data = heads.contains(&event.head);
        *exact || is_data && event.packet(|own| is_translated(own, packet))
    };
    events.iter().zip(exact).filter(is_it).map(|(event, _)| event).collect()
}

fn is_same(a: &Packet<'_>, b: &Packet<'_>) -> bool {
    (a.source(), a.destination()) == (b.source(), b.destination())
        && is_same_network(&a.network, &b.network)
        && is_same_transport(&a.transport, &b.transport)
}

/// Whether one may be what has become of the other by a translation of addresses, ports, or the number
/// of an echo, which is a port to it. It changes neither the rest of the header nor the length.
fn is_translated(a: &Packet<'_>, b: &Packet<'_>) -> bool {
    let transport = match (&a.transport, &b.transport) {
        (Transport::Tcp(a), Transport::Tcp(b)) => {
            (a.sequence, a.acknowledgement, a.flags) == (b.sequence, b.acknowledgement, b.flags)
        }
        (Transport::Udp(a), Transport::Udp(b)) => a.length == b.length,
        (Transport::Icmpv4(a), Transport::Icmpv4(b)) => match (a.echo(), b.echo()) {
            (Some(a), Some(b)) => (a.reply, a.sequence) == (b.reply, b.sequence),
            _ => (a.kind, a.code) == (b.kind, b.code),
        },
        (Transport::Icmpv6(a), Transport::Icmpv6(b)) => match (a.echo(), b.echo()) {
            (Some(a), Some(b)) => (a.reply, a.sequence) == (b.reply, b.sequence),
            _ => (a.kind, a.code) == (b.kind, b.code),
        },
        _ => true,
    };
    is_same_network(&a.network, &b.network) && transport
}

/// All but the addresses of IP.
fn is_same_network(a: &Network<'_>, b: &Network<'_>) -> bool {
    match (a, b) {
        (Network::Ipv4(a), Network::Ipv4(b)) => {
            (a.id, a.protocol, a.fragment_offset) == (b.id, b.protocol, b.fragment_offset)
        }
        (Network::Ipv6(a), Network::Ipv6(b)) => {
            (a.protocol, a.flow_label, a.fragment) == (b.protocol, b.flow_label, b.fragment)
        }
        (Network::Arp(a), Network::Arp(b)) => a == b,
        // There is nothing by which they could be told apart.
        _ => false,
    }
}

/// The protocol is the same. Where one is cut off before its transport, no more is known of it.
fn is_same_transport(a: &Transport<'_>, b: &Transport<'_>) -> bool {
    match (a, b) {
        (Transport::Tcp(a), Transport::Tcp(b)) => {
            (a.source_port, a.destination_port, a.sequence, a.acknowledgement, a.flags)
                == (b.source_port, b.destination_port, b.sequence, b.acknowledgement, b.flags)
        }
        (Transport::Udp(a), Transport::Udp(b)) => {
            (a.source_port, a.destination_port, a.length)
                == (b.source_port, b.destination_port, b.length)
        }
        (Transport::Icmpv4(a), Transport::Icmpv4(b)) => {
            let key = |own: &Icmpv4<'_>| (own.kind, own.code, own.rest);
            key(a) == key(b)
        }
        (Transport::Icmpv6(a), Transport::Icmpv6(b)) => {
            let key = |own: &Icmpv6<'_>| (own.kind, own.code, own.rest);
            key(a) == key(b)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use twinax_packet::{LinkType, Packet, Time};

    use super::{same_packet, trail};
    use crate::bpf::{Event, Kind};

    /// 10.0.0.1 to 10.0.0.2, number 7, UDP from port 1000 to 2000 (RFC 791, RFC 768).
    const DATAGRAM: [u8; 32] = [
        0x45, 0, 0, 32, 0, 7, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x03, 0xe8, 0x07,
        0xd0, 0, 12, 0, 0, 1, 2, 3, 4,
    ];

    /// ARP (RFC 826): who has 10.0.0.2, says 10.0.0.1.
    const ARP: [u8; 28] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

    fn event(protocol: u16, bytes: &[u8]) -> Event {
        Event {
            time: Time(0),
            kind: Kind::Dropped,
            netns: 1,
            ifindex: 0,
            device: None,
            reason: None,
            icmp: None,
            function: None,
            location: 0,
            skb: 0,
            head: 0,
            length: bytes.len() as u32,
            protocol,
            bytes: bytes.to_vec(),
        }
    }

    fn is_same(event: &Event, bytes: &[u8]) -> bool {
        same_packet(event, &Packet::decode(LinkType::Raw, bytes, bytes.len() as u32))
    }

    #[test]
    fn what_changes_on_the_way_makes_no_other_packet() {
        let own = event(0x0800, &DATAGRAM);
        assert!(is_same(&own, &DATAGRAM));
        // The TTL and the checksum that goes with it.
        for place in [8, 10, 11] {
            let mut routed = DATAGRAM;
            routed[place] ^= 1;
            assert!(is_same(&own, &routed), "byte {place}");
        }
    }

    #[test]
    fn another_packet_differs() {
        let own = event(0x0800, &DATAGRAM);
        // Its number, its addresses, its ports, and how long it is.
        for place in [5, 15, 19, 21, 23, 25] {
            let mut another = DATAGRAM;
            another[place] ^= 1;
            assert!(!is_same(&own, &another), "byte {place}");
        }
    }

    /// Of one of which only the beginning is there, that is compared.
    #[test]
    fn what_is_cut_off_is_compared_as_far_as_it_goes() {
        let own = event(0x0800, &DATAGRAM[..22]);
        assert!(is_same(&own, &DATAGRAM));
        let mut another = DATAGRAM;
        another[5] ^= 1;
        assert!(!is_same(&own, &another));
    }

    #[test]
    fn arp_is_compared_whole() {
        let own = event(0x0806, &ARP);
        let frame = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 8, 6], &ARP].concat();
        let decode = |frame: &[u8]| {
            same_packet(&own, &Packet::decode(LinkType::Ethernet, frame, frame.len() as u32))
        };
        assert!(decode(&frame));
        let mut another = frame.clone();
        *another.last_mut().expect("it has bytes") ^= 1;
        assert!(!decode(&another));
        assert!(!is_same(&own, &DATAGRAM));
    }

    /// The same data, with another source, and then another packet in the same memory.
    #[test]
    fn a_trail_goes_on_behind_a_translation() {
        let mut translated = DATAGRAM;
        (translated[15], translated[20]) = (99, 77);
        let mut another = DATAGRAM;
        another[5] ^= 1;
        let at = |head: u64, bytes: &[u8]| Event { head, ..event(0x0800, bytes) };
        let events = [
            at(0x1000, &DATAGRAM),
            at(0x1000, &translated),
            at(0x2000, &translated),
            at(0x1000, &another),
            at(0x3000, &DATAGRAM),
        ];
        let packet = Packet::decode(LinkType::Raw, &DATAGRAM, DATAGRAM.len() as u32);
        let trail = trail(&events, &packet);
        let places: Vec<usize> = trail
            .into_iter()
            .map(|own| events.iter().position(|other| other == own).expect("it is one of them"))
            .collect();
        assert_eq!(places, [0, 1, 4]);
    }
}
