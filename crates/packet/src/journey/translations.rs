//! What was seen of address translation: which flow came out of a node as which.
//!
//! A NAT does to all packets of a flow what it did to the first (conntrack). So two packets that
//! differ only in what a NAT changes are told apart by what happened to their flows before.

use std::collections::HashMap;
use std::net::IpAddr;

use super::digest::Plain;
use super::identity::with_flow;

/// How many flows are remembered at least, of those seen last; at most it is twice as many.
const REMEMBERED: usize = 32_768;

/// What a NAT may change: addresses, and ports or the identifier of an ICMP echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flow {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    /// Ports, or the identifier in the place of the one port that an echo has.
    pub(super) ports: (u16, u16),
}

impl Flow {
    /// The flow of the answers.
    pub(super) fn mirrored(self) -> Self {
        let ports = (self.ports.1, self.ports.0);
        Self { source: self.destination, destination: self.source, ports, ..self }
    }

    /// In how many of its parts it differs from another.
    pub(super) fn differences(&self, other: &Self) -> u32 {
        u32::from(self.source != other.source)
            + u32::from(self.destination != other.destination)
            + u32::from(self.ports.0 != other.ports.0)
            + u32::from(self.ports.1 != other.ports.1)
    }
}

/// The translations seen, by the digest of node and flow.
#[derive(Debug, Default)]
pub(super) struct Translations {
    young: HashMap<u64, Flow, Plain>,
    old: HashMap<u64, Flow, Plain>,
}

impl Translations {
    /// As which flow this one was last seen to leave a node.
    pub(super) fn of(&self, node: u32, flow: Flow) -> Option<Flow> {
        if self.young.is_empty() && self.old.is_empty() {
            return None;
        }
        let key = with_flow(node.into(), Some(flow));
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// Which flow was last seen to leave a node as this one.
    pub(super) fn before(&self, node: u32, flow: Flow) -> Option<Flow> {
        self.of(node, flow.mirrored()).map(Flow::mirrored)
    }

    /// A flow left a node as another; so its answers come the other way round.
    pub(super) fn remember(&mut self, node: u32, flow: Flow, other: Flow) {
        self.insert(node, flow, other);
        self.insert(node, other.mirrored(), flow.mirrored());
    }

    fn insert(&mut self, node: u32, flow: Flow, other: Flow) {
        self.young.insert(with_flow(node.into(), Some(flow)), other);
        if self.young.len() > REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
    }
}
