//! What a packet was changed into between two sightings.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::identity::{Facts, Tunnel};
use super::likeness::{Content, How};
use crate::Mac;

/// One thing that is different from the sighting before; each has what it was and what it is.
///
/// Checksums are not among them: they follow from the rest, or are left to be filled in by hardware
/// that veth pairs don't have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The time to live (RFC 791), or IPv6's hop limit (RFC 8200).
    Ttl(u8, u8),
    /// The Ethernet addresses.
    Mac {
        /// That of the sender, where it is another.
        #[serde(serialize_with = "macs")]
        source: Option<(Mac, Mac)>,
        /// That of the receiver, where it is another.
        #[serde(serialize_with = "macs")]
        destination: Option<(Mac, Mac)>,
    },
    /// Source address and port, under NAT.
    Source(Endpoint, Endpoint),
    /// Destination address and port, under NAT.
    Destination(Endpoint, Endpoint),
    /// The identifier of an ICMP echo, under NAT.
    EchoId(u16, u16),
    /// The type of service (IPv4) or traffic class (IPv6): DSCP, and the ECN bits that a full queue
    /// sets (RFC 3168).
    Tos(u8, u8),
    /// The greatest segment that a TCP handshake offers, clamped by a router (RFC 9293, 3.7.1).
    Mss(u16, u16),
    /// VLAN tags were put on (IEEE 802.1Q): their IDs, outermost first.
    Tagged(Vec<u16>),
    /// VLAN tags were taken off.
    Untagged(Vec<u16>),
    /// It goes on within another packet.
    Encapsulated(Outer),
    /// It came out of another packet.
    Decapsulated(Outer),
    /// It is only a part of the packet (RFC 791, 3.2): from this byte of the packet's content on, so
    /// many bytes.
    Fragment(u32, u32),
    /// All fragments were put together; this is the way of the first.
    Reassembled,
    /// It is only a part of a greater segment (TSO, GSO): from this byte of it on, so many bytes.
    Segment(u32, u32),
    /// Segments were put together into one (GRO); this is the way of the first.
    Merged,
    /// It came a second time (netem's `duplicate`).
    Again,
}

/// The packet around another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outer {
    /// How it is wrapped, as [`fmt::Display`] of [`Change`] says it: `UDP 4789, vni 42`.
    pub kind: String,
    /// From where to where.
    pub between: Option<(IpAddr, IpAddr)>,
}

/// An address, with the port where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port of TCP, UDP or SCTP.
    pub port: Option<u16>,
}

/// As tcpdump writes it: the port after a dot.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}.{port}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

fn macs<S: serde::Serializer>(pair: &Option<(Mac, Mac)>, to: S) -> Result<S::Ok, S::Error> {
    pair.map(|(from, into)| (from.to_string(), into.to_string())).serialize(to)
}

/// On a journey's line: `ttl 64→63`, `src 10.0.0.2.4000→192.0.2.1.4000`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = |f: &mut fmt::Formatter<'_>, outer: &Outer| match outer.between {
            Some((from, to)) => write!(f, "{}, {from} > {to}", outer.kind),
            None => write!(f, "{}", outer.kind),
        };
        match self {
            Self::Ttl(from, to) => write!(f, "ttl {from}→{to}"),
            Self::Mac { source: Some(_), destination: Some(_) } => write!(f, "mac"),
            Self::Mac { source: Some((from, to)), .. } => write!(f, "src mac {from}→{to}"),
            Self::Mac { destination: Some((from, to)), .. } => write!(f, "dst mac {from}→{to}"),
            Self::Mac { .. } => Ok(()),
            Self::Source(from, to) => write!(f, "src {from}→{to}"),
            Self::Destination(from, to) => write!(f, "dst {from}→{to}"),
            Self::EchoId(from, to) => write!(f, "id {from}→{to}"),
            Self::Tos(from, to) => write!(f, "tos {from:#x}→{to:#x}"),
            Self::Mss(from, to) => write!(f, "mss {from}→{to}"),
            Self::Tagged(ids) => numbers(f, "+vlan", ids),
            Self::Untagged(ids) => numbers(f, "-vlan", ids),
            Self::Encapsulated(outer) => {
                write!(f, "in ")?;
                between(f, outer)
            }
            Self::Decapsulated(outer) => {
                write!(f, "out of ")?;
                between(f, outer)
            }
            Self::Fragment(from, length) => write!(f, "fragment {from}+{length}"),
            Self::Reassembled => write!(f, "reassembled"),
            Self::Segment(from, length) => write!(f, "segment {from}+{length}"),
            Self::Merged => write!(f, "merged"),
            Self::Again => write!(f, "again"),
        }
    }
}

fn numbers(f: &mut fmt::Formatter<'_>, word: &str, ids: &[u16]) -> fmt::Result {
    write!(f, "{word}")?;
    ids.iter().try_for_each(|id| write!(f, " {id}"))
}

/// What became of `from`: it was seen next as `to`, and this is how that came about.
pub(super) fn changes(from: &Facts, to: &Facts, how: How, content: Content) -> Vec<Change> {
    let mut changes = Vec::new();
    match how {
        How::Encapsulated => {
            if let Some(inner) = &to.inner {
                layer(from, &inner.facts, content, &mut changes);
                changes.push(Change::Encapsulated(outer(inner.tunnel, to)));
            }
            if let Some(piece) = to.piece {
                changes.push(Change::Fragment(piece.offset, to.length));
            }
        }
        How::Decapsulated => {
            if let Some(inner) = &from.inner {
                layer(&inner.facts, to, content, &mut changes);
                changes.push(Change::Decapsulated(outer(inner.tunnel, from)));
            }
        }
        _ => layer(from, to, content, &mut changes),
    }
    changes
}

fn outer(tunnel: Tunnel, around: &Facts) -> Outer {
    let between = around.flow.map(|flow| (flow.source, flow.destination));
    Outer { kind: tunnel.to_string(), between }
}

fn layer(from: &Facts, to: &Facts, content: Content, changes: &mut Vec<Change>) {
    tags(from.vlans.ids(), to.vlans.ids(), changes);
    if from.flow.is_some() && from.ttl != to.ttl {
        changes.push(Change::Ttl(from.ttl, to.ttl));
    }
    if let (Some(before), Some(after)) = (from.macs, to.macs) {
        let other = |from, to| (from != to).then_some((from, to));
        let source = other(before.0, after.0);
        let destination = other(before.1, after.1);
        if source.is_some() || destination.is_some() {
            changes.push(Change::Mac { source, destination });
        }
    }
    translation(from, to, changes);
    if from.flow.is_some() && from.tos != to.tos {
        changes.push(Change::Tos(from.tos, to.tos));
    }
    if let (Some(before), Some(after)) = (from.mss, to.mss)
        && before != after
    {
        changes.push(Change::Mss(before, after));
    }
    match content {
        Content::Same => {}
        Content::Fragment => {
            let start = from.piece.map_or(0, |piece| piece.offset);
            let offset = to.piece.map_or(0, |piece| piece.offset);
            changes.push(Change::Fragment(offset.saturating_sub(start), to.length));
        }
        Content::Reassembled => changes.push(Change::Reassembled),
        Content::Segment => {
            if let (Some(whole), Some(part)) = (from.stream, to.stream) {
                let offset = part.sequence.wrapping_sub(whole.sequence);
                changes.push(Change::Segment(offset, part.length));
            }
        }
        Content::Merged => changes.push(Change::Merged),
    }
}

fn tags(from: &[u16], to: &[u16], changes: &mut Vec<Change>) {
    // The innermost ones that both have stayed on.
    let kept = from.iter().rev().zip(to.iter().rev()).take_while(|(from, to)| from == to).count();
    let (off, on) = (&from[..from.len() - kept], &to[..to.len() - kept]);
    if !off.is_empty() {
        changes.push(Change::Untagged(off.to_vec()));
    }
    if !on.is_empty() {
        changes.push(Change::Tagged(on.to_vec()));
    }
}

fn translation(from: &Facts, to: &Facts, changes: &mut Vec<Change>) {
    let (Some(before), Some(after)) = (from.flow, to.flow) else { return };
    if from.is_later_piece() || to.is_later_piece() {
        if before.source != after.source {
            let end = |address| Endpoint { address, port: None };
            changes.push(Change::Source(end(before.source), end(after.source)));
        }
        if before.destination != after.destination {
            let end = |address| Endpoint { address, port: None };
            changes.push(Change::Destination(end(before.destination), end(after.destination)));
        }
        return;
    }
    let port = |port| from.has_ports.then_some(port);
    let end = |address, number| Endpoint { address, port: port(number) };
    let echo = !from.has_ports && before.ports != after.ports;
    if before.source != after.source || from.has_ports && before.ports.0 != after.ports.0 {
        let (old, new) = (end(before.source, before.ports.0), end(after.source, after.ports.0));
        changes.push(Change::Source(old, new));
    }
    if before.destination != after.destination || from.has_ports && before.ports.1 != after.ports.1
    {
        let old = end(before.destination, before.ports.1);
        let new = end(after.destination, after.ports.1);
        changes.push(Change::Destination(old, new));
    }
    if echo {
        // One of the two is zero: which one has the identifier tells a request from a reply.
        let id = |ports: (u16, u16)| ports.0 | ports.1;
        changes.push(Change::EchoId(id(before.ports), id(after.ports)));
    }
}
