//! IPv6 (RFC 8200) and its extension headers.

use std::net::Ipv6Addr;

use etherparse::err::ipv6::{HeaderError, HeaderSliceError};
use etherparse::{Ipv6FragmentHeaderSlice, Ipv6HeaderSlice};

use super::bytes::u32_at;
use super::{Layer, Network, Packet, Transport, Wrong, protocol};

/// An IPv6 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// From whom.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
    /// How many hops it may still go.
    pub hop_limit: u8,
    /// Which flow it belongs to, 20 bits.
    pub flow_label: u32,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// How long what follows is, extension headers with it, in bytes; 0 where the field is too
    /// small for it.
    pub payload_length: u16,
    /// What follows the header itself: an extension header, or what it carries.
    pub next_header: u8,
    /// What it carries, behind the extension headers: one of [`protocol`](super::protocol), among
    /// others.
    pub protocol: u8,
    /// The extension headers, as far as they are whole: see [`Self::extensions`].
    pub extension_bytes: &'a [u8],
    /// Which part of a packet it is, where it is one.
    pub fragment: Option<Fragment>,
}

/// Which part of an IPv6 packet a fragment is (RFC 8200, 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Which packet it belongs to.
    pub id: u32,
    /// Where in it the fragment begins, in bytes.
    pub offset: u16,
    /// Whether fragments follow.
    pub more: bool,
}

/// An extension header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Which: [`protocol::HOP_BY_HOP`] and so on.
    pub kind: u8,
    /// All of it, from its next-header field on.
    pub bytes: &'a [u8],
}

/// The extension headers of a packet, in their order.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    kind: u8,
    bytes: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// The extension headers, as far as they are whole.
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions { kind: self.next_header, bytes: self.extension_bytes }
    }

    /// How long the header is with its extension headers, in bytes.
    pub fn header_length(&self) -> usize {
        40 + self.extension_bytes.len()
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let length = extension_length(self.kind, self.bytes)?;
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        let extension = Extension { kind: self.kind, bytes };
        *self = Self { kind: bytes[0], bytes: rest };
        Some(extension)
    }
}

/// How long the extension header at the head of the bytes is, where it is one that can be passed. All
/// have at least 8 bytes, and are multiples of that.
fn extension_length(kind: u8, bytes: &[u8]) -> Option<usize> {
    match kind {
        protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
            Some(8 + bytes.get(1).map_or(0, |eights| usize::from(*eights) * 8))
        }
        protocol::FRAGMENT => Some(8),
        _ => None,
    }
}

impl Extension<'_> {
    /// What the option of a jumbogram (RFC 2675) says is the length of what follows the IPv6 header.
    fn jumbo_length(&self) -> Option<u32> {
        const JUMBO: u8 = 0xc2;
        let mut options = self.bytes.get(2..)?;
        loop {
            options = match options {
                [0, rest @ ..] => rest,
                [JUMBO, 4, rest @ ..] => return u32_at(rest, 0).filter(|length| *length > 0xffff),
                [_, length, rest @ ..] => rest.get(usize::from(*length)..)?,
                _ => return None,
            };
        }
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_ipv6(&mut self) {
        let header = match Ipv6HeaderSlice::from_slice(self.payload) {
            Ok(header) => header,
            Err(HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number })) => {
                return self.spoil(Layer::Ipv6, Wrong::Version(version_number));
            }
            Err(HeaderSliceError::Len(_)) => return self.end_within(Layer::Ipv6, 40),
        };
        let mut ip = Ipv6 {
            source: header.source_addr(),
            destination: header.destination_addr(),
            hop_limit: header.hop_limit(),
            flow_label: header.flow_label().value(),
            traffic_class: header.traffic_class(),
            payload_length: header.payload_length(),
            next_header: header.next_header().0,
            protocol: header.next_header().0,
            extension_bytes: &[],
            fragment: None,
        };
        self.skip(40);
        let there = self.payload_length;
        let said = match self.jumbo_length(&ip) {
            Some(length) => length,
            None => ip.payload_length.into(),
        };
        if said > there {
            self.spoil(Layer::Ipv6, Wrong::Length { said, there });
        }
        self.limit(said);
        let whole = self.read_extensions(&mut ip);
        self.network = Network::Ipv6(ip);
        match ip.fragment {
            _ if !whole => {}
            Some(Fragment { offset: 1.., .. }) => self.transport = Transport::Fragment,
            _ => self.read_transport(ip.protocol),
        }
    }

    /// How long what follows is, where that is too long for the field in the header.
    fn jumbo_length(&self, ip: &Ipv6<'a>) -> Option<u32> {
        if ip.payload_length != 0 || ip.next_header != protocol::HOP_BY_HOP {
            return None;
        }
        Extensions { kind: ip.next_header, bytes: self.payload }.next()?.jumbo_length()
    }

    /// Passes the extension headers; whether all of them were whole.
    fn read_extensions(&mut self, ip: &mut Ipv6<'a>) -> bool {
        let all = self.payload;
        while let Some(length) = extension_length(ip.protocol, self.payload) {
            if self.payload.len() < length {
                self.end_within(Layer::Extension, u32::try_from(length).unwrap_or(u32::MAX));
                return false;
            }
            if ip.protocol == protocol::FRAGMENT
                && let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(self.payload)
            {
                ip.fragment = Some(Fragment {
                    id: header.identification(),
                    offset: header.fragment_offset().value().wrapping_mul(8),
                    more: header.more_fragments(),
                });
            }
            ip.protocol = self.payload[0];
            self.skip(length);
            ip.extension_bytes = &all[..all.len() - self.payload.len()];
            if ip.fragment.is_some_and(|fragment| fragment.offset != 0) {
                break;
            }
        }
        true
    }
}
