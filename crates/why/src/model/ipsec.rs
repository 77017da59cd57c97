//! IPsec: a policy of the node blocks a packet, or wants it wrapped, and it is not.
//!
//! What goes out is held against policies of direction `out` when its route is looked for, what is passed on against
//! `fwd` before that, what has arrived against `in` behind the firewall (`__xfrm_policy_check`,
//! `xfrm_lookup_with_ifid`, `net/xfrm/xfrm_policy.c`).

use std::net::IpAddr;

use twinax_kernel::replay::{Policy, PolicyDirection};
use twinax_topology::NodeName;

use super::{Case, Found, Header};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};

/// The policies of a node that may stop a packet which goes this way.
pub fn stops(case: Case<'_>, node: &NodeName, header: Header, direction: PolicyDirection) -> Found {
    let policies = case.facts.policies(node)?;
    let is_for = |own: &&Policy| {
        let from = header.source.is_none_or(|from: IpAddr| own.from.contains(&from));
        own.direction == direction
            && from
            && own.to.contains(&header.destination)
            && own.is_for(header.protocol, header.ports)
            && (own.blocks || own.wraps)
    };
    Ok(policies.iter().filter(is_for).map(|policy| suspect(node, header, policy)).collect())
}

fn suspect(node: &NodeName, header: Header, policy: &Policy) -> Suspect {
    let name = header.name();
    let does = match (policy.blocks, policy.direction) {
        (true, _) => format!("blocks {name}"),
        (false, PolicyDirection::Out) => {
            format!("wants {name} wrapped, and nobody has agreed with the other side how")
        }
        (false, _) => format!("takes {name} only wrapped"),
    };
    let says = format!("An IPsec policy of {node} ({policy}) {does}.");
    let action = if policy.blocks { "block" } else { "tmpl" };
    let cause = Cause::new(Kind::IpsecPolicy, node, says).by(policy.to_string(), action);
    let seen = Evidence::new(Mark::Observed, format!("{node} has the policy {policy}: {action}"))
        .with(format!("ip -n {node} xfrm policy"));
    let gone =
        Op::IpsecPolicy { node: node.clone(), policy: Box::new(policy.clone()), there: false };
    Suspect::new(cause).because(seen).mended_by(Remedy { ops: vec![gone] })
}
