//! IPv4 (RFC 791).

use std::net::Ipv4Addr;

use etherparse::Ipv4HeaderSlice;

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
    /// How long the header says it is, in bytes: 20, and more with options.
    pub header_length: u8,
    /// Its options, up to 40 bytes, as far as they were captured.
    pub options: &'a [u8],
}

impl Ipv4<'_> {
    /// Whether it is a part of a packet.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_ipv4(&mut self) {
        match self.payload.first().map(|byte| byte >> 4) {
            Some(4) | None => {}
            Some(version) => return self.spoil(Layer::Ipv4, Wrong::Version(version)),
        }
        let Some(ip) = read_header(self.payload) else {
            return self.end_within(Layer::Ipv4, 20);
        };
        self.network = Network::Ipv4(ip);
        let header_length = u32::from(ip.header_length);
        if header_length < 20 {
            return self.spoil(Layer::Ipv4, Wrong::HeaderLength(header_length));
        }
        let (said, there) = (u32::from(ip.total_length), self.payload_length);
        // Segments that are cut up only later (GSO) may be too long for the field, which is 0 then.
        let whole = if said == 0 { there } else { said };
        if whole < header_length || whole > there {
            self.spoil(Layer::Ipv4, Wrong::Length { said, there });
        }
        let captured = self.payload.len();
        self.limit(whole);
        if whole < header_length {
            return self.skip(captured);
        }
        if captured < usize::from(ip.header_length) {
            return self.end_within(Layer::Ipv4, header_length);
        }
        self.skip(ip.header_length.into());
        match ip.fragment_offset {
            0 => self.read_transport(ip.protocol),
            _ => self.transport = Transport::Fragment,
        }
    }
}

/// The header, with as many of its options as there are.
fn read_header(bytes: &[u8]) -> Option<Ipv4<'_>> {
    let mut fixed: [u8; 20] = *bytes.first_chunk()?;
    let header_length = (fixed[0] & 0xf) * 4;
    fixed[0] = 0x45;
    let header = Ipv4HeaderSlice::from_slice(&fixed).ok()?;
    let end = bytes.len().min(usize::from(header_length).max(20));
    Some(Ipv4 {
        source: header.source_addr(),
        destination: header.destination_addr(),
        ttl: header.ttl(),
        id: header.identification(),
        dont_fragment: header.dont_fragment(),
        more_fragments: header.more_fragments(),
        fragment_offset: header.fragments_offset().value().wrapping_mul(8),
        protocol: header.protocol().0,
        tos: fixed[1],
        total_length: header.total_len(),
        checksum: header.header_checksum(),
        header_length,
        options: &bytes[20..end],
    })
}
