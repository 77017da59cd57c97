//! What rules look at, and its values, in the words of `nft(8)`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::nft::uapi::{family, meta, payload};

/// TCP (RFC 9293) and UDP (RFC 768).
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
/// ICMP (RFC 792) and ICMPv6 (RFC 4443).
pub const ICMP: u8 = 1;
pub const ICMPV6: u8 = 58;

/// What is known of a packet's protocols at some place of a rule.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// `NFPROTO_…`.
    pub network: Option<u8>,
    /// The IP protocol.
    pub transport: Option<u8>,
}

/// Something of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The name of the device it came in by.
    Iifname,
    /// The name of the one it goes out by.
    Oifname,
    /// `NFPROTO_…`.
    Nfproto,
    /// The IP protocol, whatever the IP.
    L4proto,
    /// The mark.
    Mark,
    /// The state of its connection.
    CtState,
    /// A part of the header of IPv4 or IPv6.
    Network {
        /// IPv6.
        v6: bool,
        /// What.
        part: Part,
    },
    /// A port.
    Port {
        /// The name of the header: `th` for that of any.
        header: &'static str,
        /// The source's.
        source: bool,
    },
    /// Both ports, one behind the other.
    Ports {
        /// The name of the header.
        header: &'static str,
    },
    /// The type of an ICMP or ICMPv6 message.
    IcmpType {
        /// ICMPv6.
        v6: bool,
    },
}

/// A part of an IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The source's address.
    Source,
    /// The destination's address.
    Destination,
    /// What is behind it.
    Protocol,
    /// TTL, hop limit.
    Ttl,
}

impl Field {
    /// What `meta` loads.
    pub fn meta(key: u32) -> Option<Self> {
        Some(match key {
            meta::IIFNAME => Self::Iifname,
            meta::OIFNAME => Self::Oifname,
            meta::NFPROTO => Self::Nfproto,
            meta::L4PROTO => Self::L4proto,
            meta::MARK => Self::Mark,
            _ => return None,
        })
    }

    /// What so many bytes of a header at a place are.
    pub fn payload(base: u32, offset: u32, length: u32, known: Known) -> Option<Self> {
        let v6 = match (base, known.network) {
            (payload::NETWORK, Some(family::IPV4)) => false,
            (payload::NETWORK, Some(family::IPV6)) => true,
            (payload::TRANSPORT, _) => return Self::transport(offset, length, known.transport),
            _ => return None,
        };
        // RFC 791, 3.1, and RFC 8200, 3. Of an address the first bytes may be enough.
        let part = match (v6, offset, length) {
            (false, 12, 1..=4) | (true, 8, 1..=16) => Part::Source,
            (false, 16, 1..=4) | (true, 24, 1..=16) => Part::Destination,
            (false, 9, 1) | (true, 6, 1) => Part::Protocol,
            (false, 8, 1) | (true, 7, 1) => Part::Ttl,
            _ => return None,
        };
        Some(Self::Network { v6, part })
    }

    fn transport(offset: u32, length: u32, protocol: Option<u8>) -> Option<Self> {
        let header = match protocol {
            Some(TCP) => "tcp",
            Some(UDP) => "udp",
            None => "th",
            Some(ICMP | ICMPV6) if (offset, length) == (0, 1) => {
                return Some(Self::IcmpType { v6: protocol == Some(ICMPV6) });
            }
            Some(_) => return None,
        };
        match (offset, length) {
            (0, 2) => Some(Self::Port { header, source: true }),
            (2, 2) => Some(Self::Port { header, source: false }),
            (0, 4) => Some(Self::Ports { header }),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Iifname => "iifname".to_owned(),
            Self::Oifname => "oifname".to_owned(),
            Self::Nfproto => "meta nfproto".to_owned(),
            Self::L4proto => "meta l4proto".to_owned(),
            Self::Mark => "meta mark".to_owned(),
            Self::CtState => "ct state".to_owned(),
            Self::Network { v6, part } => {
                let header = if v6 { "ip6" } else { "ip" };
                let part = match (part, v6) {
                    (Part::Source, _) => "saddr",
                    (Part::Destination, _) => "daddr",
                    (Part::Protocol, false) => "protocol",
                    (Part::Protocol, true) => "nexthdr",
                    (Part::Ttl, false) => "ttl",
                    (Part::Ttl, true) => "hoplimit",
                };
                format!("{header} {part}")
            }
            Self::Port { header, source } => {
                format!("{header} {}", if source { "sport" } else { "dport" })
            }
            Self::Ports { header } => format!("{header} ports"),
            Self::IcmpType { v6: false } => "icmp type".to_owned(),
            Self::IcmpType { v6: true } => "icmpv6 type".to_owned(),
        }
    }

    /// A value of it; `None` where there are no words for it here.
    pub fn value(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Iifname | Self::Oifname => name_of_device(bytes),
            Self::Nfproto => match bytes {
                [family::IPV4] => Some("ipv4".to_owned()),
                [family::IPV6] => Some("ipv6".to_owned()),
                _ => None,
            },
            Self::L4proto => protocol(bytes),
            Self::Mark => {
                let mark = u32::from_ne_bytes(bytes.try_into().ok()?);
                Some(format!("0x{mark:08x}"))
            }
            Self::CtState => states(u32::from_ne_bytes(bytes.try_into().ok()?)),
            Self::Network { v6, part: Part::Source | Part::Destination } => address(v6, bytes),
            Self::Network { part: Part::Protocol, .. } => protocol(bytes),
            Self::Network { part: Part::Ttl, .. } => Some(bytes.first()?.to_string()),
            Self::Port { .. } => Some(u16::from_be_bytes(bytes.try_into().ok()?).to_string()),
            Self::Ports { .. } => None,
            Self::IcmpType { v6 } => icmp_type(v6, *bytes.first()?),
        }
    }

    /// A value of which only the bits of the mask count: a prefix, or some states.
    pub fn masked(self, mask: &[u8], bytes: &[u8]) -> Option<String> {
        let Self::Network { v6, part: Part::Source | Part::Destination } = self else {
            return None;
        };
        let length = mask.iter().map(|byte| byte.leading_ones()).sum::<u32>();
        let ones = mask.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let is_prefix = ones == length
            && mask.iter().rev().skip_while(|byte| **byte == 0).skip(1).all(|byte| *byte == 0xff);
        is_prefix.then(|| Some(format!("{}/{length}", full(v6, bytes)?)))?
    }
}

/// A name with its NULs; without any, the beginning of one.
fn name_of_device(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let name = std::str::from_utf8(&bytes[..end.unwrap_or(bytes.len())]).ok()?;
    // `nft` writes these in other ways.
    if name.is_empty() || name.contains(['*', '"', '\\']) {
        return None;
    }
    Some(if end.is_some() { format!("\"{name}\"") } else { format!("\"{name}*\"") })
}

/// In the words of `/etc/protocols`, which `nft` takes them from.
fn protocol(bytes: &[u8]) -> Option<String> {
    Some(match bytes {
        [ICMP] => "icmp".to_owned(),
        [TCP] => "tcp".to_owned(),
        [UDP] => "udp".to_owned(),
        [ICMPV6] => "ipv6-icmp".to_owned(),
        _ => return None,
    })
}

/// The bits of a connection's state (`NF_CT_STATE_…`, `linux/netfilter/nf_conntrack_common.h`).
pub fn states(bits: u32) -> Option<String> {
    const STATES: [(u32, &str); 5] = [
        (0x1, "invalid"),
        (0x2, "established"),
        (0x4, "related"),
        (0x8, "new"),
        (0x40, "untracked"),
    ];
    let known = STATES.iter().map(|(bit, _)| bit).sum::<u32>();
    let words: Vec<&str> =
        STATES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| *word).collect();
    (bits & !known == 0 && !words.is_empty()).then(|| words.join(","))
}

/// An address; of the first bytes of one, the prefix that they are.
fn address(v6: bool, bytes: &[u8]) -> Option<String> {
    let address = full(v6, bytes)?;
    let whole = if v6 { 16 } else { 4 };
    Some(if bytes.len() == whole { address } else { format!("{address}/{}", bytes.len() * 8) })
}

/// An address, with zeros for the bytes that are missing.
fn full(v6: bool, bytes: &[u8]) -> Option<String> {
    let mut all = bytes.to_vec();
    all.resize(all.len().max(if v6 { 16 } else { 4 }), 0);
    Some(if v6 {
        Ipv6Addr::from(<[u8; 16]>::try_from(all).ok()?).to_string()
    } else {
        Ipv4Addr::from(<[u8; 4]>::try_from(all).ok()?).to_string()
    })
}

fn icmp_type(v6: bool, number: u8) -> Option<String> {
    let name = match (v6, number) {
        (false, 0) | (true, 129) => "echo-reply",
        (false, 8) | (true, 128) => "echo-request",
        (false, 3) | (true, 1) => "destination-unreachable",
        (false, 5) => "redirect",
        (false, 11) | (true, 3) => "time-exceeded",
        (false, 12) | (true, 4) => "parameter-problem",
        (true, 2) => "packet-too-big",
        (true, 133) => "nd-router-solicit",
        (true, 134) => "nd-router-advert",
        (true, 135) => "nd-neighbor-solicit",
        (true, 136) => "nd-neighbor-advert",
        (true, 137) => "nd-redirect",
        _ => return None,
    };
    Some(name.to_owned())
}
