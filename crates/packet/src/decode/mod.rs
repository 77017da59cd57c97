//! A frame, taken apart.
//!
//! [`Packet::decode`] goes down the headers once, from the link's to the transport's, and keeps what they
//! say in plain fields. It copies nothing and allocates nothing: what has no fixed size (options,
//! bodies) stays where it is in the frame. It never fails. A header that is not whole, or says what
//! can't be, ends the way down, and [`Packet::flaw`] says where and what; all above it is there.
//!
//! What is inside of a payload is looked at when somebody asks: [`Packet::application`],
//! [`Packet::inner`], [`Icmpv4::quoted`], [`Icmpv6::quoted`].

mod application;
mod arp;
pub(crate) mod bytes;
mod dhcp;
mod discovery;
mod dns;
mod ethernet;
mod flaw;
mod icmp;
mod icmp6;
mod ipv4;
mod ipv6;
mod tcp;
mod transport;
mod udp;
mod vxlan;
mod wireguard;

use std::net::IpAddr;

pub use application::{Application, port};
pub use arp::Arp;
pub use dhcp::Dhcp;
pub use discovery::{
    Discovery, DiscoveryOption, DiscoveryOptions, ListenerRecord, ListenerRecords, Says,
};
pub use dns::Dns;
pub use ethernet::{Ethernet, Vlan, Vlans, ethertype};
pub use flaw::{Flaw, Layer, Wrong};
pub use icmp::{Echo, Icmpv4};
pub use icmp6::Icmpv6;
pub use ipv4::Ipv4;
pub use ipv6::{Extension, Extensions, Fragment, Ipv6};
pub use tcp::{Tcp, TcpFlags};
pub use transport::{Transport, protocol};
pub use udp::Udp;
pub use vxlan::Vxlan;
pub use wireguard::WireGuard;

use crate::LinkType;

/// A frame, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// How long the frame was on the wire, in bytes.
    pub length: u32,
    /// The Ethernet header, where the link has one.
    pub ethernet: Option<Ethernet>,
    /// The VLAN tags behind it, the outermost first.
    pub vlans: Vlans,
    /// The network's header.
    pub network: Network<'a>,
    /// The header of what the network carries.
    pub transport: Transport<'a>,
    /// What follows the last header that could be read, as far as it was captured: without the
    /// padding of a short Ethernet frame where the network's header says how long the packet is.
    pub payload: &'a [u8],
    /// How long that was on the wire, as the headers say. More than there is of
    /// [`payload`](Self::payload) where the frame was cut off.
    pub payload_length: u32,
    /// What is wrong with it: the first thing that is.
    pub flaw: Option<Flaw>,
    /// What is wrong further in, where it could be read on in spite of the first.
    pub further_flaw: Option<Flaw>,
}

/// The network's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network<'a> {
    /// None could be read.
    None,
    /// ARP or RARP, of Ethernet and IPv4.
    Arp(Arp),
    /// IPv4.
    Ipv4(Ipv4<'a>),
    /// IPv6.
    Ipv6(Ipv6<'a>),
    /// Something else, by its [`ethertype`]; up to 1500 it is the length of an IEEE 802.3 frame, whose LLC
    /// header follows. The header of the link was whole; what follows is the payload.
    Other(u16),
}

impl<'a> Packet<'a> {
    /// Takes a frame apart: its bytes from the link's header on, and how long it was on the wire.
    pub fn decode(link: LinkType, bytes: &'a [u8], length: u32) -> Self {
        match link {
            LinkType::Ethernet => Self::read(bytes, length, Self::read_ethernet),
            LinkType::Raw => Self::read(bytes, length, Self::read_ip),
            LinkType::Other(_) => Self::read(bytes, length, |_| {}),
        }
    }

    /// Takes apart what begins with the header that `first` reads.
    fn read(bytes: &'a [u8], length: u32, first: impl FnOnce(&mut Self)) -> Self {
        let length = length.max(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let mut packet = Self {
            length,
            ethernet: None,
            vlans: Vlans::default(),
            network: Network::None,
            transport: Transport::None,
            payload: bytes,
            payload_length: length,
            flaw: None,
            further_flaw: None,
        };
        first(&mut packet);
        packet
    }

    /// The network's source address.
    pub fn source(&self) -> Option<IpAddr> {
        match &self.network {
            Network::Ipv4(ip) => Some(ip.source.into()),
            Network::Ipv6(ip) => Some(ip.source.into()),
            _ => None,
        }
    }

    /// The network's destination address.
    pub fn destination(&self) -> Option<IpAddr> {
        match &self.network {
            Network::Ipv4(ip) => Some(ip.destination.into()),
            Network::Ipv6(ip) => Some(ip.destination.into()),
            _ => None,
        }
    }

    /// Source and destination port, where the transport has ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(tcp) => Some((tcp.source_port, tcp.destination_port)),
            Transport::Udp(udp) => Some((udp.source_port, udp.destination_port)),
            _ => None,
        }
    }

    /// What IP carries, by its number: also where that is a later fragment, or its header is broken.
    pub fn protocol(&self) -> Option<u8> {
        match &self.network {
            Network::Ipv4(ip) => Some(ip.protocol),
            Network::Ipv6(ip) => Some(ip.protocol),
            _ => None,
        }
    }

    /// What is wrong in a header.
    pub fn wrong_in(&self, layer: Layer) -> Option<Wrong> {
        let here = |flaw: &Flaw| (flaw.layer == layer).then_some(flaw.wrong);
        self.flaw.iter().chain(&self.further_flaw).find_map(here)
    }

    /// An IPv4 or IPv6 header, by the version that it says.
    fn read_ip(&mut self) {
        match self.payload.first().map(|byte| byte >> 4) {
            Some(4) => self.read_ipv4(),
            Some(6) => self.read_ipv6(),
            Some(version) => self.spoil(Layer::Ip, Wrong::Version(version)),
            None => self.end_within(Layer::Ip, 1),
        }
    }

    /// Goes on behind `bytes` bytes, which have been read.
    fn skip(&mut self, bytes: usize) {
        self.payload = self.payload.get(bytes..).unwrap_or_default();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.payload_length = self.payload_length.saturating_sub(bytes);
    }

    /// What follows has `length` bytes, and no more.
    fn limit(&mut self, length: u32) {
        let kept = usize::try_from(length).unwrap_or(usize::MAX).min(self.payload.len());
        self.payload = &self.payload[..kept];
        self.payload_length = length;
    }

    /// Something is wrong.
    fn spoil(&mut self, layer: Layer, wrong: Wrong) {
        let flaw = Flaw { layer, wrong };
        match self.flaw {
            None => self.flaw = Some(flaw),
            Some(_) => self.further_flaw = Some(flaw),
        }
    }

    /// A header of `needed` bytes is not all there.
    fn end_within(&mut self, layer: Layer, needed: u32) {
        let wrong = if self.payload_length >= needed { Wrong::Cut } else { Wrong::Short };
        self.spoil(layer, wrong);
    }
}
