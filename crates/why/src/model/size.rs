//! Size: what does not fit into an MTU, and may not be fragmented.

use twinax_topology::{Change, NodeName, Sysctl};

use super::input::capital;
use super::{Case, Header, at};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;

/// The packet does not fit into an MTU, and may not be fragmented.
pub fn too_big(case: Case<'_>, node: &NodeName, dev: &str, header: Header, mtu: u32) -> Suspect {
    let out = at(node, dev);
    let says = format!(
        "{} has {} bytes and may not be fragmented, but only {mtu} fit through {out}.",
        capital(header.name()),
        header.length
    );
    let cause = Cause::new(Kind::TooBig, node, says).at(dev).by("mtu", mtu.to_string());
    let command = format!("ip -n {node} link show dev {dev}");
    let seen = Evidence::new(Mark::Observed, format!("{out} has an MTU of {mtu}")).with(command);
    let mut suspect = Suspect::new(cause).because(seen);
    let mut changes = Vec::new();
    for end in [Some(out.clone()), case.facts.peer(&out)].into_iter().flatten() {
        let small = case.facts.link(&end).is_some_and(|link| link.mtu < header.length);
        if let Some(place) = crate::remedy::place(&end).filter(|_| small) {
            changes.push(Change::Mtu(place, header.length.max(1500)));
        }
    }
    if !changes.is_empty() {
        // Who was told of the small MTU remembers it for ten minutes. Of IPv6 there is no such sysctl in a
        // user namespace (`ipv6_route_sysctl_init`, `net/ipv6/route.c`).
        if header.v4()
            && let Ok(key) = "net/ipv4/route/flush".parse()
        {
            let flush = Sysctl { key, value: "1".to_owned() };
            changes.push(Change::Sysctl(case.question.from.clone(), flush));
        }
        suspect = suspect.mended_by(Remedy::of(changes));
    }
    suspect
}
