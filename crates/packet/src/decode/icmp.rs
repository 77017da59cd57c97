//! ICMP (RFC 792).

use super::{Layer, Packet, Transport};

/// An ICMP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmpv4<'a> {
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

/// An echo request or its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Echo {
    /// Whether it is the reply.
    pub reply: bool,
    /// Whose it is, to whoever asks.
    pub id: u16,
    /// Which of his it is.
    pub sequence: u16,
}

impl Echo {
    pub(super) fn of(reply: bool, [a, b, c, d]: [u8; 4]) -> Self {
        Self { reply, id: u16::from_be_bytes([a, b]), sequence: u16::from_be_bytes([c, d]) }
    }
}

impl<'a> Icmpv4<'a> {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Source quench, which nobody sends any more (RFC 6633).
    pub const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Router advertisement (RFC 1256).
    pub const ROUTER_ADVERTISEMENT: u8 = 9;
    /// Router solicitation (RFC 1256).
    pub const ROUTER_SOLICITATION: u8 = 10;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Timestamp request.
    pub const TIMESTAMP_REQUEST: u8 = 13;
    /// Timestamp reply.
    pub const TIMESTAMP_REPLY: u8 = 14;

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
            Self::UNREACHABLE
                | Self::SOURCE_QUENCH
                | Self::REDIRECT
                | Self::TIME_EXCEEDED
                | Self::PARAMETER_PROBLEM
        )
    }

    /// The packet that an error quotes: its beginning, seldom all of it.
    pub fn quoted(&self) -> Option<Packet<'a>> {
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        self.is_error().then(|| Packet::read(self.body, length, Packet::read_ipv4))
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_icmp(&mut self) {
        // Not by `Icmpv4Slice`, which also wants a timestamp message to have exactly 20 bytes.
        let [kind, code, c, d, w, x, y, z, body @ ..] = self.payload else {
            return self.end_within(Layer::Icmpv4, 8);
        };
        self.transport = Transport::Icmpv4(Icmpv4 {
            kind: *kind,
            code: *code,
            checksum: u16::from_be_bytes([*c, *d]),
            rest: [*w, *x, *y, *z],
            body,
        });
        self.skip(8);
    }
}
