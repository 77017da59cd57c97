//! IPv4 and IPv6, and what they carry.

use std::net::IpAddr;

use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at, u32_at};
use crate::decode::{Extension, Fragment, Ipv4, Ipv6, Layer, Network, Transport, Wrong, protocol};

impl Line<'_> {
    pub(super) fn ipv4(&mut self, packet: &Packet<'_>, ip: &Ipv4<'_>) {
        self.announce("IP ");
        match packet.wrong_in(Layer::Ipv4) {
            Some(Wrong::HeaderLength(length)) => {
                self.out.text("bad-hlen ");
                return self.out.number(length);
            }
            Some(Wrong::Length { said, there }) => {
                if said > there {
                    self.out.text("truncated-ip - ");
                    self.out.number(said - there);
                    self.out.text(" bytes missing! ");
                }
                if said < ip.header_length.into() {
                    self.out.text("bad-len ");
                    return self.out.number(said);
                }
            }
            _ => {}
        }
        if ip.fragment_offset != 0 {
            self.between(packet);
            self.out.text(": ip-proto-");
            return self.out.number(ip.protocol);
        }
        if !has_ports(ip.protocol) {
            self.between(packet);
            self.out.text(": ");
        }
        let captured = 20 + ip.options.len();
        if captured < ip.header_length.into() {
            self.remaining(captured, ip.header_length);
            return self.ended("ip");
        }
        self.transport(packet);
    }

    /// That less of a header was captured than it has.
    pub(super) fn remaining(&mut self, captured: usize, header_length: u8) {
        self.out.text(" [remaining caplen(");
        self.out.number(captured as u64);
        self.out.text(") < header length(");
        self.out.number(header_length);
        self.out.text(")]");
    }

    pub(super) fn ipv6(&mut self, packet: &Packet<'_>, ip: &Ipv6<'_>) {
        self.announce("IP6 ");
        if let Some(Wrong::Length { said, there }) = packet.wrong_in(Layer::Ipv6) {
            self.out.text("truncated-ip6 - ");
            self.out.number(said - there);
            self.out.text(" bytes missing! ");
        }
        if !has_ports(ip.next_header) {
            self.between(packet);
            self.out.text(": ");
        }
        let mut behind = 0;
        for extension in ip.extensions() {
            behind += extension.bytes.len();
            if !self.extension(packet, ip, &extension, behind) {
                return;
            }
        }
        if packet.wrong_in(Layer::Extension).is_some() {
            return self.cut_extension(packet, ip);
        }
        self.transport(packet);
    }

    /// An extension header that is not whole.
    fn cut_extension(&mut self, packet: &Packet<'_>, ip: &Ipv6<'_>) {
        match ip.protocol {
            protocol::HOP_BY_HOP if ip.payload_length == 0 => {
                self.out.text("HBH [No valid Jumbo Payload Hop-by-Hop option found]");
                self.invalid();
            }
            _ if ip.payload_length == 0 => self.ended("ip6"),
            protocol::HOP_BY_HOP if !ip.extension_bytes.is_empty() => self.misplaced(ip),
            protocol::HOP_BY_HOP => self.ended("hbhopt"),
            protocol::DESTINATION_OPTIONS => self.ended("dstopt"),
            protocol::FRAGMENT => match u16_at(packet.payload, 2) {
                Some(offset) => self.fragment(ip, offset & !7, ip.extension_bytes.len() + 8),
                None => self.ended("frag6"),
            },
            _ if packet.payload.is_empty() => self.ended("ip6"),
            _ => _ = self.routing(packet.payload),
        }
    }

    /// A fragment header that ends so far behind the IPv6 header.
    fn fragment(&mut self, ip: &Ipv6<'_>, offset: u16, behind: usize) {
        let length = usize::from(ip.payload_length).saturating_sub(behind);
        self.out.text("frag (");
        self.out.number(offset);
        self.out.text("|");
        self.out.number(length as u64);
        self.out.text(if offset == 0 { ") " } else { ")" });
    }

    /// Hop-by-hop options that are not at the beginning.
    fn misplaced(&mut self, ip: &Ipv6<'_>) {
        let twice = ip.next_header == protocol::HOP_BY_HOP;
        self.out.text("[The Hop-by-Hop Options header ");
        self.out.text(if twice { "was already found]" } else { "don't follow the IPv6 header]" });
        self.invalid();
    }

    /// An extension header that ends so far behind the IPv6 header; whether what follows is to be looked
    /// at.
    fn extension(
        &mut self,
        packet: &Packet<'_>,
        ip: &Ipv6<'_>,
        extension: &Extension<'_>,
        behind: usize,
    ) -> bool {
        match (extension.kind, ip.fragment) {
            (protocol::HOP_BY_HOP, _) if behind > extension.bytes.len() => {
                self.misplaced(ip);
                return false;
            }
            (protocol::HOP_BY_HOP, _) => self.out.text("HBH "),
            (protocol::DESTINATION_OPTIONS, _) => self.out.text("DSTOPT "),
            (protocol::ROUTING, _) => return self.routing(extension.bytes),
            (_, Some(Fragment { offset, .. })) => {
                self.fragment(ip, offset, behind);
                let carried = !matches!(packet.transport, Transport::None | Transport::Other(_));
                return offset == 0 && (carried || !packet.payload.is_empty());
            }
            _ => {}
        }
        true
    }

    /// A routing header (RFC 8200, 4.4); whether what follows is to be looked at.
    fn routing(&mut self, bytes: &[u8]) -> bool {
        self.out.text("RT6");
        match self.try_routing(bytes) {
            Ok(valid) => {
                if !valid {
                    self.invalid();
                }
                valid
            }
            Err(Ended) => {
                self.ended("rt6");
                false
            }
        }
    }

    /// A routing header of type 0, 2 (RFC 6275) or 4 (RFC 8754); whether it is valid.
    fn try_routing(&mut self, bytes: &[u8]) -> Result<bool, Ended> {
        let byte = |at: usize| bytes.get(at).copied().ok_or(Ended);
        let length = byte(1)?;
        self.out.text(" (len=");
        self.out.number(length);
        let kind = byte(2)?;
        self.out.text(", type=");
        self.out.number(kind);
        if kind == 0 {
            self.out.text(" [Deprecated]");
        }
        let left = byte(3)?;
        self.out.text(", segleft=");
        self.out.number(left);
        match kind {
            0 | 2 => {
                let reserved = u32_at(bytes, 4).ok_or(Ended)?;
                if reserved != 0 {
                    self.out.text(", rsv=0x");
                    self.out.hex(reserved, 1);
                }
            }
            4 => {
                let last = byte(4)?;
                self.out.text(", last-entry=");
                self.out.number(last);
                let flags = byte(5)?;
                if flags != 0 {
                    self.out.text(", flags=0x");
                    self.out.hex(flags, 1);
                }
                let tag = u16_at(bytes, 6).ok_or(Ended)?;
                self.out.text(", tag=");
                self.out.hex(tag, 1);
            }
            _ => {
                self.out.text(" (unknown type)");
                return Ok(false);
            }
        }
        if length % 2 == 1 {
            self.out.text(" (invalid length ");
            self.out.number(length);
            self.out.text(")");
            return Ok(false);
        }
        for segment in 0..usize::from(length / 2) {
            let address = array_at::<16>(bytes, 8 + segment * 16).ok_or(Ended)?;
            self.out.text(", [");
            self.out.number(segment as u64);
            self.out.text("]");
            self.out.ipv6(address.into());
        }
        self.out.text(") ");
        Ok(true)
    }

    /// `source > destination`.
    pub(super) fn between(&mut self, packet: &Packet<'_>) {
        match &packet.network {
            Network::Ipv4(ip) => {
                self.out.ipv4(ip.source);
                self.out.text(" > ");
                self.out.ipv4(ip.destination);
            }
            Network::Ipv6(ip) => {
                self.out.ipv6(ip.source);
                self.out.text(" > ");
                self.out.ipv6(ip.destination);
            }
            _ => {}
        }
    }

    /// `source.port > destination.port: `; only the ports where extension headers have come between, and
    /// the addresses are already there.
    pub(super) fn between_ports(&mut self, packet: &Packet<'_>, source: u16, destination: u16) {
        match (packet.source(), packet.destination()) {
            (Some(from), Some(to)) if !announced(packet) => {
                self.address(from);
                self.out.text(".");
                self.out.number(source);
                self.out.text(" > ");
                self.address(to);
                self.out.text(".");
            }
            _ => {
                self.out.number(source);
                self.out.text(" > ");
            }
        }
        self.out.number(destination);
        self.out.text(": ");
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.out.ipv4(address),
            IpAddr::V6(address) => self.out.ipv6(address),
        }
    }

    fn transport(&mut self, packet: &Packet<'_>) {
        match &packet.transport {
            Transport::Tcp(tcp) => self.tcp(packet, tcp),
            Transport::Udp(udp) => self.udp(packet, udp),
            Transport::Icmpv4(icmp) => self.icmp(packet, icmp),
            Transport::Icmpv6(icmp) => self.icmp6(packet, icmp),
            Transport::Other(number) => self.other_transport(packet, *number),
            Transport::Fragment | Transport::None => {}
        }
    }

    fn other_transport(&mut self, packet: &Packet<'_>, number: u8) {
        let is_ipv4 = matches!(packet.network, Network::Ipv4(_));
        match number {
            protocol::TCP => self.broken_tcp(packet),
            protocol::UDP => self.broken_udp(packet),
            protocol::ICMP if is_ipv4 => self.ended("icmp"),
            protocol::ICMP => self.requires("ICMP", "IPv4"),
            protocol::ICMPV6 if is_ipv4 => self.requires("ICMPv6", "IPv6"),
            protocol::ICMPV6 => self.broken_icmp6(packet),
            protocol::IGMP if is_ipv4 => self.igmp(packet),
            protocol::IGMP => self.requires("IGMP", "IPv4"),
            protocol::ESP => self.esp(packet),
            protocol::NONE => self.out.text("no next header"),
            protocol::IPV4 | protocol::IPV6 => {
                if let Some(inner) = packet.inner() {
                    self.inner(&inner);
                }
            }
            unknown => {
                self.out.text(" ip-proto-");
                self.out.number(unknown);
                self.out.text(" ");
                self.out.number(packet.payload_length);
            }
        }
    }

    /// A protocol of the one IP in the other.
    fn requires(&mut self, what: &str, ip: &str) {
        self.out.text("[");
        self.out.text(what);
        self.out.text(" requires ");
        self.out.text(ip);
        self.out.text("]");
        self.invalid();
    }

    /// ESP (RFC 4303): what of it can be read without a key.
    fn esp(&mut self, packet: &Packet<'_>) {
        match (u32_at(packet.payload, 0), u32_at(packet.payload, 4)) {
            (Some(spi), Some(sequence)) if packet.payload.len() > 8 => {
                self.out.text("ESP(spi=0x");
                self.out.hex(spi, 8);
                self.out.text(",seq=0x");
                self.out.hex(sequence, 1);
                self.out.text("), length ");
                self.out.number(packet.payload_length);
            }
            _ => self.ended("esp"),
        }
    }
}

/// Whether addresses are written together with ports.
fn has_ports(protocol: u8) -> bool {
    matches!(protocol, protocol::TCP | protocol::UDP)
}

/// Whether the addresses have been written before the transport.
pub(super) fn announced(packet: &Packet<'_>) -> bool {
    matches!(&packet.network, Network::Ipv6(ip) if !has_ports(ip.next_header))
}
