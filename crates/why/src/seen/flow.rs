//! Which conversation a packet belongs to.

use std::collections::HashMap;
use std::net::IpAddr;

use twinax_packet::Packet;
use twinax_packet::decode::{Network, Transport};

/// Addresses, protocol and the two numbers that tell conversations apart: ports, or the ID of an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The protocol, as IP numbers them.
    pub protocol: u8,
    /// The source's port, or the ID of an echo.
    pub from: u16,
    /// The destination's port; 0 of an echo.
    pub to: u16,
    /// Whether it is an echo reply.
    pub reply: bool,
}

impl Flow {
    /// The one that a packet belongs to; `None`: it is none of a conversation, or a later fragment.
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        let (source, destination) = (packet.source()?, packet.destination()?);
        let protocol = match &packet.network {
            Network::Ipv4(ip) => ip.protocol,
            Network::Ipv6(ip) => ip.protocol,
            _ => return None,
        };
        let (from, to, reply) = match &packet.transport {
            Transport::Icmpv4(icmp) => {
                let echo = icmp.echo()?;
                (echo.id, 0, echo.reply)
            }
            Transport::Icmpv6(icmp) => {
                let echo = icmp.echo()?;
                (echo.id, 0, echo.reply)
            }
            Transport::Tcp(tcp) => (tcp.source_port, tcp.destination_port, false),
            Transport::Udp(udp) => (udp.source_port, udp.destination_port, false),
            _ => return None,
        };
        Some(Self { source, destination, protocol, from, to, reply })
    }

    /// Whether it is an echo, of ICMP or ICMPv6.
    pub fn is_echo(&self) -> bool {
        matches!(self.protocol, 1 | 58)
    }

    /// The one of the answers.
    pub fn turned(&self) -> Self {
        let Self { source, destination, protocol, from, to, reply } = *self;
        let (from, to) = if self.is_echo() { (from, to) } else { (to, from) };
        let reply = if self.is_echo() { !reply } else { reply };
        Self { source: destination, destination: source, protocol, from, to, reply }
    }
}

/// Which conversations fragments belong to: only the first of a packet says it.
#[derive(Debug, Default)]
pub struct Fragments {
    of: HashMap<(IpAddr, IpAddr, u8, u32), Flow>,
}

impl Fragments {
    /// The conversation of a packet, or of the packet that this is a fragment of.
    pub fn flow(&mut self, packet: &Packet<'_>) -> Option<Flow> {
        let id = match &packet.network {
            Network::Ipv4(ip) => ip.is_fragment().then_some(ip.id.into()),
            Network::Ipv6(ip) => ip.fragment.map(|own| own.id),
            _ => None,
        };
        let own = Flow::of(packet);
        let Some(id) = id else { return own };
        let whole = (packet.source()?, packet.destination()?, packet.protocol()?, id);
        match own {
            Some(flow) => {
                self.of.insert(whole, flow);
                own
            }
            None => self.of.get(&whole).copied(),
        }
    }
}
