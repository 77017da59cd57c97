//! TCP (RFC 9293).

use etherparse::TcpHeaderSlice;

use super::{Layer, Packet, Transport, Wrong};

/// A TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// From which port.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
    /// The number of the first byte of its data.
    pub sequence: u32,
    /// The number of the byte that is awaited next.
    pub acknowledgement: u32,
    /// What it says.
    pub flags: TcpFlags,
    /// How many bytes its sender would take, before scaling.
    pub window: u16,
    /// Its checksum. It isn't verified.
    pub checksum: u16,
    /// Where its urgent data ends.
    pub urgent: u16,
    /// How long the header says it is, in bytes: 20, and more with options.
    pub header_length: u8,
    /// Its options, up to 40 bytes, as far as they were captured.
    pub options: &'a [u8],
}

/// The flags of a TCP header, as they are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data follows.
    pub const FIN: Self = Self(0x01);
    /// Sequence numbers begin.
    pub const SYN: Self = Self(0x02);
    /// The connection is given up.
    pub const RST: Self = Self(0x04);
    /// Hand it to the program now.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// Congestion was seen (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// The sender has slowed down (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// Whether all of these are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any of these is set.
    pub fn any(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_tcp(&mut self) {
        let Some(tcp) = read_header(self.payload) else {
            return self.end_within(Layer::Tcp, 20);
        };
        self.transport = Transport::Tcp(tcp);
        let header_length = u32::from(tcp.header_length);
        if header_length < 20 || header_length > self.payload_length {
            self.spoil(Layer::Tcp, Wrong::HeaderLength(header_length));
            return self.skip(20);
        }
        if self.payload.len() < usize::from(tcp.header_length) {
            self.end_within(Layer::Tcp, header_length);
        }
        self.skip(tcp.header_length.into());
    }
}

/// The header, with as many of its options as there are.
fn read_header(bytes: &[u8]) -> Option<Tcp<'_>> {
    let mut fixed: [u8; 20] = *bytes.first_chunk()?;
    let header_length = (fixed[12] >> 4) * 4;
    fixed[12] = 0x50;
    let header = TcpHeaderSlice::from_slice(&fixed).ok()?;
    let end = bytes.len().min(usize::from(header_length).max(20));
    Some(Tcp {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        sequence: header.sequence_number(),
        acknowledgement: header.acknowledgment_number(),
        flags: TcpFlags(fixed[13]),
        window: header.window_size(),
        checksum: header.checksum(),
        urgent: header.urgent_pointer(),
        header_length,
        options: &bytes[20..end],
    })
}
