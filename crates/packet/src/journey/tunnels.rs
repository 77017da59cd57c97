//! What is inside of a packet, where a tunnel is to be seen through.

use std::fmt;

use crate::LinkType;
use crate::decode::{Packet, Transport, protocol};

/// How a packet is wrapped in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tunnel {
    /// VXLAN (RFC 7348): its port and its network.
    Vxlan { port: u16, vni: u32 },
    /// Geneve (RFC 8926): its network.
    Geneve { vni: u32 },
    /// GRE (RFC 2784), with its key (RFC 2890).
    Gre { key: Option<u32> },
    /// IP in IP (RFC 2003, RFC 2473, RFC 4213).
    Ip,
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vxlan { port, vni } => write!(f, "UDP {port}, vni {vni}"),
            Self::Geneve { vni } => write!(f, "UDP {GENEVE}, vni {vni}"),
            Self::Gre { key: Some(key) } => write!(f, "GRE, key {key:#x}"),
            Self::Gre { key: None } => write!(f, "GRE"),
            Self::Ip => write!(f, "IP"),
        }
    }
}

/// The port of VXLAN, and the one that Linux takes where none is said.
const VXLAN: [u16; 2] = [4789, 8472];
/// The port of Geneve.
const GENEVE: u16 = 6081;
/// The protocol number of GRE.
const GRE: u8 = 47;
/// What says in Geneve and GRE that an Ethernet frame follows (`ETH_P_TEB`).
const ETHERNET: u16 = 0x6558;

/// The packet in a packet.
pub(super) fn inner<'a>(packet: &Packet<'a>) -> Option<(Tunnel, Packet<'a>)> {
    match packet.transport {
        Transport::Udp(udp) if VXLAN.contains(&udp.destination_port) => {
            let [0x08, 0, 0, 0, a, b, c, _, ..] = *packet.payload else { return None };
            let vni = u32::from_be_bytes([0, a, b, c]);
            let tunnel = Tunnel::Vxlan { port: udp.destination_port, vni };
            Some((tunnel, behind(packet, 8, LinkType::Ethernet)?))
        }
        Transport::Udp(udp) if udp.destination_port == GENEVE => {
            let [first, _, high, low, a, b, c, _, ..] = *packet.payload else { return None };
            let header = 8 + 4 * usize::from(first & 0x3f);
            let link = link(u16::from_be_bytes([high, low]))?;
            let vni = u32::from_be_bytes([0, a, b, c]);
            Some((Tunnel::Geneve { vni }, behind(packet, header, link)?))
        }
        Transport::Other(GRE) => gre(packet),
        Transport::Other(protocol::IPV4 | protocol::IPV6) => {
            Some((Tunnel::Ip, behind(packet, 0, LinkType::Raw)?))
        }
        _ => None,
    }
}

/// GRE: a checksum, a key and a sequence number follow where the first bits say so.
fn gre<'a>(packet: &Packet<'a>) -> Option<(Tunnel, Packet<'a>)> {
    let [flags, version, high, low, rest @ ..] = packet.payload else { return None };
    if version & 0x07 != 0 {
        return None;
    }
    let word = |bit: u8| if flags & bit == 0 { 0 } else { 4 };
    let (checksum, key, sequence) = (word(0x80), word(0x20), word(0x10));
    let keyed = || rest.get(checksum..)?.first_chunk().copied().map(u32::from_be_bytes);
    let key_value = if key == 0 { None } else { Some(keyed()?) };
    let link = link(u16::from_be_bytes([*high, *low]))?;
    let inner = behind(packet, 4 + checksum + key + sequence, link)?;
    Some((Tunnel::Gre { key: key_value }, inner))
}

fn link(ethertype: u16) -> Option<LinkType> {
    use crate::decode::ethertype::{IPV4, IPV6};
    match ethertype {
        ETHERNET => Some(LinkType::Ethernet),
        IPV4 | IPV6 => Some(LinkType::Raw),
        _ => None,
    }
}

fn behind<'a>(packet: &Packet<'a>, header: usize, link: LinkType) -> Option<Packet<'a>> {
    let bytes = packet.payload.get(header..)?;
    let length = packet.payload_length.checked_sub(header as u32)?;
    Some(Packet::decode(link, bytes, length))
}
