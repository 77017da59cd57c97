//! The typed lab: what a lab file or the [builder](crate::builder) says, after validation.
//!
//! Everything here is plain data with public fields. A value of a *name* type
//! ([`NodeName`], [`IfName`]) is a valid name by construction; that the names refer to
//! something, and that nothing clashes, is what [`parse`](crate::parse) establishes.

mod firewall;
mod interface;
mod names;
mod node;
mod packets;
mod probe;
mod route;
mod step;
mod sysctl;
mod told;
mod units;

pub use firewall::*;
pub use interface::*;
pub use names::*;
pub use node::*;
pub use packets::*;
pub use probe::*;
pub use route::*;
pub use step::*;
pub use sysctl::*;
pub use told::*;
pub use units::*;

use std::net::IpAddr;

/// A whole lab: nodes, what joins them, and the steps to be done in it, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// The lab's name: what reports and running labs are called.
    pub name: NodeName,
    /// What the lab shows, in the author's words.
    pub about: String,
    /// The nodes, in the order of the file. Each is a network namespace.
    pub nodes: Vec<Node>,
    /// The veth pairs, in the order of the file.
    pub links: Vec<Link>,
    /// The TUN/TAP devices, in the order of the file.
    pub taps: Vec<Tap>,
    /// The wires between them, in the order of the file.
    pub wires: Vec<Wire>,
    /// What `run` does once the lab stands, in order.
    pub steps: Vec<LabStep>,
}

impl Topology {
    /// The node of this name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// Every interface that the lab declares — bridges, ends of links, TAPs — with bridges first,
    /// then links in order (`a` before `b`), then TAPs.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        let bridges = self.nodes.iter().flat_map(|n| n.bridges.iter().map(|b| &b.interface));
        let ends = self.links.iter().flat_map(|link| [&link.a, &link.b]);
        let taps = self.taps.iter().map(|tap| &tap.interface);
        bridges.chain(ends).chain(taps)
    }

    /// The interfaces declared in one node.
    pub fn interfaces_of<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a Interface> {
        self.interfaces().filter(move |interface| interface.place.node == *node)
    }

    /// The lab with more parts, as if the file declared them after its own.
    pub fn add(&mut self, addition: &Addition) {
        self.nodes.extend_from_slice(&addition.nodes);
        self.links.extend_from_slice(&addition.links);
        self.taps.extend_from_slice(&addition.taps);
        self.wires.extend_from_slice(&addition.wires);
    }

    /// The wire of a TUN/TAP device.
    pub fn wire_of(&self, place: &Place) -> Option<&Wire> {
        self.wires.iter().find(|wire| wire.other_end(place).is_some())
    }

    /// The lab without these nodes, devices and wires: as the kernel has it, a link goes with
    /// either of its ends, what is in a node with the node, and the ports of a bridge stay. What
    /// the lab does not declare is passed over.
    pub fn remove(&mut self, removed: &[Removed]) {
        for one in removed {
            let spot = match one {
                Removed::Spot(spot) => spot,
                Removed::Wire(place) => {
                    self.wires.retain(|wire| wire.other_end(place).is_none());
                    continue;
                }
            };
            let is_meant = |interface: &Interface| spot.covers(&interface.place);
            if let Some(device) = &spot.interface {
                for node in self.nodes.iter_mut().filter(|node| node.name == spot.node) {
                    node.bridges.retain(|bridge| bridge.interface.place.interface != *device);
                }
            }
            self.nodes.retain(|node| spot.interface.is_some() || node.name != spot.node);
            self.links.retain(|link| !is_meant(&link.a) && !is_meant(&link.b));
            self.taps.retain(|tap| !is_meant(&tap.interface));
            self.wires.retain(|wire| !spot.covers(&wire.a) && !spot.covers(&wire.b));
            let ends = self.links.iter_mut().flat_map(|link| [&mut link.a, &mut link.b]);
            for port in ends.chain(self.taps.iter_mut().map(|tap| &mut tap.interface)) {
                if port.place.node == spot.node
                    && port.master.is_some()
                    && port.master == spot.interface
                {
                    port.master = None;
                    port.port = PortAttributes::default();
                }
            }
        }
    }

    /// Whether nothing is done in the lab once it has been built: no step, no service.
    pub fn is_idle(&self) -> bool {
        let quiet = |node: &Node| node.commands.is_empty() && node.listeners.is_empty();
        self.steps.is_empty() && self.nodes.iter().all(quiet)
    }

    /// The first address (of this family, or of any) that the lab declares for a node or for one
    /// interface of it, in the order of [`interfaces`](Self::interfaces). Link-local IPv6 addresses
    /// do not count: without an interface they mean nobody. Nor does what steps change:
    /// [`parse`](crate::parse) demands that a step writes out an address that only a change brings.
    pub fn address_of(&self, spot: &Spot, family: Option<Family>) -> Option<IpAddr> {
        let is_meant = |interface: &&Interface| spot.covers(&interface.place);
        let mut addresses = self
            .interfaces()
            .filter(is_meant)
            .flat_map(|interface| interface.addresses.iter().map(|net| net.addr()));
        addresses.find(|address| {
            let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
            !link_local && family.is_none_or(|family| Family::of(*address) == family)
        })
    }
}
