//! What a node has made of the addresses and ports of a packet, before it has looked for its route.

use twinax_kernel::nft::trace::{Headers, Passed};
use twinax_packet::decode::Network;
use twinax_packet::{LinkType, Packet};
use twinax_topology::NodeName;

use super::Flow;

/// A translation (NAT) of a packet that has come to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The node.
    pub node: NodeName,
    /// What the packet was.
    pub before: Flow,
    /// What it is now.
    pub after: Flow,
}

impl Translation {
    /// What a packet that has passed shows; `None`: it is what it was.
    pub fn of(node: &NodeName, passed: &Passed) -> Option<Self> {
        let before = flow(&passed.before)?;
        let after = flow(&passed.after)?;
        (before != after).then(|| Self { node: node.clone(), before, after })
    }
}

/// The conversation that a packet belongs to of which these are the headers.
fn flow(headers: &Headers) -> Option<Flow> {
    in_headers(headers, Flow::of).flatten()
}

/// What the packet is of which these are the headers; `None`: none of IP.
pub fn in_headers<T>(headers: &Headers, read: impl FnOnce(&Packet<'_>) -> T) -> Option<T> {
    let bytes = [&headers.network[..], &headers.transport[..]].concat();
    let packet = Packet::decode(LinkType::Raw, &bytes, bytes.len() as u32);
    (!matches!(packet.network, Network::None)).then(|| read(&packet))
}
