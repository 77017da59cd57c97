//! ICMPv6 (RFC 4443).

use etherparse::Icmpv6Slice;

use super::{Echo, Layer, Packet, Transport};

/// An ICMPv6 message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmpv6<'a> {
    /// What it is: one of the constants below, among others.
    pub kind: u8,
    /// What it is more exactly.
    pub code: u8,
    /// Its checksum. It isn't verified.
    pub checksum: u16,
    /// The second half of its header; what it means depends on the kind.
    pub rest: [u8; 4],
    /// What follows its header, as far as it was captured.
    pub body: &'a [u8],
}

impl<'a> Icmpv6<'a> {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 1;
    /// Packet too big.
    pub const TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Multicast listener query (RFC 2710, RFC 3810).
    pub const LISTENER_QUERY: u8 = 130;
    /// Multicast listener report (RFC 2710).
    pub const LISTENER_REPORT: u8 = 131;
    /// Multicast listener done (RFC 2710).
    pub const LISTENER_DONE: u8 = 132;
    /// Router solicitation (RFC 4861).
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Router advertisement (RFC 4861).
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Neighbour solicitation (RFC 4861).
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement (RFC 4861).
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    /// Redirect (RFC 4861).
    pub const REDIRECT: u8 = 137;
    /// Multicast listener report, version 2 (RFC 3810).
    pub const LISTENER_REPORT_V2: u8 = 143;

    /// Id and sequence number, where it is an echo request or reply.
    pub fn echo(&self) -> Option<Echo> {
        match self.kind {
            Self::ECHO_REQUEST => Some(Echo::of(false, self.rest)),
            Self::ECHO_REPLY => Some(Echo::of(true, self.rest)),
            _ => None,
        }
    }

    /// Whether it tells of what has become of a packet, and quotes that.
    pub fn is_error(&self) -> bool {
        matches!(
            self.kind,
            Self::UNREACHABLE | Self::TOO_BIG | Self::TIME_EXCEEDED | Self::PARAMETER_PROBLEM
        )
    }

    /// The packet that an error quotes: its beginning, seldom all of it.
    pub fn quoted(&self) -> Option<Packet<'a>> {
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        self.is_error().then(|| Packet::read(self.body, length, Packet::read_ipv6))
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_icmp6(&mut self) {
        let Ok(header) = Icmpv6Slice::from_slice(self.payload) else {
            return self.end_within(Layer::Icmpv6, 8);
        };
        let (kind, code) = (header.type_u8(), header.code_u8());
        let (checksum, rest) = (header.checksum(), header.bytes5to8());
        self.skip(8);
        let body = self.payload;
        self.transport = Transport::Icmpv6(Icmpv6 { kind, code, checksum, rest, body });
    }
}
