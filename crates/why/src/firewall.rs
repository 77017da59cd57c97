//! The firewall of a node: what nftables did with the packet.

use std::net::IpAddr;

use twinax_topology::NodeName;

use crate::model::{Case, Found, Header};

/// What of a node's rules drops the packet.
pub fn drops(_case: Case<'_>, _node: &NodeName, _header: Header) -> Found {
    Ok(Vec::new())
}

/// What of a node's rules drops questions for a neighbour, and answers.
pub fn drops_neighbour(_case: Case<'_>, _node: &NodeName, _target: IpAddr) -> Found {
    Ok(Vec::new())
}

/// What of a node's rules drops a frame that a bridge passes on.
pub fn drops_bridged(_case: Case<'_>, _node: &NodeName, _sight: &crate::seen::Sight) -> Found {
    Ok(Vec::new())
}
