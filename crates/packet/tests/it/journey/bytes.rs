//! Frames of the simulated lab, and their bytes on the wire.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use twinax_packet::Mac;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub source: Mac,
    pub destination: Mac,
    /// Outermost first.
    pub vlans: Vec<u16>,
    pub carries: Carries,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carries {
    Arp {
        request: bool,
        sender: (Mac, Ipv4Addr),
        target: (Mac, Ipv4Addr),
    },
    Ip(Ip),
    /// An ethertype, and what follows it.
    Other(u16, Vec<u8>),
}

/// An IP packet: what it carries begins with the header of the transport, unless it is a later
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ip {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    pub dont_fragment: bool,
    pub more: bool,
    pub offset: u16,
    pub protocol: u8,
    pub content: Vec<u8>,
}

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const GRE: u8 = 47;
pub const ICMP6: u8 = 58;

impl Ip {
    pub fn new(source: &str, destination: &str, protocol: u8, content: Vec<u8>) -> Self {
        let address = |text: &str| text.parse().expect("an address");
        Self::between(address(source), address(destination), protocol, content)
    }

    pub fn between(source: IpAddr, destination: IpAddr, protocol: u8, content: Vec<u8>) -> Self {
        Self {
            source,
            destination,
            ttl: 64,
            tos: 0,
            id: 0,
            dont_fragment: true,
            more: false,
            offset: 0,
            protocol,
            content,
        }
    }

    pub fn echo(source: &str, destination: &str, reply: bool, id: u16, sequence: u16) -> Self {
        let is_6 = source.contains(':');
        let kind = match (is_6, reply) {
            (false, false) => 8,
            (false, true) => 0,
            (true, false) => 128,
            (true, true) => 129,
        };
        let mut content = vec![kind, 0, 0xab, 0xcd];
        content.extend(id.to_be_bytes());
        content.extend(sequence.to_be_bytes());
        content.extend(0x10..0x48_u8);
        Self::new(source, destination, if is_6 { ICMP6 } else { ICMP }, content)
    }

    pub fn udp(source: (&str, u16), destination: (&str, u16), data: &[u8]) -> Self {
        let content = datagram(source.1, destination.1, data);
        Self::new(source.0, destination.0, UDP, content)
    }

    pub fn tcp(source: (&str, u16), destination: (&str, u16), tcp: &Tcp) -> Self {
        let content = tcp.content(source.1, destination.1);
        Self::new(source.0, destination.0, TCP, content)
    }

    pub fn with_id(self, id: u16) -> Self {
        Self { id, ..self }
    }

    pub fn may_fragment(self) -> Self {
        Self { dont_fragment: false, ..self }
    }

    pub fn has_ports(&self) -> bool {
        matches!(self.protocol, TCP | UDP) && self.offset == 0
    }

    pub fn is_echo(&self) -> bool {
        matches!((self.protocol, self.content[0]), (ICMP, 0 | 8) | (ICMP6, 128 | 129))
    }

    pub fn is_echo_reply(&self) -> bool {
        matches!((self.protocol, self.content[0]), (ICMP, 0) | (ICMP6, 129))
    }

    /// A number of two bytes in the content.
    pub fn number(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.content[at], self.content[at + 1]])
    }

    pub fn set_number(&mut self, at: usize, number: u16) {
        self.content[at..at + 2].copy_from_slice(&number.to_be_bytes());
    }

    pub fn bytes(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.bytes_4(source, destination),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.bytes_6(source, destination),
            _ => panic!("addresses of two families"),
        }
    }

    fn bytes_4(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let mut bytes = vec![0x45, self.tos];
        bytes.extend((20 + self.content.len() as u16).to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more) << 13;
        bytes.extend((flags | (self.offset / 8)).to_be_bytes());
        bytes.extend([self.ttl, self.protocol, 0, 0]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        let sum: u32 =
            bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        bytes.extend(&self.content);
        bytes
    }

    fn bytes_6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let mut bytes = vec![0x60 | self.tos >> 4, self.tos << 4, 0, 0];
        bytes.extend((self.content.len() as u16).to_be_bytes());
        bytes.extend([self.protocol, self.ttl]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        bytes.extend(&self.content);
        bytes
    }
}

/// A TCP segment.
#[derive(Debug, Clone, Default)]
pub struct Tcp {
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
    pub mss: Option<u16>,
    pub data: Vec<u8>,
}

impl Tcp {
    fn content(&self, source: u16, destination: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(source.to_be_bytes());
        bytes.extend(destination.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgement.to_be_bytes());
        bytes.extend([if self.mss.is_some() { 0x60 } else { 0x50 }, self.flags]);
        bytes.extend([0xfa, 0xf0, 0xbe, 0xef, 0, 0]);
        if let Some(mss) = self.mss {
            bytes.extend([2, 4]);
            bytes.extend(mss.to_be_bytes());
        }
        bytes.extend(&self.data);
        bytes
    }
}

pub fn datagram(source: u16, destination: u16, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    content.extend(source.to_be_bytes());
    content.extend(destination.to_be_bytes());
    content.extend((8 + data.len() as u16).to_be_bytes());
    content.extend([0xc5, 0x5c]);
    content.extend(data);
    content
}

impl Frame {
    pub fn bytes(&self, ethernet: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (ethertype, content) = match &self.carries {
            Carries::Arp { request, sender, target } => {
                let mut content = vec![0, 1, 8, 0, 6, 4, 0, if *request { 1 } else { 2 }];
                for (mac, address) in [sender, target] {
                    content.extend(mac.0);
                    content.extend(address.octets());
                }
                (0x0806, content)
            }
            Carries::Ip(ip) => (if ip.source.is_ipv4() { 0x0800 } else { 0x86dd }, ip.bytes()),
            Carries::Other(ethertype, content) => (*ethertype, content.clone()),
        };
        if ethernet {
            bytes.extend(self.destination.0);
            bytes.extend(self.source.0);
            for id in &self.vlans {
                bytes.extend([0x81, 0]);
                bytes.extend(id.to_be_bytes());
            }
            bytes.extend(u16::to_be_bytes(ethertype));
        }
        bytes.extend(content);
        bytes
    }
}

/// The frame that these bytes are, for tunnels: what they carry is one again.
pub fn read_frame(bytes: &[u8]) -> Frame {
    let mac = |at: usize| Mac(bytes[at..at + 6].try_into().expect("a MAC"));
    let ethertype = u16::from_be_bytes([bytes[12], bytes[13]]);
    let content = &bytes[14..];
    let carries = match ethertype {
        0x0800 => Carries::Ip(read_ip(content)),
        0x0806 => {
            let mac = |at: usize| Mac(content[at..at + 6].try_into().expect("a MAC"));
            let address = |at: usize| {
                Ipv4Addr::from(<[u8; 4]>::try_from(&content[at..at + 4]).expect("an address"))
            };
            Carries::Arp {
                request: content[7] == 1,
                sender: (mac(8), address(14)),
                target: (mac(18), address(24)),
            }
        }
        other => Carries::Other(other, content.to_vec()),
    };
    Frame { destination: mac(0), source: mac(6), vlans: Vec::new(), carries }
}

/// The IPv4 packet that these bytes are.
pub fn read_ip(bytes: &[u8]) -> Ip {
    let address =
        |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).expect("an address"));
    Ip {
        tos: bytes[1],
        id: u16::from_be_bytes([bytes[4], bytes[5]]),
        dont_fragment: bytes[6] & 0x40 != 0,
        ttl: bytes[8],
        ..Ip::between(address(12).into(), address(16).into(), bytes[9], bytes[20..].to_vec())
    }
}
