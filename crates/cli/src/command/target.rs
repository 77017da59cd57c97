//! Whom a word of the command line means: an address, or a node or interface of a running lab.

use std::net::IpAddr;

use twinax_kernel::observe::What;
use twinax_lab::observe;
use twinax_lab::sandbox::Holder;
use twinax_plan::{ObservedLink, ObservedNode};
use twinax_topology::{Family, NodeName, Spot};

use super::{Wrong, names, running};
use crate::args;

/// Whom to reach.
pub enum Target {
    Address(IpAddr),
    Spot(Spot),
}

impl Target {
    /// What a word means in a lab.
    pub fn read(lab: &NodeName, holder: &Holder, word: &str) -> anyhow::Result<Self> {
        if let Ok(address) = word.parse() {
            return Ok(Self::Address(address));
        }
        // The lab is that of the sender; said again, it does no harm.
        let word = word.strip_prefix(&format!("{lab}/")).unwrap_or(word);
        let spot = args::spot(word).map_err(|error| {
            Wrong::new(format!("`{word}` is neither an address nor a node: {error}"))
        })?;
        if holder.has_node(&spot.node) {
            Ok(Self::Spot(spot))
        } else {
            Err(running::no_node(lab, holder, &spot.node).into())
        }
    }

    /// Its address just now, in the lab where the calling process is.
    pub fn address(&self, family: Option<Family>) -> anyhow::Result<IpAddr> {
        match self {
            Self::Spot(spot) => address_of(spot, family),
            Self::Address(address) => match family.filter(|wanted| *wanted != Family::of(*address))
            {
                Some(wanted) => {
                    let is = Family::of(*address);
                    Err(Wrong::new(format!("`{address}` is an {is} address, not {wanted}")).into())
                }
                None => Ok(*address),
            },
        }
    }
}

/// Tells where an address is on every link, so that only an interface could tell which is meant.
pub fn of_one_link(address: IpAddr, what: &str) -> Result<IpAddr, Wrong> {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let wrong = format!("`{address}` is on every link; {what} needs another address");
            Err(Wrong::new(wrong))
        }
        address => Ok(address),
    }
}

fn look(node: &NodeName) -> anyhow::Result<ObservedNode> {
    let what = What { addresses: true, ..What::default() };
    let mut seen = observe::nodes(vec![node.clone()], &what)?.nodes;
    Ok(seen.pop().map(|(_, node)| node).unwrap_or_default())
}

/// Tells where a node has no such interface.
pub fn has_interface(node: &NodeName, name: &str) -> anyhow::Result<()> {
    let links = look(node)?.links;
    match links.iter().any(|link| link.name == name) {
        true => Ok(()),
        false => Err(no_interface(node, name, &links).into()),
    }
}

/// That a node has no such interface, and what may have been meant.
pub fn no_interface(node: &NodeName, name: &str, links: &[ObservedLink]) -> Wrong {
    let there: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let wrong = Wrong::new(format!("node `{node}` has no interface `{name}`"));
    match names::meant(name, &there) {
        Some(hint) => wrong.hint(hint),
        None => wrong,
    }
}

/// The first address that a node or interface has just now: one of a family that was asked for, else
/// IPv4 before IPv6, and one by which others reach it before the rest.
fn address_of(spot: &Spot, family: Option<Family>) -> anyhow::Result<IpAddr> {
    let node = look(&spot.node)?;
    let name = spot.interface.as_ref().map(AsRef::as_ref);
    let mut links: Vec<&ObservedLink> =
        node.links.iter().filter(|link| name.is_none_or(|name| link.name == name)).collect();
    if let (Some(name), []) = (name, &links[..]) {
        return Err(no_interface(&spot.node, name, &node.links).into());
    }
    links.sort_by_key(|link| link.name == "lo");
    let all = links.iter().flat_map(|link| &link.addresses);
    let of_family =
        all.filter(|own| family.is_none_or(|wanted| wanted == Family::of(own.address.addr())));
    let found = of_family.min_by_key(|own| (own.scope != "global", own.address.addr().is_ipv6()));
    match found {
        Some(found) => Ok(found.address.addr()),
        None => {
            let kind = family.map(|family| format!("{family} ")).unwrap_or_default();
            Err(Wrong::new(format!("`{spot}` has no {kind}address")).into())
        }
    }
}
