//! TCP (RFC 9293).

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

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
    /// Its options: up to 40 bytes.
    pub options: &'a [u8],
}

impl Tcp<'_> {
    /// How long the header is, in bytes.
    pub fn header_length(&self) -> usize {
        20 + self.options.len()
    }
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
        let header = match TcpHeaderSlice::from_slice(self.payload) {
            Ok(header) => header,
            Err(HeaderSliceError::Len(error)) => {
                let needed = u32::try_from(error.required_len).unwrap_or(u32::MAX);
                let whole = self.payload_length >= 20 && needed > self.payload_length;
                return match whole {
                    true => self.spoil(Layer::Tcp, Wrong::HeaderLength(needed)),
                    false => self.end_within(Layer::Tcp, needed),
                };
            }
            Err(HeaderSliceError::Content(_)) => {
                let said = self.payload.get(12).map_or(0, |byte| u32::from(byte >> 4) * 4);
                return self.spoil(Layer::Tcp, Wrong::HeaderLength(said));
            }
        };
        let bytes = header.slice();
        let tcp = Tcp {
            source_port: header.source_port(),
            destination_port: header.destination_port(),
            sequence: header.sequence_number(),
            acknowledgement: header.acknowledgment_number(),
            flags: TcpFlags(bytes[13]),
            window: header.window_size(),
            checksum: header.checksum(),
            urgent: header.urgent_pointer(),
            options: &self.payload[20..bytes.len()],
        };
        self.transport = Transport::Tcp(tcp);
        self.skip(bytes.len());
    }
}
