//! TCP and its options.

use super::conversations::{Numbers, Segment};
use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at, u32_at};
use crate::decode::{Layer, Tcp, TcpFlags, Wrong, port};

/// The flags, in the order in which tcpdump writes them.
const FLAGS: [(u8, &str); 8] = [
    (TcpFlags::FIN.0, "F"),
    (TcpFlags::SYN.0, "S"),
    (TcpFlags::RST.0, "R"),
    (TcpFlags::PSH.0, "P"),
    (TcpFlags::ACK.0, "."),
    (TcpFlags::URG.0, "U"),
    (TcpFlags::ECE.0, "E"),
    (TcpFlags::CWR.0, "W"),
];

/// Kinds of options (<https://www.iana.org/assignments/tcp-parameters>).
mod kind {
    pub const END: u8 = 0;
    pub const NOP: u8 = 1;
    pub const MSS: u8 = 2;
    pub const WINDOW_SCALE: u8 = 3;
    pub const SACK_PERMITTED: u8 = 4;
    pub const SACK: u8 = 5;
    pub const ECHO: u8 = 6;
    pub const ECHO_REPLY: u8 = 7;
    pub const TIMESTAMPS: u8 = 8;
    pub const CC: u8 = 11;
    pub const CC_NEW: u8 = 12;
    pub const CC_ECHO: u8 = 13;
    pub const MD5: u8 = 19;
    pub const SCPS: u8 = 20;
    pub const USER_TIMEOUT: u8 = 28;
    pub const AUTHENTICATION: u8 = 29;
    pub const MPTCP: u8 = 30;
    pub const FAST_OPEN: u8 = 34;
    pub const EXPERIMENT: u8 = 254;
}

/// Why an option can't be shown.
enum Bad {
    /// The bytes have ended.
    Ended,
    /// It says a length that can't be; the rest of the options makes no sense.
    Length,
}

impl From<Ended> for Bad {
    fn from(_: Ended) -> Self {
        Self::Ended
    }
}

impl Line<'_> {
    /// A header of which less than the fixed part is there.
    pub(super) fn broken_tcp(&mut self, packet: &Packet<'_>) {
        match (u16_at(packet.payload, 0), u16_at(packet.payload, 2)) {
            (Some(source), Some(destination)) => self.between_ports(packet, source, destination),
            _ => {
                self.between(packet);
                self.out.text(":");
            }
        }
        self.ended("tcp");
    }

    pub(super) fn tcp(&mut self, packet: &Packet<'_>, tcp: &Tcp<'_>) {
        self.between_ports(packet, tcp.source_port, tcp.destination_port);
        let broken = match packet.wrong_in(Layer::Tcp) {
            Some(Wrong::HeaderLength(length)) => Some(length),
            _ => None,
        };
        if let Some(length @ ..20) = broken {
            self.out.text(" tcp ");
            self.out.number(packet.payload_length.saturating_add(20 - length));
            self.out.text(" [bad hdr length ");
            self.out.number(length);
            return self.out.text(" - too short, < 20]");
        }
        self.out.text("Flags [");
        self.out.bits(tcp.flags.0, &FLAGS, "", "none");
        self.out.text("]");
        let numbers = self.numbers(packet, tcp);
        if let Some(length) = broken {
            self.out.text(" [bad hdr length ");
            self.out.number(length);
            self.out.text(" - too long, > ");
            self.out.number(packet.payload_length.saturating_add(20));
            return self.out.text("]");
        }
        let length = packet.payload_length;
        if length > 0 || tcp.flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) {
            self.out.text(", seq ");
            self.out.number(numbers.sequence);
            if length > 0 {
                self.out.text(":");
                self.out.number(numbers.sequence.wrapping_add(length));
            }
        }
        if tcp.flags.has(TcpFlags::ACK) {
            self.out.text(", ack ");
            self.out.number(numbers.acknowledgement);
        }
        self.out.text(", win ");
        self.out.number(tcp.window);
        if tcp.flags.has(TcpFlags::URG) {
            self.out.text(", urg ");
            self.out.number(tcp.urgent);
        }
        if tcp.header_length > 20 && !self.options(packet, tcp, numbers.acknowledged_from) {
            return;
        }
        self.out.text(", length ");
        self.out.number(length);
        let captured = 20 + tcp.options.len();
        if length > 0 && captured < tcp.header_length.into() {
            self.remaining(captured, tcp.header_length);
            return self.ended("tcp");
        }
        if length > 0 && (tcp.source_port == port::DNS || tcp.destination_port == port::DNS) {
            self.dns_over_tcp(packet);
        }
    }

    /// The numbers as they are shown.
    fn numbers(&mut self, packet: &Packet<'_>, tcp: &Tcp<'_>) -> Numbers {
        let addresses = packet.source().zip(packet.destination());
        match (&mut self.conversations, addresses) {
            (Some((conversations, interface)), Some(addresses)) if tcp.flags.has(TcpFlags::ACK) => {
                conversations.numbers(&Segment {
                    interface: *interface,
                    addresses,
                    ports: (tcp.source_port, tcp.destination_port),
                    sequence: tcp.sequence,
                    acknowledgement: tcp.acknowledgement,
                    begins: tcp.flags.has(TcpFlags::SYN),
                })
            }
            _ => Numbers {
                sequence: tcp.sequence,
                acknowledgement: tcp.acknowledgement,
                acknowledged_from: 0,
            },
        }
    }

    /// All options; whether what follows is to be looked at.
    fn options(&mut self, packet: &Packet<'_>, tcp: &Tcp<'_>, acknowledged_from: u32) -> bool {
        self.out.text(", options [");
        let mut left = usize::from(tcp.header_length) - 20;
        let mut bytes = tcp.options;
        let mut shown = 0;
        while left > 0 {
            if shown > 0 {
                self.out.text(",");
            }
            // An option without room for its length: that is not what was cut off.
            let no_room =
                left == 1 && bytes.first() > Some(&kind::NOP) && !packet.payload.is_empty();
            let option = match no_room {
                true => Err(Bad::Length),
                false => self.option(bytes, left, acknowledged_from),
            };
            match option {
                Ok(length) => {
                    let ends = bytes.first() == Some(&kind::END);
                    bytes = bytes.get(length..).unwrap_or_default();
                    left = left.saturating_sub(length);
                    shown += 1;
                    if ends {
                        break;
                    }
                }
                Err(Bad::Length) => {
                    self.out.text(if shown > 0 { "[bad opt]]" } else { "[bad opt]" });
                    return false;
                }
                Err(Bad::Ended) => {
                    self.ended("tcp");
                    return false;
                }
            }
        }
        self.out.text("]");
        true
    }

    /// The option at the head of the bytes, of which there should be `left`; how long it is.
    fn option(&mut self, bytes: &[u8], left: usize, acknowledged_from: u32) -> Result<usize, Bad> {
        let option = *bytes.first().ok_or(Ended)?;
        let said = match option {
            kind::END | kind::NOP => 1,
            _ => usize::from(*bytes.get(1).ok_or(Ended)?),
        };
        if said > left || (said < 2 && option > kind::NOP) {
            return Err(Bad::Length);
        }
        self.option_name(option);
        let data = bytes.get(2..).unwrap_or_default();
        let data_length = said.saturating_sub(2);
        let data = Data { bytes: data, length: data_length, left: left.saturating_sub(2) };
        let shown = match option {
            kind::END | kind::NOP | kind::SACK_PERMITTED => 0,
            kind::MSS => self.number_of(u16::from_be_bytes(data.array()?), 2),
            kind::WINDOW_SCALE => self.number_of(data.array::<1>()?[0], 1),
            kind::SACK => self.sack(&data, acknowledged_from)?,
            kind::ECHO | kind::ECHO_REPLY | kind::CC | kind::CC_NEW | kind::CC_ECHO => {
                self.number_of(u32::from_be_bytes(data.array()?), 4)
            }
            kind::TIMESTAMPS => {
                let both: [u8; 8] = data.array()?;
                self.out.text(" val ");
                self.out.number(u32_at(&both, 0).unwrap_or(0));
                self.out.text(" ecr ");
                self.out.number(u32_at(&both, 4).unwrap_or(0));
                8
            }
            kind::MD5 => {
                let digest = data.array::<16>()?;
                self.out.text(" ");
                self.out.hex_bytes(&digest);
                16
            }
            kind::SCPS => {
                let [capability, id] = data.array()?;
                self.out.text(" cap ");
                self.out.hex(capability, 2);
                self.out.text(" id ");
                self.out.number(id);
                2
            }
            kind::USER_TIMEOUT => {
                let timeout = u16::from_be_bytes(data.array()?);
                self.out.text(" 0x");
                self.out.hex(timeout, 1);
                self.out.text(" ");
                let unit = if timeout & 1 == 1 { 60 } else { 1 };
                self.out.number(u32::from(timeout >> 1) * unit);
                2
            }
            kind::AUTHENTICATION => self.authentication(&data)?,
            kind::FAST_OPEN => {
                let cookie = data.all()?;
                self.out.text(" ");
                self.fast_open(cookie)
            }
            kind::EXPERIMENT => {
                let data = data.all()?;
                let magic = u16_at(data, 0).ok_or(Bad::Length)?;
                self.out.text("-");
                if magic == 0xf989 {
                    self.out.text("tfo");
                    self.fast_open(&data[2..]);
                } else {
                    self.out.hex(magic, 4);
                }
                data.len()
            }
            _ => {
                if data.length > 0 {
                    self.out.text(" 0x");
                }
                self.out.hex_bytes(data.there());
                data.all()?.len()
            }
        };
        let length = shown + if option > kind::NOP { 2 } else { 1 };
        if length != said {
            self.out.text("[len ");
            self.out.number(said as u64);
            self.out.text("]");
        }
        Ok(length)
    }

    /// A number, of a length in bytes.
    fn number_of(&mut self, number: impl Into<u64>, length: usize) -> usize {
        self.out.text(" ");
        self.out.number(number);
        length
    }

    fn option_name(&mut self, option: u8) {
        self.out.text(match option {
            kind::END => "eol",
            kind::NOP => "nop",
            kind::MSS => "mss",
            kind::WINDOW_SCALE => "wscale",
            kind::SACK_PERMITTED => "sackOK",
            kind::SACK => "sack",
            kind::ECHO => "echo",
            kind::ECHO_REPLY => "echoreply",
            kind::TIMESTAMPS => "TS",
            kind::CC => "cc",
            kind::CC_NEW => "ccnew",
            kind::CC_ECHO => "",
            kind::MD5 => "md5",
            kind::SCPS => "scps",
            kind::USER_TIMEOUT => "uto",
            kind::AUTHENTICATION => "tcp-ao",
            kind::MPTCP => "mptcp",
            kind::FAST_OPEN => "tfo",
            kind::EXPERIMENT => "exp",
            unknown => {
                self.out.text("unknown-");
                return self.out.number(unknown);
            }
        });
    }

    /// What the other end has although something before it is missing (RFC 2018).
    fn sack(&mut self, data: &Data<'_>, acknowledged_from: u32) -> Result<usize, Bad> {
        if !data.length.is_multiple_of(8) {
            self.out.text(" invalid sack");
            return Ok(data.length);
        }
        self.out.text(" ");
        self.out.number(data.length as u64 / 8);
        self.out.text(" ");
        for block in 0..data.length / 8 {
            let edge = |at| u32_at(data.bytes, block * 8 + at).ok_or(Ended);
            let (left, right) = (edge(0)?, edge(4)?);
            self.out.text("{");
            self.out.number(left.wrapping_sub(acknowledged_from));
            self.out.text(":");
            self.out.number(right.wrapping_sub(acknowledged_from));
            self.out.text("}");
        }
        Ok(data.length)
    }

    /// TCP-AO (RFC 5925).
    fn authentication(&mut self, data: &Data<'_>) -> Result<usize, Bad> {
        if data.length < 2 {
            self.invalid();
            return Ok(data.length);
        }
        let there = data.there();
        let key = *there.first().ok_or(Ended)?;
        self.out.text(" keyid ");
        self.out.number(key);
        let next = *there.get(1).ok_or(Ended)?;
        self.out.text(" rnextkeyid ");
        self.out.number(next);
        if data.length > 2 {
            self.out.text(" mac 0x");
            self.out.hex_bytes(&there[2..]);
        }
        Ok(data.all()?.len())
    }

    /// TCP Fast Open (RFC 7413).
    fn fast_open(&mut self, cookie: &[u8]) -> usize {
        match cookie.len() {
            0 => self.out.text(" cookiereq"),
            4..=16 if cookie.len().is_multiple_of(2) => {
                self.out.text(" cookie ");
                self.out.hex_bytes(cookie);
            }
            _ => self.invalid(),
        }
        cookie.len()
    }
}

/// What an option says.
struct Data<'a> {
    /// From there on, as far as it was captured.
    bytes: &'a [u8],
    /// How many of them are its own, as it says.
    length: usize,
    /// How many the header has left.
    left: usize,
}

impl<'a> Data<'a> {
    /// A fixed number of bytes, whatever the option says of its length.
    fn array<const N: usize>(&self) -> Result<[u8; N], Bad> {
        if N > self.left {
            return Err(Bad::Length);
        }
        Ok(array_at(self.bytes, 0).ok_or(Ended)?)
    }

    /// What it says, as far as it was captured.
    fn there(&self) -> &'a [u8] {
        self.bytes.get(..self.length).unwrap_or(self.bytes)
    }

    /// All that it says.
    fn all(&self) -> Result<&'a [u8], Bad> {
        Ok(self.bytes.get(..self.length).ok_or(Ended)?)
    }
}
