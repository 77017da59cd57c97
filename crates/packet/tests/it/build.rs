//! Frames from their parts: lengths are right, checksums are zero.

pub const LEFT: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
pub const RIGHT: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP: u8 = 1;
pub const ICMPV6: u8 = 58;

/// Several parts, one after the other.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// In Ethernet, unpadded.
pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&RIGHT, &LEFT, &ethertype.to_be_bytes(), payload])
}

/// In Ethernet with VLAN tags: each its EtherType and its TCI.
pub fn tagged(tags: &[(u16, u16)], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = join(&[&RIGHT, &LEFT]);
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An ARP packet of Ethernet and IPv4.
pub fn arp(operation: u16, sender: ([u8; 6], [u8; 4]), target: ([u8; 6], [u8; 4])) -> Vec<u8> {
    let operation = operation.to_be_bytes();
    join(&[&[0, 1, 8, 0, 6, 4], &operation, &sender.0, &sender.1, &target.0, &target.1])
}

/// The fields of an IPv4 header.
#[derive(Debug, Clone)]
pub struct Ipv4 {
    pub tos: u8,
    pub id: u16,
    /// With the flags.
    pub fragment: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    /// A multiple of 4 bytes.
    pub options: Vec<u8>,
}

impl Ipv4 {
    pub fn of(protocol: u8) -> Self {
        Self {
            tos: 0,
            id: 1,
            fragment: 0,
            ttl: 64,
            protocol,
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
            options: Vec::new(),
        }
    }

    pub fn with(&self, payload: &[u8]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let total = (header + payload.len()) as u16;
        let [version_length, tos] = [0x40 | (header / 4) as u8, self.tos];
        join(&[
            &[version_length, tos],
            &total.to_be_bytes(),
            &self.id.to_be_bytes(),
            &self.fragment.to_be_bytes(),
            &[self.ttl, self.protocol, 0, 0],
            &self.source,
            &self.destination,
            &self.options,
            payload,
        ])
    }
}

/// In IPv4, in Ethernet.
pub fn in_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &Ipv4::of(protocol).with(payload))
}

/// The fields of an IPv6 header.
#[derive(Debug, Clone)]
pub struct Ipv6 {
    pub class: u8,
    pub flow: u32,
    pub next: u8,
    pub hops: u8,
    pub source: [u8; 16],
    pub destination: [u8; 16],
}

impl Ipv6 {
    pub fn of(next: u8) -> Self {
        let address = |last| {
            let mut address = [0; 16];
            address[..2].copy_from_slice(&[0xfe, 0x80]);
            address[15] = last;
            address
        };
        Self { class: 0, flow: 0, next, hops: 64, source: address(1), destination: address(2) }
    }

    pub fn with(&self, payload: &[u8]) -> Vec<u8> {
        let first = 6 << 28 | u32::from(self.class) << 20 | self.flow;
        join(&[
            &first.to_be_bytes(),
            &(payload.len() as u16).to_be_bytes(),
            &[self.next, self.hops],
            &self.source,
            &self.destination,
            payload,
        ])
    }
}

/// In IPv6, in Ethernet.
pub fn in_ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x86dd, &Ipv6::of(next).with(payload))
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &length.to_be_bytes(),
        &[0, 0],
        payload,
    ])
}

/// The fields of a TCP header.
#[derive(Debug, Clone)]
pub struct Tcp {
    pub source: u16,
    pub destination: u16,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
    /// A multiple of 4 bytes.
    pub options: Vec<u8>,
}

impl Tcp {
    pub fn of(flags: u8) -> Self {
        Self {
            source: 40_000,
            destination: 5000,
            sequence: 1000,
            acknowledgement: 2000,
            flags,
            window: 64_240,
            urgent: 0,
            options: Vec::new(),
        }
    }

    pub fn options(options: &[u8]) -> Self {
        Self { options: options.to_vec(), ..Self::of(0x10) }
    }

    pub fn with(&self, payload: &[u8]) -> Vec<u8> {
        let words = (20 + self.options.len()) / 4;
        join(&[
            &self.source.to_be_bytes(),
            &self.destination.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.acknowledgement.to_be_bytes(),
            &[(words << 4) as u8, self.flags],
            &self.window.to_be_bytes(),
            &[0, 0],
            &self.urgent.to_be_bytes(),
            &self.options,
            payload,
        ])
    }
}

/// An ICMP or ICMPv6 message: kind, code, the second half of its header, its body.
pub fn icmp(kind: u8, code: u8, rest: [u8; 4], body: &[u8]) -> Vec<u8> {
    join(&[&[kind, code, 0, 0], &rest, body])
}

/// A frame in VXLAN.
pub fn vxlan(flags: u8, vni: u32, frame: &[u8]) -> Vec<u8> {
    join(&[&[flags, 0, 0, 0], &(vni << 8).to_be_bytes(), frame])
}

/// A DNS message.
pub fn dns(id: u16, flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
    let mut message = join(&[&id.to_be_bytes(), &flags.to_be_bytes()]);
    message.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    message.extend(rest);
    message
}

/// A name of the DNS, uncompressed.
pub fn name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A question of the DNS.
pub fn question(of: &str, kind: u16, class: u16) -> Vec<u8> {
    join(&[&name(of), &kind.to_be_bytes(), &class.to_be_bytes()])
}

/// A record of the DNS, with the name that is at 12.
pub fn record(kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
    join(&[
        &[0xc0, 12],
        &kind.to_be_bytes(),
        &class.to_be_bytes(),
        &300u32.to_be_bytes(),
        &(data.len() as u16).to_be_bytes(),
        data,
    ])
}

/// A message of DHCP with its options, which end in 255.
pub fn dhcp(operation: u8, your: [u8; 4], options: &[u8]) -> Vec<u8> {
    let mut message = join(&[
        &[operation, 1, 6, 0],
        &0xdead_beefu32.to_be_bytes(),
        &[0, 3, 0x80, 0],
        &[0; 4],
        &your,
        &[0; 8],
        &LEFT,
    ]);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99]);
    message.extend(options);
    message
}

/// An option of TCP with its data, filled up with NOPs to a multiple of 4 bytes.
pub fn tcp_options(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut options = join(&[&[kind, data.len() as u8 + 2], data]);
    options.resize(options.len().next_multiple_of(4), 1);
    options
}
