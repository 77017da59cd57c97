//! The link's header, and what no other file knows.

use super::Line;
use super::text::Text;
use crate::Packet;
use crate::decode::{Ethernet, Layer, Network, Wrong, ethertype};

/// Names of EtherTypes, as tcpdump has them.
const ETHERTYPES: [(u16, &str); 50] = [
    (ethertype::IPV4, "IPv4"),
    (ethertype::IPV6, "IPv6"),
    (ethertype::VLAN, "802.1Q"),
    (ethertype::QINQ_9100, "802.1Q-9100"),
    (ethertype::QINQ, "802.1Q-QinQ"),
    (ethertype::QINQ_9200, "802.1Q-9200"),
    (ethertype::ARP, "ARP"),
    (ethertype::RARP, "Reverse ARP"),
    (0x0600, "NS"),
    (0x0707, "GeoNet (old)"),
    (0x1000, "Trail"),
    (0x1111, "CALM FAST"),
    (0x6001, "MOP DL"),
    (0x6002, "MOP RC"),
    (0x6003, "DN"),
    (0x6004, "LAT"),
    (0x6007, "SCA"),
    (0x6558, "TEB"),
    (0x8038, "Lanbridge"),
    (0x803c, "DEC DNS"),
    (0x803e, "DEC DTS"),
    (0x805b, "VEXP"),
    (0x805c, "VPROD"),
    (0x809b, "Appletalk"),
    (0x80f3, "Appletalk ARP"),
    (0x8137, "IPX"),
    (0x8808, "MPCP"),
    (0x8809, "Slow Protocols"),
    (0x880b, "PPP"),
    (0x8847, "MPLS unicast"),
    (0x8848, "MPLS multicast"),
    (0x8863, "PPPoE D"),
    (0x8864, "PPPoE S"),
    (0x886f, "MS NLB heartbeat"),
    (0x8870, "Jumbo"),
    (0x888e, "EAPOL"),
    (0x8899, "Realtek protocols"),
    (0x88a2, "AoE"),
    (0x88ca, "TIPC"),
    (0x88cc, "LLDP"),
    (0x88e5, "802.1AE MACsec"),
    (0x88f7, "PTP"),
    (0x8902, "CFM"),
    (0x893a, "IEEE1905.1"),
    (0x8947, "GeoNet"),
    (0x894f, "NSH"),
    (0x9000, "Loopback"),
    (0xabcd, "CFM (old)"),
    (0xd28b, "Arista Vendor Specific Protocol"),
    (0xfefe, "OSI"),
];

impl Line<'_> {
    pub(super) fn packet(&mut self, packet: &Packet<'_>) {
        if let Some(ethernet) = &packet.ethernet
            && self.ethernet
        {
            self.ethernet_header(packet, ethernet);
        }
        match &packet.network {
            Network::Ipv4(ip) => self.ipv4(packet, ip),
            Network::Ipv6(ip) => self.ipv6(packet, ip),
            Network::Arp(arp) => self.arp(packet, arp),
            Network::Other(kind) => self.other(packet, *kind),
            Network::None => self.nothing(packet),
        }
    }

    /// As `tcpdump -e`: addresses, tags, what is in it, and the length of the frame.
    fn ethernet_header(&mut self, packet: &Packet<'_>, ethernet: &Ethernet) {
        self.addresses(ethernet);
        let mut length = Some(packet.length);
        for vlan in packet.vlans.as_slice() {
            self.ethertype(vlan.tpid);
            self.length_once(&mut length);
            self.out.text("vlan ");
            self.out.number(vlan.id);
            self.out.text(", p ");
            self.out.number(vlan.priority);
            self.out.text(if vlan.dei { ", DEI, " } else { ", " });
        }
        if ethernet.ethertype > ethertype::LONGEST_802_3 {
            self.ethertype(ethernet.ethertype);
        } else {
            self.out.text("802.3");
            length = length.map(|_| packet.payload_length);
        }
        self.length_once(&mut length);
    }

    /// The length behind what is said first, and only there.
    fn length_once(&mut self, length: &mut Option<u32>) {
        match length.take() {
            Some(length) => {
                self.out.text(", length ");
                self.out.number(length);
                self.out.text(": ");
            }
            None => self.out.text(", "),
        }
    }

    fn addresses(&mut self, ethernet: &Ethernet) {
        self.out.mac(ethernet.source);
        self.out.text(" > ");
        self.out.mac(ethernet.destination);
        self.out.text(", ");
    }

    fn ethertype(&mut self, kind: u16) {
        self.out.text("ethertype ");
        self.out.text(name(kind));
        self.out.text(" (0x");
        self.out.hex(kind, 4);
        self.out.text(")");
    }

    /// What we don't read: from whom to whom, what it is and how long.
    fn other(&mut self, packet: &Packet<'_>, kind: u16) {
        if kind == ethertype::ARP || kind == ethertype::RARP {
            return self.arp_of_others(packet);
        }
        if kind <= ethertype::LONGEST_802_3 && self.stp(packet) {
            return;
        }
        let Some(ethernet) = &packet.ethernet else { return };
        if self.ethernet {
            // The header has said it all, and would go on behind a colon.
            return self.out.truncate(self.out.len() - 2);
        }
        self.addresses(ethernet);
        if kind > ethertype::LONGEST_802_3 {
            self.ethertype(kind);
        } else {
            self.out.text("802.3");
        }
        self.out.text(", length ");
        self.out.number(packet.length);
    }

    /// No network header could be read: why.
    fn nothing(&mut self, packet: &Packet<'_>) {
        match packet.flaw.map(|flaw| (flaw.layer, flaw.wrong)) {
            Some((Layer::Ethernet, _)) => self.ended("ether"),
            Some((Layer::Vlan, _)) => self.ended("vlan"),
            Some((Layer::Arp, _)) => self.ended("arp"),
            Some((Layer::Ip, Wrong::Version(version))) => {
                self.out.text("unknown ip ");
                self.out.number(version);
            }
            Some((Layer::Ipv4, Wrong::Version(6))) => {
                self.out.text("IP6, wrong link-layer encapsulation (invalid)");
            }
            Some((Layer::Ipv4, Wrong::Version(version))) => {
                self.out.text("IP");
                self.out.number(version);
                self.invalid();
            }
            Some((Layer::Ipv4, _)) if packet.payload.is_empty() => self.ended("ip"),
            Some((Layer::Ip | Layer::Ipv4, _)) => {
                self.announce("IP ");
                self.ended("ip");
            }
            Some((Layer::Ipv6, Wrong::Version(version))) => {
                self.announce("IP6 ");
                self.out.text("version error: ");
                self.out.number(version);
                self.out.text(" != 6");
            }
            Some((Layer::Ipv6, _)) => self.ended("ip6"),
            Some(_) | None => {
                self.out.text("unknown link type, length ");
                self.out.number(packet.length);
            }
        }
    }

    /// The name of the network's protocol, where the Ethernet header has not named it.
    pub(super) fn announce(&mut self, name: &str) {
        if !self.ethernet {
            self.out.text(name);
        }
    }
}

fn name(kind: u16) -> &'static str {
    ETHERTYPES.iter().find(|(number, _)| *number == kind).map_or("Unknown", |(_, name)| name)
}
