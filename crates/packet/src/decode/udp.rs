//! UDP (RFC 768).

use etherparse::UdpHeaderSlice;

use super::{Layer, Packet, Transport, Wrong};

/// A UDP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp {
    /// From which port.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
    /// How long the datagram is, with this header, in bytes.
    pub length: u16,
    /// Its checksum; 0 where there is none. It isn't verified.
    pub checksum: u16,
}

impl<'a> Packet<'a> {
    pub(super) fn read_udp(&mut self) {
        let Ok(header) = UdpHeaderSlice::from_slice(self.payload) else {
            return self.end_within(Layer::Udp, 8);
        };
        let udp = Udp {
            source_port: header.source_port(),
            destination_port: header.destination_port(),
            length: header.length(),
            checksum: header.checksum(),
        };
        self.transport = Transport::Udp(udp);
        let (said, there) = (u32::from(udp.length), self.payload_length);
        let is_fragment = match &self.network {
            super::Network::Ipv4(ip) => ip.more_fragments,
            super::Network::Ipv6(ip) => ip.fragment.is_some(),
            _ => false,
        };
        // The length of a datagram in fragments is that of all of them.
        let too_long = said > there && !is_fragment;
        if said < 8 || too_long {
            self.spoil(Layer::Udp, Wrong::Length { said, there });
        } else if said < there {
            self.limit(said);
        }
        self.skip(8);
    }
}
