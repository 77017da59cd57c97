//! The steps that make one lab into another, and touch nothing else.
//!
//! 1. What goes: devices, node by node, then the nodes themselves.
//! 2. What comes: nodes, bridges, links, TAPs, made in the order of [`build`](crate::build()).
//! 3. Each node in one visit: the new ones set up as by `build`, in the others what differs.
//!
//! A device that is there under its name but is of another kind, or whose other end is elsewhere,
//! goes and comes anew. So does what hung on it: ports of a bridge, routes, neighbours.
//!
//! The kernel takes away more than it is told to: with the last IPv4 address of a device its
//! routes, with its being up its IPv6 addresses. Where that is sure and simple it is foreseen here.
//! The rest is for who carries this out: to look again, and to ask for the difference again, until
//! there is none. Each round leaves less, because what is there as it is wanted is left alone.

pub(crate) mod addresses;
mod devices;
mod node;
mod routing;
mod sysctls;

use twinax_topology::{Node, Topology};

use crate::Step;
use crate::build::{add_tap, add_veth, make_node, set_up};
use devices::Devices;
use node::Visit;

pub use sysctls::sets_others;

/// The steps that make the lab `current` into the lab `wanted`. None: it is one already.
///
/// `current` is what [`found`](crate::found()) makes of a running lab, for
/// [`Purpose::Compare`](crate::Purpose::Compare). What `wanted` does not say is
///
/// - left as it is: a MAC, sysctls, whether a node is a host or a bridge;
/// - at the kernel's default: the MTU, which for a bridge is the least of its ports', attributes of
///   bridges and ports;
/// - not there: everything else.
///
/// A firewall that differs is replaced whole; both must be in the same words. Steps, listeners and
/// commands are not compared here: see [`services`](crate::services()).
pub fn difference(current: &Topology, wanted: &Topology) -> Vec<Step> {
    let now = Devices::of(current);
    let then = Devices::of(wanted);
    let change = devices::Turnover::new(&now, &then);
    let mut steps = change.removal(current);

    let is_new = |node: &Node| !now.nodes.contains_key(&node.name);
    let mut visits: Vec<(&Node, Option<Visit<'_>>)> = Vec::new();
    for node in &wanted.nodes {
        if is_new(node) {
            steps.extend(make_node(node));
            visits.push((node, None));
        } else {
            let mut visit = Visit::new(now.nodes[&node.name], node, &now, &then, &change);
            steps.extend(visit.before_devices());
            visits.push((node, Some(visit)));
        }
    }
    let is_fresh = |place| !change.stays(place);
    let links = wanted.links.iter().filter(|link| is_fresh(&link.a.place));
    steps.extend(links.map(add_veth));
    let taps = wanted.taps.iter().filter(|tap| is_fresh(&tap.interface.place));
    steps.extend(taps.map(add_tap));

    for (node, visit) in visits {
        steps.extend(match visit {
            None => set_up(Some(node), then.in_node(&node.name)),
            Some(visit) => visit.steps(),
        });
    }
    steps
}
