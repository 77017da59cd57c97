//! IPv4 (RFC 791).

use std::net::Ipv4Addr;

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};

use super::{Layer, Network, Packet, Transport, Wrong};

/// An IPv4 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// How many hops it may still go (TTL).
    pub ttl: u8,
    /// Which packet its fragments belong to.
    pub id: u16,
    /// Whether it must not be fragmented (DF).
    pub dont_fragment: bool,
    /// Whether fragments follow (MF).
    pub more_fragments: bool,
    /// Where in the packet the fragment begins, in bytes.
    pub fragment_offset: u16,
    /// What it carries: one of [`protocol`](super::protocol), among others.
    pub protocol: u8,
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// How long the packet is, with its header, in bytes.
    pub total_length: u16,
    /// The header's checksum. It isn't verified.
    pub checksum: u16,
    /// Its options: up to 40 bytes.
    pub options: &'a [u8],
}

impl Ipv4<'_> {
    /// Whether it is a part of a packet.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// How long the header is, in bytes.
    pub fn header_length(&self) -> usize {
        20 + self.options.len()
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_ipv4(&mut self) {
        let header = match Ipv4HeaderSlice::from_slice(self.payload) {
            Ok(header) => header,
            Err(HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number })) => {
                return self.spoil(Layer::Ipv4, Wrong::Version(version_number));
            }
            Err(HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl })) => {
                return self.spoil(Layer::Ipv4, Wrong::HeaderLength(u32::from(ihl) * 4));
            }
            Err(HeaderSliceError::Len(error)) => {
                let needed = u32::try_from(error.required_len).unwrap_or(u32::MAX);
                return self.end_within(Layer::Ipv4, needed);
            }
        };
        let bytes = header.slice();
        let ip = Ipv4 {
            source: header.source_addr(),
            destination: header.destination_addr(),
            ttl: header.ttl(),
            id: header.identification(),
            dont_fragment: header.dont_fragment(),
            more_fragments: header.more_fragments(),
            fragment_offset: header.fragments_offset().value().wrapping_mul(8),
            protocol: header.protocol().0,
            tos: bytes[1],
            total_length: header.total_len(),
            checksum: header.header_checksum(),
            options: &self.payload[20..bytes.len()],
        };
        self.network = Network::Ipv4(ip);
        let (said, there) = (u32::from(ip.total_length), self.payload_length);
        let whole = match said {
            // Segments that are only cut up later (GSO) may be too long for the field.
            0 => there,
            _ if (said as usize) < bytes.len() => {
                self.skip(bytes.len());
                return self.spoil(Layer::Ipv4, Wrong::Length { said, there });
            }
            _ => said,
        };
        if whole > there {
            self.spoil(Layer::Ipv4, Wrong::Length { said, there });
        }
        self.limit(whole);
        self.skip(bytes.len());
        match ip.fragment_offset {
            0 => self.read_transport(ip.protocol),
            _ => self.transport = Transport::Fragment,
        }
    }
}
