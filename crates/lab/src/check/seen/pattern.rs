//! Whether a packet is one of those that an entry of `seen` or `unseen` means.

use std::net::IpAddr;

use ipnet::IpNet;
use twinax_packet::decode::{
    Application, Arp, Icmpv4, Icmpv6, Network, TcpFlags, Transport, WireGuard, ethertype, protocol,
};
use twinax_packet::{Frame, Interface, Mac, Packet};
use twinax_topology::{Family, PacketKind, Packets, Place, Spot, Way, Whose, WhoseMac};

/// What packets of an entry have in common, the places apart; names stand for addresses no more.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub packets: Packets,
    from: Option<IpNet>,
    to: Option<IpNet>,
}

impl Pattern {
    /// That of an entry. `address` gives the first address of a node or interface.
    pub(super) fn new<E>(
        packets: &Packets,
        address: &impl Fn(&Spot, Option<Family>) -> Result<IpAddr, E>,
    ) -> Result<Self, E> {
        let said = [&packets.from, &packets.to].into_iter().find_map(|whose| match whose {
            Some(Whose::Net(net)) => Some(Family::of_net(net)),
            _ => None,
        });
        let family = packets.kind.family().or(said);
        let net = |whose: &Option<Whose>| match whose {
            None => Ok(None),
            Some(Whose::Net(net)) => Ok(Some(*net)),
            Some(Whose::Spot(spot)) => address(spot, family).map(|own| Some(own.into())),
        };
        let (from, to) = (net(&packets.from)?, net(&packets.to)?);
        Ok(Self { packets: packets.clone(), from, to })
    }

    /// Whether a frame is one of these. `interfaces` are those of the capture: there is the MAC that
    /// each has.
    pub(super) fn matches(
        &self,
        interfaces: &[Interface],
        frame: &Frame<'_>,
        packet: &Packet<'_>,
    ) -> bool {
        let Self { packets: wanted, from, to } = self;
        let way = |way| (way == Way::Out) == frame.direction.is_out();
        if !is(wanted.kind, packet) || !wanted.direction.is_none_or(way) {
            return false;
        }
        let ethernet = packet.ethernet;
        let (source, destination) = addresses(packet);
        within(from, source)
            && within(to, destination)
            && ports(wanted, packet)
            && wanted.ttl.is_none_or(|ttl| self::ttl(packet) == Some(ttl))
            && wanted
                .vlan
                .is_none_or(|vlan| packet.vlans.as_slice().first().is_some_and(|v| v.id == vlan))
            && mac(&wanted.from_mac, ethernet.map(|header| header.source), interfaces)
            && mac(&wanted.to_mac, ethernet.map(|header| header.destination), interfaces)
    }
}

/// The addresses of a packet; of ARP, who asks or answers, and who is asked for or answered to.
fn addresses(packet: &Packet<'_>) -> (Option<IpAddr>, Option<IpAddr>) {
    match &packet.network {
        Network::Arp(arp) => (Some(arp.sender_ip.into()), Some(arp.target_ip.into())),
        _ => (packet.source(), packet.destination()),
    }
}

fn within(wanted: &Option<IpNet>, address: Option<IpAddr>) -> bool {
    wanted.is_none_or(|net| address.is_some_and(|address| net.contains(&address)))
}

fn ports(wanted: &Packets, packet: &Packet<'_>) -> bool {
    let Packets { port, from_port, to_port, .. } = wanted;
    if port.is_none() && from_port.is_none() && to_port.is_none() {
        return true;
    }
    let Some((source, destination)) = packet.ports() else { return false };
    port.is_none_or(|port| port == source || port == destination)
        && from_port.is_none_or(|port| port == source)
        && to_port.is_none_or(|port| port == destination)
}

fn ttl(packet: &Packet<'_>) -> Option<u8> {
    match &packet.network {
        Network::Ipv4(ip) => Some(ip.ttl),
        Network::Ipv6(ip) => Some(ip.hop_limit),
        _ => None,
    }
}

fn mac(wanted: &Option<WhoseMac>, own: Option<Mac>, interfaces: &[Interface]) -> bool {
    match (wanted, own) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(WhoseMac::Mac(mac)), Some(own)) => own == Mac(*mac),
        (Some(WhoseMac::Place(place)), Some(own)) => interfaces
            .iter()
            .any(|interface| interface.mac == Some(own) && is_place(interface, place)),
    }
}

fn is_place(interface: &Interface, place: &Place) -> bool {
    interface.node == place.node.as_str() && interface.device == place.interface.as_str()
}

/// Whether a packet is of a kind.
fn is(kind: PacketKind, packet: &Packet<'_>) -> bool {
    use PacketKind as K;
    match kind {
        K::Any => true,
        K::Arp => carries(packet, ethertype::ARP),
        K::ArpRequest => is_arp(packet, Arp::REQUEST),
        K::ArpReply => is_arp(packet, Arp::REPLY),
        K::Ip => matches!(packet.network, Network::Ipv4(_)) || carries(packet, ethertype::IPV4),
        K::Ip6 => matches!(packet.network, Network::Ipv6(_)) || carries(packet, ethertype::IPV6),
        K::Icmp => is(K::Ip, packet) && packet.protocol() == Some(protocol::ICMP),
        K::IcmpEchoRequest => is_icmp(packet, Icmpv4::ECHO_REQUEST),
        K::IcmpEchoReply => is_icmp(packet, Icmpv4::ECHO_REPLY),
        K::IcmpUnreachable => is_icmp(packet, Icmpv4::UNREACHABLE),
        K::IcmpFragmentationNeeded => {
            /// `ICMP_FRAG_NEEDED`, `linux/icmp.h`.
            const FRAGMENTATION_NEEDED: u8 = 4;
            matches!(&packet.transport, Transport::Icmpv4(icmp)
                if (icmp.kind, icmp.code) == (Icmpv4::UNREACHABLE, FRAGMENTATION_NEEDED))
        }
        K::IcmpTimeExceeded => is_icmp(packet, Icmpv4::TIME_EXCEEDED),
        K::IcmpRedirect => is_icmp(packet, Icmpv4::REDIRECT),
        K::Icmp6 => is(K::Ip6, packet) && packet.protocol() == Some(protocol::ICMPV6),
        K::Icmp6EchoRequest => is_icmp6(packet, Icmpv6::ECHO_REQUEST),
        K::Icmp6EchoReply => is_icmp6(packet, Icmpv6::ECHO_REPLY),
        K::Icmp6Unreachable => is_icmp6(packet, Icmpv6::UNREACHABLE),
        K::Icmp6PacketTooBig => is_icmp6(packet, Icmpv6::TOO_BIG),
        K::Icmp6TimeExceeded => is_icmp6(packet, Icmpv6::TIME_EXCEEDED),
        K::Icmp6RouterSolicitation => is_icmp6(packet, Icmpv6::ROUTER_SOLICITATION),
        K::Icmp6RouterAdvertisement => is_icmp6(packet, Icmpv6::ROUTER_ADVERTISEMENT),
        K::Icmp6NeighborSolicitation => is_icmp6(packet, Icmpv6::NEIGHBOR_SOLICITATION),
        K::Icmp6NeighborAdvertisement => is_icmp6(packet, Icmpv6::NEIGHBOR_ADVERTISEMENT),
        K::Icmp6Redirect => is_icmp6(packet, Icmpv6::REDIRECT),
        K::Tcp => packet.protocol() == Some(protocol::TCP),
        K::TcpSyn => {
            flags(packet).is_some_and(|flags| flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK))
        }
        K::TcpSynAck => flags(packet).is_some_and(|flags| flags.has(TcpFlags::SYN | TcpFlags::ACK)),
        K::TcpFin => flags(packet).is_some_and(|flags| flags.has(TcpFlags::FIN)),
        K::TcpReset => flags(packet).is_some_and(|flags| flags.has(TcpFlags::RST)),
        K::Udp => packet.protocol() == Some(protocol::UDP),
        K::Dns => is_udp(packet) && matches!(packet.application(), Some(Application::Dns(_))),
        K::Dhcp => is(K::Ip, packet) && matches!(packet.application(), Some(Application::Dhcp(_))),
        K::Vxlan => matches!(packet.application(), Some(Application::Vxlan(_))),
        // Whatever the port: few use the one that it has by default.
        K::Wireguard => {
            is_udp(packet) && WireGuard::read(packet.payload, packet.payload_length).is_some()
        }
    }
}

fn carries(packet: &Packet<'_>, ethertype: u16) -> bool {
    packet.ethernet.is_some_and(|header| header.ethertype == ethertype)
}

fn is_arp(packet: &Packet<'_>, operation: u16) -> bool {
    matches!(&packet.network, Network::Arp(arp) if arp.operation == operation)
}

fn is_icmp(packet: &Packet<'_>, kind: u8) -> bool {
    matches!(&packet.transport, Transport::Icmpv4(icmp) if icmp.kind == kind)
}

fn is_icmp6(packet: &Packet<'_>, kind: u8) -> bool {
    matches!(&packet.transport, Transport::Icmpv6(icmp) if icmp.kind == kind)
}

fn is_udp(packet: &Packet<'_>) -> bool {
    matches!(packet.transport, Transport::Udp(_))
}

fn flags(packet: &Packet<'_>) -> Option<TcpFlags> {
    match &packet.transport {
        Transport::Tcp(tcp) => Some(tcp.flags),
        _ => None,
    }
}
