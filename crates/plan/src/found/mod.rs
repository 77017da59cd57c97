//! A running lab as a [`Topology`], from what the kernel reports of it.
//!
//! What every namespace has by itself is not in it: `lo` and its addresses, the tunnel modules'
//! devices, the rules 0, 32766 and 32767, routes and addresses that the kernel made. Routes that a
//! routing daemon made are the daemon's, and are left alone. What a lab file has no words for is
//! told in words ([`Beyond`]).

mod devices;
mod routing;
mod sysctls;

use std::collections::{HashMap, HashSet};
use std::fmt;

use twinax_topology::{Bridge, Firewall, Node, NodeKind, NodeName, Place, Spot, Topology, Wire};

use crate::Step;
use crate::observed::{Observed, ObservedNode};
use devices::Devices;
pub use routing::{found_route, found_rule};

/// What a running lab is found for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be compared with what is wanted ([`difference`](crate::difference())): all that the
    /// kernel reports is said.
    Compare,
    /// To be written as a lab file: what the kernel would do anyway is left out, and what is as the
    /// lab that is known says it is said in its words.
    Save,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The lab, as far as a lab file can say it. Without steps.
    pub topology: Topology,
    /// What it cannot say.
    pub beyond: Vec<Beyond>,
    strangers: Vec<Place>,
}

impl Found {
    /// The steps that remove devices which no lab file can say, where `wanted` has a device of that
    /// name. They come before those of [`difference`](crate::difference()).
    pub fn in_the_way(&self, wanted: &Topology) -> Vec<Step> {
        let places: HashSet<&Place> = wanted.interfaces().map(|own| &own.place).collect();
        let taken = self.strangers.iter().filter(|place| places.contains(place));
        taken.cloned().map(Step::DelLink).collect()
    }
}

/// Something that a lab file has no words for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Where it is.
    pub at: Spot,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Who knows what a lab was: the last lab file that was applied to it.
pub(crate) struct Known<'a> {
    lab: Option<&'a Topology>,
    nodes: HashMap<&'a NodeName, (usize, &'a Node)>,
    purpose: Purpose,
}

impl<'a> Known<'a> {
    fn new(lab: Option<&'a Topology>, purpose: Purpose) -> Self {
        let all = lab.map_or(&[][..], |lab| &lab.nodes).iter().enumerate();
        let nodes = all.map(|(index, node)| (&node.name, (index, node))).collect();
        Self { lab, nodes, purpose }
    }

    fn node(&self, name: &NodeName) -> Option<&'a Node> {
        self.nodes.get(name).map(|(_, node)| *node)
    }

    /// The wires whose devices are there. Whether they are carried the kernel does not tell.
    fn wires(&self, devices: &Devices<'_>) -> Vec<Wire> {
        let old = self.lab.map_or(&[][..], |lab| &lab.wires).iter();
        old.filter(|wire| devices.has(&wire.a) && devices.has(&wire.b)).cloned().collect()
    }

    fn old_bridge(&self, place: &Place) -> Option<&'a Bridge> {
        self.node(&place.node)?.bridge(&place.interface)
    }
}

/// The running lab of this name.
///
/// `known` is the lab as it was last applied, where there is one. It decides `about`, what kind a
/// node is, the order of nodes and links, listeners, commands and wires; and for [`Purpose::Save`], in
/// which of several ways that mean the same something is said. `firewalls` has the firewall of each
/// node that has nftables tables: the words that built it where it is unchanged, otherwise all of
/// it as a free ruleset; or nothing, where that can't be had. Of sysctls, those are in the lab that
/// are in [`ObservedNode::sysctls`]; for a comparison they must be those that are wanted, and
/// those that [`routers`](NodeKind::Router) set.
pub fn found(
    name: &NodeName,
    observed: &Observed,
    known: Option<&Topology>,
    firewalls: &HashMap<NodeName, Firewall>,
    purpose: Purpose,
) -> Found {
    let known = Known::new(known, purpose);
    let mut beyond = Vec::new();
    let mut devices = Devices::find(observed, &known, &mut beyond);
    let mut nodes: Vec<Node> = observed
        .nodes
        .iter()
        .map(|(name, seen)| {
            let mut tell = |interface: Option<&str>, what: String| {
                let interface = interface.and_then(|name| name.parse().ok());
                beyond.push(Beyond { at: Spot { node: name.clone(), interface }, what });
            };
            let mut node = node(name, seen, &known, &mut devices);
            routing::fill(&mut node, seen, &known, &devices, &mut tell);
            node.firewall = firewalls.get(name).cloned().unwrap_or_default();
            if node.firewall.is_empty() && !seen.tables.is_empty() {
                tell(None, format!("nftables tables: {}", seen.tables.join(", ")));
            }
            node
        })
        .collect();
    nodes.sort_by_key(|node| known.nodes.get(&node.name).map_or(usize::MAX, |(index, _)| *index));
    let wires = known.wires(&devices);
    let (links, taps) = devices.join(&known);
    let topology = Topology {
        name: name.clone(),
        about: known.lab.map(|lab| lab.about.clone()).unwrap_or_default(),
        nodes,
        links,
        taps,
        wires,
        steps: Vec::new(),
    };
    Found { topology, beyond, strangers: devices.strangers }
}

fn node(
    name: &NodeName,
    seen: &ObservedNode,
    known: &Known<'_>,
    devices: &mut Devices<'_>,
) -> Node {
    let old = known.node(name);
    let mut node = Node::new(name.clone());
    node.lo = seen.link("lo").is_some_and(|lo| lo.up);
    node.bridges = devices.bridges.remove(name).unwrap_or_default();
    let place = |node: &Node, index: usize| node.bridges[index].interface.place.clone();
    if let Some(old) = old {
        node.listeners.clone_from(&old.listeners);
        node.commands.clone_from(&old.commands);
        let order: HashMap<Place, usize> =
            (0..old.bridges.len()).map(|index| (place(old, index), index)).collect();
        node.bridges.sort_by_key(|b| order.get(&b.interface.place).copied().unwrap_or(usize::MAX));
    }
    node.kind = match old.map(|old| old.kind) {
        Some(NodeKind::Bridge) if node.bridges.is_empty() => NodeKind::Host,
        Some(kind) => kind,
        None if sysctls::forwards(seen) => NodeKind::Router,
        None => NodeKind::Host,
    };
    sysctls::fill(&mut node, seen, old, devices);
    node
}
