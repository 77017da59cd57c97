//! From a recipe to a lab: names, bridges, segments, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::interface::{InterfaceRecipe, has_ipv6, node_sysctl};
use super::{EndRecipe, NodeRecipe, Recipe, TapRecipe, firewall, pick, routing, step};
use crate::model::*;

pub(super) fn lab(recipe: &Recipe) -> Topology {
    let mut kitchen = Kitchen {
        lab: Topology {
            name: node_name(recipe.name, 0),
            about: recipe.about.clone(),
            nodes: Vec::new(),
            links: Vec::new(),
            taps: Vec::new(),
            wires: Vec::new(),
            steps: Vec::new(),
        },
        bridges: Vec::new(),
        names: 0,
        macs: 0,
        hosts: Vec::new(),
    };
    for node in &recipe.nodes {
        kitchen.node(node);
    }
    for (a, b) in &recipe.links {
        kitchen.link(a, b);
    }
    for tap in &recipe.taps {
        kitchen.tap(tap);
    }
    kitchen.addresses(recipe);
    let mut lab = kitchen.lab;
    for (index, wanted) in recipe.nodes.iter().enumerate() {
        routing::fill(&mut lab, index, wanted);
        if let Some(words) = &wanted.firewall {
            lab.nodes[index].firewall = firewall::cook(words, &lab, index);
        }
        step::fill_node(&mut lab.nodes[index], wanted);
    }
    lab.steps = step::cook(&recipe.steps, &lab, recipe.may_tap);
    lab
}

fn node_name(style: u8, number: usize) -> NodeName {
    let styles = ["n", "left", "web.example", "r-1_", "_x", "9lives", "N."];
    let name = format!("{}{number}", styles[usize::from(style) % styles.len()]);
    name.parse().expect("every style begins as a name may")
}

struct Kitchen {
    lab: Topology,
    /// For each bridge the one that stands for all that are joined with it.
    bridges: Vec<(Place, usize)>,
    names: usize,
    macs: u16,
    /// The last host number given in each segment.
    hosts: Vec<(Segment, u16)>,
}

/// What shares a subnet: a link, or all that is joined by bridges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    Bridge(usize),
    Link(usize),
    Tap(usize),
}

impl Segment {
    /// The number of its subnets.
    fn number(self) -> u8 {
        let (base, index) = match self {
            Self::Bridge(index) => (0, index),
            Self::Link(index) => (100, index),
            Self::Tap(index) => (200, index),
        };
        base + u8::try_from(index).expect("a random lab is small")
    }
}

impl Kitchen {
    fn interface_name(&mut self, style: u8) -> IfName {
        let styles = ["e", "veth", "wan-", "p_", "eth0.", "A", "x@", "y+", "z=", "v#", "w~"];
        let name = format!("{}{}", styles[usize::from(style) % styles.len()], self.names);
        self.names += 1;
        name.parse().expect("every style begins as a name may")
    }

    fn mac(&mut self) -> Mac {
        self.macs += 1;
        let [high, low] = self.macs.to_be_bytes();
        Mac::new([0x02, 0, 0, 0, high, low]).expect("the first byte is even")
    }

    fn node(&mut self, recipe: &NodeRecipe) {
        let name = node_name(recipe.name, self.lab.nodes.len());
        let mut node = Node::new(name.clone());
        node.kind =
            [NodeKind::Host, NodeKind::Router, NodeKind::Bridge][usize::from(recipe.kind) % 3];
        node.lo = recipe.lo;
        for &(which, value) in &recipe.sysctls {
            let sysctl = node_sysctl(which, value);
            if node.sysctls.iter().all(|there| there.key != sysctl.key) {
                node.sysctls.push(sysctl);
            }
        }
        let wanted = if node.kind == NodeKind::Host { 0 } else { recipe.bridges.len() };
        for recipe in &recipe.bridges[..wanted] {
            let interface = self.interface_name(recipe.name);
            let mut bridge = Bridge::new(Place { node: name.clone(), interface });
            self.fill(&mut bridge.interface, &recipe.interface, false);
            recipe.fill(&mut bridge);
            node.bridges.push(bridge);
        }
        if node.kind == NodeKind::Bridge && node.bridges.is_empty() {
            let interface = DEFAULT_BRIDGE.parse().expect("it is a name");
            node.bridges.push(Bridge::new(Place { node: name, interface }));
        }
        for bridge in &node.bridges {
            self.bridges.push((bridge.interface.place.clone(), self.bridges.len()));
        }
        self.lab.nodes.push(node);
    }

    fn fill(&mut self, interface: &mut Interface, recipe: &InterfaceRecipe, may_lack_ipv6: bool) {
        recipe.fill(interface, may_lack_ipv6 && recipe.addresses.iter().all(|a| !a.v6));
        interface.mac = recipe.mac.then(|| self.mac());
    }

    fn end(&mut self, recipe: &EndRecipe) -> Interface {
        let node = pick(&self.lab.nodes, recipe.node).expect("a lab has a node").clone();
        let place = Place { node: node.name, interface: self.interface_name(recipe.name) };
        let mut interface = Interface::new(place);
        if recipe.master % 4 != 3
            && let Some(bridge) = pick(&node.bridges, recipe.master / 4)
        {
            interface.master = Some(bridge.interface.place.interface.clone());
            interface.port = recipe.interface.port.clone();
        }
        let is_port = interface.master.is_some();
        self.fill(&mut interface, &recipe.interface, !is_port);
        interface
    }

    /// The set of joined bridges that a port belongs to.
    fn joined(&self, interface: &Interface) -> Option<usize> {
        let master = interface.master.as_ref()?;
        let place = Place { node: interface.place.node.clone(), interface: master.clone() };
        self.bridges.iter().find(|(bridge, _)| *bridge == place).map(|&(_, set)| set)
    }

    fn link(&mut self, a: &EndRecipe, b: &EndRecipe) {
        let (a, mut b) = (self.end(a), self.end(b));
        if let (Some(one), Some(other)) = (self.joined(&a), self.joined(&b)) {
            if one == other {
                // A second way between bridges would be a loop, and its storm never ends.
                b.master = None;
                b.port = PortAttributes::default();
            } else {
                self.join(one, other);
            }
        }
        self.lab.links.push(Link { a, b });
    }

    /// Makes one set of two sets of joined bridges.
    fn join(&mut self, one: usize, other: usize) {
        for (_, set) in &mut self.bridges {
            if *set == other {
                *set = one;
            }
        }
    }

    fn tap(&mut self, recipe: &TapRecipe) {
        let mut interface = self.end(&recipe.end);
        let mode = if recipe.tun { TapMode::Tun } else { TapMode::Tap };
        if recipe.tun {
            interface.mac = None;
            interface.master = None;
            interface.port = PortAttributes::default();
        } else {
            interface.mtu = interface.mtu.map(|mtu| mtu.min(MAX_TAP_MTU));
        }
        self.lab.taps.push(Tap { interface, mode });
        if recipe.wired {
            self.wire();
        }
    }

    /// Joins the last TAP to the one before it that has no wire, unless that makes a loop.
    fn wire(&mut self) {
        let Some((last, before)) = self.lab.taps.split_last() else { return };
        let is_free =
            |tap: &&Tap| tap.mode == last.mode && self.lab.wire_of(&tap.interface.place).is_none();
        let Some(other) = before.iter().rfind(is_free) else { return };
        let wire = Wire { a: other.interface.place.clone(), b: last.interface.place.clone() };
        match (self.joined(&other.interface), self.joined(&last.interface)) {
            (Some(one), Some(other)) if one == other => return,
            (Some(one), Some(other)) => self.join(one, other),
            _ => {}
        }
        self.lab.wires.push(wire);
    }

    fn segment_of_tap(&self, index: usize) -> Segment {
        let own = &self.lab.taps[index].interface;
        let other = self.lab.wire_of(&own.place).and_then(|wire| wire.other_end(&own.place));
        let is_other = |tap: &Tap| Some(&tap.interface.place) == other;
        let other = self.lab.taps.iter().position(is_other);
        let of_bridge = |index: usize| self.joined(&self.lab.taps[index].interface);
        let bridge = of_bridge(index).or_else(|| of_bridge(other?));
        let first = other.map_or(index, |other| other.min(index));
        bridge.map_or(Segment::Tap(first), Segment::Bridge)
    }

    fn segment_of_link(&self, index: usize) -> Segment {
        let Link { a, b } = &self.lab.links[index];
        let bridge = self.joined(a).or_else(|| self.joined(b));
        bridge.map_or(Segment::Link(index), Segment::Bridge)
    }

    fn addresses(&mut self, recipe: &Recipe) {
        for index in 0..self.lab.links.len() {
            let segment = self.segment_of_link(index);
            let (wanted_a, wanted_b) = &recipe.links[index];
            let Link { a, b } = self.lab.links[index].clone();
            self.lab.links[index].a.addresses = self.addresses_of(&a, segment, &wanted_a.interface);
            self.lab.links[index].b.addresses = self.addresses_of(&b, segment, &wanted_b.interface);
        }
        for index in 0..self.lab.taps.len() {
            let interface = self.lab.taps[index].interface.clone();
            let segment = self.segment_of_tap(index);
            self.lab.taps[index].interface.addresses =
                self.addresses_of(&interface, segment, &recipe.taps[index].end.interface);
        }
        for (node, wanted) in recipe.nodes.iter().enumerate() {
            for bridge in 0..self.lab.nodes[node].bridges.len().min(wanted.bridges.len()) {
                let interface = self.lab.nodes[node].bridges[bridge].interface.clone();
                let Some(&(_, set)) =
                    self.bridges.iter().find(|(place, _)| *place == interface.place)
                else {
                    continue;
                };
                self.lab.nodes[node].bridges[bridge].interface.addresses = self.addresses_of(
                    &interface,
                    Segment::Bridge(set),
                    &wanted.bridges[bridge].interface,
                );
            }
        }
    }

    fn addresses_of(
        &mut self,
        interface: &Interface,
        segment: Segment,
        recipe: &InterfaceRecipe,
    ) -> Vec<IpNet> {
        if interface.master.is_some() {
            return Vec::new();
        }
        let mut addresses = Vec::new();
        for wanted in &recipe.addresses {
            if wanted.v6 && !has_ipv6(interface) {
                continue;
            }
            let host = self.next_host(segment);
            addresses.push(address(segment.number(), wanted.v6, wanted.subnet, host, wanted.alone));
        }
        addresses
    }

    fn next_host(&mut self, segment: Segment) -> u16 {
        match self.hosts.iter_mut().find(|(there, _)| *there == segment) {
            Some((_, last)) => {
                *last += 1;
                *last
            }
            None => {
                self.hosts.push((segment, 1));
                1
            }
        }
    }
}

/// The largest MTU of a TAP: 65535 bytes less its Ethernet header (`tun_net_initialize` in the
/// kernel's `drivers/net/tun.c`).
const MAX_TAP_MTU: u32 = 65_521;

/// The first host number that no interface has: gateways and neighbours that are nobody's.
pub(super) const NOBODY: u16 = 240;

fn address(segment: u8, v6: bool, subnet: u8, host: u16, alone: bool) -> IpNet {
    let host_byte = u8::try_from(host).expect("a random lab is small");
    let (address, length) = if v6 {
        let subnet = u16::from(subnet);
        (IpAddr::V6(Ipv6Addr::new(0xfd00, segment.into(), subnet, 0, 0, 0, 0, host)), 64)
    } else {
        let (third, length) = [(0, 24), (16, 20), (64, 25)][usize::from(subnet) % 3];
        // Half of a /25: what does not fit there goes to the first subnet.
        let (third, length) = if length == 25 && host > 120 { (0, 24) } else { (third, length) };
        (IpAddr::V4(Ipv4Addr::new(10, segment, third, host_byte)), length)
    };
    let length = match (alone, v6) {
        (false, _) => length,
        (true, false) => 32,
        (true, true) => 128,
    };
    IpNet::new(address, length).expect("the length is one of the family")
}

/// An address of nobody in the subnet of this one, if there is room.
pub(super) fn nobody_near(net: &IpNet, number: u16) -> Option<IpAddr> {
    let address = match net.network() {
        IpAddr::V4(network) => {
            IpAddr::V4(Ipv4Addr::from(u32::from(network) + u32::from(NOBODY + number % 10)))
        }
        IpAddr::V6(network) => {
            IpAddr::V6(Ipv6Addr::from(u128::from(network) + u128::from(NOBODY + number)))
        }
    };
    net.contains(&address).then_some(address)
}
