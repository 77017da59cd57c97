//! Which packets are traced: the words for it, as the expressions of rules.

use serde::{Deserialize, Serialize};
use twinax_packet::decode::{ethertype, protocol};

use crate::nft::chain::Family;
use crate::nft::expression::Expression;
use crate::nft::uapi::{meta, payload, register};

/// How many bytes nf_tables compares at once: `NFT_REG_SIZE`, `linux/netfilter/nf_tables.h`.
const AT_ONCE: usize = 16;
/// The headers of ICMP (RFC 792) and ICMPv6 (RFC 4443) errors, behind which is the packet that is
/// the matter.
const ICMP_HEADER: u32 = 8;

/// What a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// ICMP.
    Icmp,
    /// ICMPv6; so neighbour discovery, too.
    Icmpv6,
    /// UDP over either IP.
    Udp,
    /// TCP over either IP.
    Tcp,
    /// ARP.
    Arp,
    /// GRE (RFC 2784).
    Gre,
    /// IPv4 in IP (RFC 2003, RFC 2473).
    Ipv4InIp,
    /// IPv6 in IP (RFC 4213, RFC 2473).
    Ipv6InIp,
}

impl Protocol {
    /// Its IP protocol number.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Icmp => Some(1),
            Self::Tcp => Some(6),
            Self::Udp => Some(17),
            Self::Icmpv6 => Some(58),
            Self::Ipv4InIp => Some(4),
            Self::Ipv6InIp => Some(41),
            Self::Gre => Some(47),
            Self::Arp => None,
        }
    }
}

/// Which packets are to be traced: those of a protocol that have all that is said here. What ports
/// are said counts for answers, too, the other way round. Errors (ICMP) about such a packet are
/// traced with it, and so are later fragments of its protocol, which have nothing of this.
///
/// ```
/// use twinax_kernel::nft::trace::{Probe, Protocol};
///
/// // An echo request or reply that has this at the beginning of its data.
/// let nonce = *b"twinax42";
/// let echo = Probe::new(Protocol::Icmp).with(8, nonce);
/// // A DNS query to port 53 and its answer.
/// let query = Probe::new(Protocol::Udp).ports(None, Some(53));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// What it is.
    pub protocol: Protocol,
    /// Bytes that it has, each with the place from the beginning of its transport header; of ARP, from
    /// the beginning of its packet (RFC 826). NAT changes addresses, ports, checksums and the
    /// identifier of an echo, and no data.
    pub bytes: Vec<(u32, Vec<u8>)>,
    /// The port that the probe comes from, and the one it goes to.
    pub ports: (Option<u16>, Option<u16>),
}

impl Probe {
    /// All packets of this protocol.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, bytes: Vec::new(), ports: (None, None) }
    }

    /// Those of them that have these bytes at this place from the beginning of the transport
    /// header; of ARP, from the beginning of the packet.
    #[must_use]
    pub fn with(mut self, offset: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.bytes.push((offset, bytes.into()));
        self
    }

    /// Those of them that come from the one port and go to the other, and their answers.
    #[must_use]
    pub fn ports(mut self, source: Option<u16>, destination: Option<u16>) -> Self {
        self.ports = (source, destination);
        self
    }

    /// The rules that mark such a packet in a table of this family, each as its expressions. None
    /// where the family never sees one.
    pub(super) fn rules(&self, family: Family) -> Vec<Vec<Expression>> {
        let arp = self.protocol == Protocol::Arp;
        match family {
            Family::Arp if !arp => return Vec::new(),
            Family::Inet | Family::Ip | Family::Ip6 if arp => return Vec::new(),
            _ => {}
        }
        let Some(number) = self.protocol.number() else {
            let ethertype = meta_is(meta::PROTOCOL, ethertype::ARP.to_be_bytes().to_vec());
            let rule = ethertype.into_iter().filter(|_| family != Family::Arp);
            let rule = rule.chain(same(payload::NETWORK, 0, &self.bytes)).collect();
            return vec![marking(rule)];
        };
        let mut rules = if self.is_any() { Vec::new() } else { fragments(number) };
        for bytes in self.ways() {
            let itself = meta_is(meta::L4PROTO, vec![number]).into_iter();
            rules.push(itself.chain(same(payload::TRANSPORT, 0, &bytes)).collect());
            for (icmp, header, protocol_at) in [(1, 20, 9), (58, 40, 6)] {
                // Of an IPv4 header with options nothing is found here. Nobody sends such a probe.
                let told = meta_is(meta::L4PROTO, vec![icmp]).into_iter();
                let told = told.chain(same(
                    payload::TRANSPORT,
                    ICMP_HEADER,
                    &[(protocol_at, vec![number])],
                ));
                let of = same(payload::TRANSPORT, ICMP_HEADER + header, &bytes);
                rules.push(told.chain(of).collect());
            }
        }
        rules.into_iter().map(marking).collect()
    }

    /// Whether it is every packet of its protocol.
    fn is_any(&self) -> bool {
        self.bytes.is_empty() && self.ports == (None, None)
    }

    /// The bytes with the ports among them, there and, where that is another, back.
    fn ways(&self) -> Vec<Vec<(u32, Vec<u8>)>> {
        let with = |source: Option<u16>, destination: Option<u16>| {
            let ports = [(0, source), (2, destination)].into_iter();
            let ports = ports.filter_map(|(at, port)| Some((at, port?.to_be_bytes().to_vec())));
            self.bytes.iter().cloned().chain(ports).collect()
        };
        let (source, destination) = self.ports;
        let mut ways = vec![with(source, destination)];
        if source != destination {
            ways.push(with(destination, source));
        }
        ways
    }
}

/// Fragments of a protocol but the first, by the offset of IPv4; all of IPv6.
fn fragments(number: u8) -> Vec<Vec<Expression>> {
    let of = |ethertype: u16, offset, length, rest: Vec<Expression>| {
        let mut rule = Vec::from(meta_is(meta::PROTOCOL, ethertype.to_be_bytes().to_vec()));
        rule.extend(meta_is(meta::L4PROTO, vec![number]));
        rule.push(Expression::Payload { base: payload::NETWORK, offset, length });
        rule.extend(rest);
        rule
    };
    let begins_later = vec![Expression::Mask(vec![0x1f, 0xff]), Expression::NotEqual(vec![0, 0])];
    let is_fragment = vec![Expression::Equal(vec![protocol::FRAGMENT])];
    vec![of(ethertype::IPV4, 6, 2, begins_later), of(ethertype::IPV6, 6, 1, is_fragment)]
}

/// `meta nftrace set 1` for what the expressions let through.
fn marking(mut rule: Vec<Expression>) -> Vec<Expression> {
    rule.extend([Expression::Load(register::FIRST, vec![1]), Expression::SetMeta(meta::NFTRACE)]);
    rule
}

fn meta_is(key: u32, value: Vec<u8>) -> [Expression; 2] {
    [Expression::Meta(key), Expression::Equal(value)]
}

/// A header has these bytes, each place counted from this one.
fn same(base: u32, from: u32, bytes: &[(u32, Vec<u8>)]) -> Vec<Expression> {
    let mut expressions = Vec::new();
    for (offset, bytes) in bytes {
        let mut offset = from + offset;
        for chunk in bytes.chunks(AT_ONCE) {
            let length = chunk.len() as u32;
            expressions.push(Expression::Payload { base, offset, length });
            expressions.push(Expression::Equal(chunk.to_vec()));
            offset += length;
        }
    }
    expressions
}
