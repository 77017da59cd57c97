//! Addresses of interfaces.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use super::state::Kind;
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic};
use crate::lower::Parts;
use crate::model::Place;

/// Gives the interfaces of the world their addresses, and reports those that can't be there.
pub(super) fn declare(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    let mut first: HashMap<(&crate::model::NodeName, IpAddr), (Range<usize>, IpNet, &Place)> =
        HashMap::new();
    for one in &parts.declared {
        let place = &one.interface.place;
        let known = world.has(one);
        for (index, address) in one.interface.addresses.iter().enumerate() {
            let span = one.address_at(index);
            if !check(address, Kind::Veth, &span, to) {
                continue;
            }
            let Some(state) = world.nodes.get_mut(&place.node).filter(|_| known) else { continue };
            let before = || {
                let (name, net) = state.holder(address.addr()).filter(|_| !state.wild)?;
                Some((state.interfaces.get(name)?.at.clone(), *net, name))
            };
            let other = match first.get(&(&place.node, address.addr())) {
                Some((span, net, there)) => Some((span.clone(), *net, &there.interface)),
                None => before(),
            };
            match other {
                Some((other, net, there))
                    if *there == place.interface || !may_repeat(&net, address) =>
                {
                    let title = if *there == place.interface {
                        format!("`{}` twice on `{}`", address.addr(), place.interface)
                    } else {
                        format!("`{}` twice in node `{}`", address.addr(), place.node)
                    };
                    to.push(
                        Diagnostic::new(span, title)
                            .label("the second time")
                            .also(other, "the first time"),
                    );
                }
                _ => {
                    first
                        .entry((&place.node, address.addr()))
                        .or_insert_with(|| (span, *address, place));
                    state.add_address(&place.interface, *address);
                }
            }
        }
    }
}

/// Whether a node may have these on two interfaces: link-local ones belong to a link, and one
/// that stands for itself alone can be lent to several (an "unnumbered" link).
fn may_repeat(a: &IpNet, b: &IpNet) -> bool {
    let host = |net: &IpNet| net.prefix_len() == net.max_prefix_len();
    is_link_local(a.addr()) || (host(a) && host(b))
}

/// Whether it is of `fe80::/10`.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Whether an interface can have this address; reports where not.
pub(super) fn check(net: &IpNet, kind: Kind, span: &Range<usize>, to: &mut Collector<'_>) -> bool {
    let address = net.addr();
    let wrong = |label: &str, help: Option<String>| {
        let title = format!("`{net}` can't be the address of an interface");
        Diagnostic::new(span.clone(), title).label(label).maybe_help(help)
    };
    let diagnostic = if address.is_unspecified() {
        wrong("the unspecified address: it means none", None)
    } else if address.is_multicast() {
        wrong("a multicast address: it belongs to a group", None)
    } else if address.is_loopback() && kind != Kind::Loopback {
        wrong("a loopback address: it never leaves the node", None)
    } else {
        match (net, address) {
            (IpNet::V4(net), IpAddr::V4(address)) => {
                let first = net.hosts().next().unwrap_or(address);
                let help = format!("write \"{first}/{}\", for example", net.prefix_len());
                if address.is_broadcast() {
                    wrong("the broadcast address of every link", None)
                } else if address.octets()[0] == 0 {
                    wrong("0.0.0.0/8 stands for no host", None)
                } else if net.prefix_len() < 31 && address == net.network() {
                    wrong("the address of the subnet itself", Some(help))
                } else if net.prefix_len() < 31 && address == net.broadcast() {
                    wrong("the broadcast address of the subnet", Some(help))
                } else {
                    return true;
                }
            }
            (_, IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
                wrong("an IPv4 address in IPv6 dress: it never stands on a link", None)
            }
            _ => return true,
        }
    };
    to.push(diagnostic);
    false
}
