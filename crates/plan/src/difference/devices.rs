//! Which devices stay, go and come.

use std::collections::{HashMap, HashSet};

use twinax_topology::{Bridge, Interface, Node, NodeName, Place, TapMode, Topology};

use crate::Step;
use crate::build::by_node;

/// What makes a device another one under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Bridge,
    /// An end of a link, whose other end is there.
    End(&'a Place),
    Tap(TapMode),
}

/// The devices of a lab, and its nodes.
pub(super) struct Devices<'a> {
    pub(super) nodes: HashMap<&'a NodeName, &'a Node>,
    kinds: HashMap<&'a Place, Kind<'a>>,
    in_node: HashMap<&'a NodeName, Vec<&'a Interface>>,
}

impl<'a> Devices<'a> {
    pub(super) fn of(lab: &'a Topology) -> Self {
        let mut kinds = HashMap::new();
        for bridge in lab.nodes.iter().flat_map(|node| &node.bridges) {
            kinds.insert(&bridge.interface.place, Kind::Bridge);
        }
        for link in &lab.links {
            kinds.insert(&link.a.place, Kind::End(&link.b.place));
            kinds.insert(&link.b.place, Kind::End(&link.a.place));
        }
        for tap in &lab.taps {
            kinds.insert(&tap.interface.place, Kind::Tap(tap.mode));
        }
        let nodes = lab.nodes.iter().map(|node| (&node.name, node)).collect();
        Self { nodes, kinds, in_node: by_node(lab.into()) }
    }

    /// The interfaces of a node: links, TAPs, then bridges.
    pub(super) fn in_node(&self, node: &NodeName) -> &[&'a Interface] {
        self.in_node.get(node).map_or(&[], Vec::as_slice)
    }

    pub(super) fn kind(&self, place: &Place) -> Option<Kind<'a>> {
        self.kinds.get(place).copied()
    }
}

/// The bridge at a place of a node.
pub(super) fn bridge_at<'a>(node: &'a Node, place: &Place) -> Option<&'a Bridge> {
    node.bridges.iter().find(|bridge| bridge.interface.place == *place)
}

/// From the devices of one lab to those of another.
pub(super) struct Turnover<'a> {
    now: &'a Devices<'a>,
    then: &'a Devices<'a>,
    staying: HashSet<&'a Place>,
}

impl<'a> Turnover<'a> {
    pub(super) fn new(now: &'a Devices<'a>, then: &'a Devices<'a>) -> Self {
        let stays = |(place, kind): (&&'a Place, &Kind<'a>)| {
            (then.kind(place) == Some(*kind)).then_some(*place)
        };
        // A node that is only in one of the labs has devices only in that one.
        Self { now, then, staying: now.kinds.iter().filter_map(stays).collect() }
    }

    /// Whether this very device is in both labs.
    pub(super) fn stays(&self, place: &Place) -> bool {
        self.staying.contains(place)
    }

    /// The steps that remove what goes.
    pub(super) fn removal(&self, current: &Topology) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut gone: HashSet<&Place> = HashSet::new();
        for node in &current.nodes {
            for interface in self.now.in_node(&node.name) {
                let place = &interface.place;
                if self.stays(place) || !gone.insert(place) {
                    continue;
                }
                if let Some(Kind::End(peer)) = self.now.kind(place) {
                    gone.insert(peer);
                }
                steps.push(Step::DelLink(place.clone()));
            }
            if !self.then.nodes.contains_key(&node.name) {
                steps.push(Step::DelNetns(node.name.clone()));
            }
        }
        steps
    }
}
