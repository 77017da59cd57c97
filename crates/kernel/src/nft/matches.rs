//! The words of one rule as expressions: the same expressions that `nft` makes of the rule's text
//! in [`twinax_plan::firewall`], so that `nft list ruleset` finds the words again.

use ipnet::IpNet;
use twinax_topology::{Dnat, Filter, IfName, Verdict};

use super::expression::Expression;
use super::uapi::{ct, family, meta, payload, register, reject, verdict};

/// The size of an interface name in a register: `IFNAMSIZ`, `linux/if.h`.
const IF_NAME: usize = 16;

/// The expressions of a filter.
pub fn filter(filter: &Filter) -> Vec<Expression> {
    let mut rule = Vec::new();
    rule.extend(filter.iif.iter().flat_map(|name| interface(meta::IIFNAME, name)));
    rule.extend(filter.oif.iter().flat_map(|name| interface(meta::OIFNAME, name)));
    let addresses = [(filter.from, Side::Source), (filter.to, Side::Destination)];
    let mut known = None;
    for (net, side) in addresses {
        let Some(net) = net else { continue };
        let family = family_of(&net);
        // `nft` says the family once for all matches that rest on it.
        if known != Some(family) {
            rule.extend(equal(meta::NFPROTO, vec![family]));
            known = Some(family);
        }
        rule.extend(address(net, side));
    }
    rule.extend(filter.protocol.iter().flat_map(|p| equal(meta::L4PROTO, vec![p.number()])));
    rule.extend(ports(filter.sport, filter.dport));
    if filter.established {
        rule.extend(established());
    }
    rule.push(match filter.verdict {
        Verdict::Accept => Expression::Verdict(verdict::ACCEPT),
        Verdict::Drop => Expression::Verdict(verdict::DROP),
        Verdict::Reject => port_unreachable(known),
    });
    rule
}

/// The expressions of a port forwarding.
pub fn dnat(dnat: &Dnat) -> Vec<Expression> {
    let mut rule = Vec::new();
    rule.extend(dnat.iif.iter().flat_map(|name| interface(meta::IIFNAME, name)));
    let (family, address) = match dnat.to.ip() {
        std::net::IpAddr::V4(to) => (family::IPV4, to.octets().to_vec()),
        std::net::IpAddr::V6(to) => (family::IPV6, to.octets().to_vec()),
    };
    rule.extend(equal(meta::NFPROTO, vec![family]));
    rule.extend(equal(meta::L4PROTO, vec![dnat.protocol.number()]));
    rule.extend(ports(None, Some(dnat.dport)));
    rule.push(Expression::Load(register::FIRST, address));
    rule.push(Expression::Load(register::SECOND, dnat.to.port().to_be_bytes().to_vec()));
    rule.push(Expression::DestinationNat(family));
    rule
}

/// The expressions for an interface to masquerade.
pub fn masquerade(name: &IfName) -> Vec<Expression> {
    let mut rule = interface(meta::OIFNAME, name).to_vec();
    rule.push(Expression::Masquerade);
    rule
}

/// Which address of a packet.
#[derive(Debug, Clone, Copy)]
enum Side {
    Source,
    Destination,
}

fn equal(key: u32, bytes: Vec<u8>) -> [Expression; 2] {
    [Expression::Meta(key), Expression::Equal(bytes)]
}

fn interface(key: u32, name: &IfName) -> [Expression; 2] {
    let mut bytes = name.as_str().as_bytes().to_vec();
    bytes.resize(IF_NAME, 0);
    equal(key, bytes)
}

fn family_of(net: &IpNet) -> u8 {
    match net {
        IpNet::V4(_) => family::IPV4,
        IpNet::V6(_) => family::IPV6,
    }
}

/// The address of a packet is in these. Of a prefix of whole bytes only those bytes are looked at;
/// of another the whole address, masked.
fn address(net: IpNet, side: Side) -> Vec<Expression> {
    let (net, length) = (net.trunc(), net.prefix_len());
    let (bytes, mask) = match net {
        IpNet::V4(net) => (net.addr().octets().to_vec(), net.netmask().octets().to_vec()),
        IpNet::V6(net) => (net.addr().octets().to_vec(), net.netmask().octets().to_vec()),
    };
    // RFC 791, 3.1, and RFC 8200, 3: where the addresses are in the header.
    let offset = match (net, side) {
        (IpNet::V4(_), Side::Source) => 12,
        (IpNet::V4(_), Side::Destination) => 16,
        (IpNet::V6(_), Side::Source) => 8,
        (IpNet::V6(_), Side::Destination) => 24,
    };
    let base = payload::NETWORK;
    let whole_bytes = length > 0 && length.is_multiple_of(8);
    if whole_bytes {
        let length = u32::from(length / 8);
        let bytes = bytes[..length as usize].to_vec();
        vec![Expression::Payload { base, offset, length }, Expression::Equal(bytes)]
    } else {
        let length = bytes.len() as u32;
        vec![
            Expression::Payload { base, offset, length },
            Expression::Mask(mask),
            Expression::Equal(bytes),
        ]
    }
}

/// The ports of a packet. They are neighbours in TCP (RFC 9293, 3.1) and UDP (RFC 768): both are
/// looked at in one.
fn ports(source: Option<u16>, destination: Option<u16>) -> Vec<Expression> {
    let offset = if source.is_some() { 0 } else { 2 };
    let bytes: Vec<u8> =
        [source, destination].into_iter().flatten().flat_map(u16::to_be_bytes).collect();
    if bytes.is_empty() {
        return Vec::new();
    }
    let (base, length) = (payload::TRANSPORT, bytes.len() as u32);
    vec![Expression::Payload { base, offset, length }, Expression::Equal(bytes)]
}

/// A state of the connection is a number of this machine's, not of the network's, byte order.
fn established() -> [Expression; 3] {
    let states = ct::ESTABLISHED | ct::RELATED;
    [
        Expression::ConnectionState,
        Expression::Mask(states.to_ne_bytes().to_vec()),
        Expression::NotEqual(0_u32.to_ne_bytes().to_vec()),
    ]
}

/// What `reject` alone means: "port unreachable", of the family that the rule is for.
fn port_unreachable(known: Option<u8>) -> Expression {
    match known {
        Some(family::IPV4) => Expression::Reject(reject::ICMP_UNREACH, reject::ICMP_PORT_UNREACH),
        Some(family::IPV6) => Expression::Reject(reject::ICMP_UNREACH, reject::ICMPV6_PORT_UNREACH),
        _ => Expression::Reject(reject::ICMPX_UNREACH, reject::ICMPX_PORT_UNREACH),
    }
}
