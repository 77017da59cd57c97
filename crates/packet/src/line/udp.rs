//! UDP and what it carries, except for DNS.

use super::Line;
use super::text::Text;
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at};
use crate::decode::{Dhcp, Network, Udp, Vxlan, WireGuard, port};

/// The messages of DHCP (RFC 2132, 9.6), in the words of `tcpdump -v`.
const DHCP_MESSAGES: [&str; 8] =
    ["Discover", "Offer", "Request", "Decline", "ACK", "NACK", "Release", "Inform"];

impl Line<'_> {
    /// A header that is not whole.
    pub(super) fn broken_udp(&mut self, packet: &Packet<'_>) {
        let (Some(source), Some(destination)) =
            (u16_at(packet.payload, 0), u16_at(packet.payload, 2))
        else {
            if !super::ip::announced(packet) {
                self.between(packet);
                self.out.text(": ");
            }
            return self.ended("udp");
        };
        self.between_ports(packet, source, destination);
        if packet.payload_length < 8 {
            self.out.text("truncated-udp ");
            return self.out.number(packet.payload_length);
        }
        match u16_at(packet.payload, 4) {
            Some(length @ ..8) if length > 0 || packet.payload_length <= 0xffff => {
                self.out.text("truncated-udplength ");
                self.out.number(length);
            }
            _ => self.ended("udp"),
        }
    }

    pub(super) fn udp(&mut self, packet: &Packet<'_>, udp: &Udp) {
        self.between_ports(packet, udp.source_port, udp.destination_port);
        let jumbo = udp.length == 0 && packet.payload_length > 0xffff - 8;
        if udp.length < 8 && !jumbo {
            self.out.text("truncated-udplength ");
            return self.out.number(udp.length);
        }
        let is = |port| udp.source_port == port || udp.destination_port == port;
        if is(port::DNS) {
            self.dns(packet.payload, packet.payload_length, false);
        } else if is(port::MDNS) {
            self.dns(packet.payload, packet.payload_length, true);
        } else if is(port::BOOTP_SERVER) || is(port::BOOTP_CLIENT) {
            self.dhcp(packet);
        } else if is(port::VXLAN) || is(port::VXLAN_LINUX) {
            self.vxlan(packet);
        } else if is(port::WIREGUARD)
            && let Some(wireguard) = packet.wireguard()
        {
            self.wireguard(packet, &wireguard);
        } else {
            self.plain_udp(packet, udp, jumbo);
        }
    }

    fn plain_udp(&mut self, packet: &Packet<'_>, udp: &Udp, jumbo: bool) {
        let there = packet.payload_length;
        let said = if jumbo { there } else { u32::from(udp.length) - 8 };
        let is_fragment = match &packet.network {
            Network::Ipv4(ip) => ip.more_fragments,
            Network::Ipv6(ip) => ip.fragment.is_some(),
            _ => false,
        };
        if said > there && !is_fragment {
            self.out.text("UDP, bad length ");
            self.out.number(said);
            self.out.text(" > ");
            self.out.number(there);
        } else {
            self.out.text("UDP, length ");
            self.out.number(said);
        }
    }

    fn dhcp(&mut self, packet: &Packet<'_>) {
        let Some(operation) = packet.payload.first() else { return self.ended("bootp") };
        self.out.text("BOOTP/DHCP, ");
        match *operation {
            Dhcp::REQUEST => self.out.text("Request"),
            Dhcp::REPLY => self.out.text("Reply"),
            unknown => {
                self.out.text("unknown (0x");
                self.out.hex(unknown, 2);
                self.out.text(")");
            }
        }
        match packet.payload {
            [Dhcp::REQUEST, 1, 6, ..] => {
                let Some(mac) = packet.payload.get(28..34) else { return self.ended("bootp") };
                self.out.text(" from ");
                self.out.hardware(mac);
            }
            [_, _, _, ..] => {}
            _ => return self.ended("bootp"),
        }
        self.out.text(", length ");
        self.out.number(packet.payload_length);
        if let Some(message) = Dhcp::read(packet.payload).and_then(|dhcp| dhcp.message())
            && let Some(name) = DHCP_MESSAGES.get(usize::from(message.wrapping_sub(1)))
        {
            self.out.text(", ");
            self.out.text(name);
        }
    }

    fn vxlan(&mut self, packet: &Packet<'_>) {
        self.out.text("VXLAN");
        if packet.payload_length < 8 {
            return self.invalid();
        }
        if let Some(flags) = packet.payload.first() {
            self.out.text(", flags [");
            self.out.bits(*flags, &[(Vxlan::VNI_VALID, "I")], "", "invalid");
            self.out.text("] (0x");
            self.out.hex(*flags, 2);
            self.out.text("), ");
        }
        let Some(vni) = array_at::<3>(packet.payload, 4) else { return self.ended("vxlan") };
        let [a, b, c] = vni;
        self.out.text("vni ");
        self.out.number(u32::from_be_bytes([0, a, b, c]));
        self.out.text(": ");
        match packet.vxlan() {
            Some(vxlan) => self.inner(&vxlan.inner()),
            None => self.ended("vxlan"),
        }
    }

    fn wireguard(&mut self, packet: &Packet<'_>, wireguard: &WireGuard) {
        let named = |line: &mut Self, name: &str, index: u32| {
            line.out.text(name);
            line.out.hex(index, 8);
        };
        self.out.text("WireGuard, ");
        match *wireguard {
            WireGuard::Initiation { sender } => {
                named(self, "handshake initiation, sender 0x", sender);
            }
            WireGuard::Response { sender, receiver } => {
                named(self, "handshake response, sender 0x", sender);
                named(self, ", receiver 0x", receiver);
            }
            WireGuard::CookieReply { receiver } => {
                named(self, "cookie reply, receiver 0x", receiver);
            }
            WireGuard::Data { receiver, counter, length } => {
                let kind = if length == 0 { "keepalive" } else { "data" };
                self.out.text(kind);
                named(self, ", receiver 0x", receiver);
                self.out.text(", counter ");
                self.out.number(counter);
            }
        }
        self.out.text(", length ");
        self.out.number(packet.payload_length);
    }
}
