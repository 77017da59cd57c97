//! One step of a plan.

use twinax_topology::{Bridge, Change, Interface, Mac, NodeName, Place, TapMode};

/// What a device is made with. Everything else about it is a [`Change`] that comes later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The node in which it is made, and its name there.
    pub place: Place,
    /// Its hardware address; the kernel draws one where none is given.
    pub mac: Option<Mac>,
    /// Its MTU in bytes; the kernel's default where none is given.
    pub mtu: Option<u32>,
}

impl From<&Interface> for Device {
    fn from(interface: &Interface) -> Self {
        Self { place: interface.place.clone(), mac: interface.mac, mtu: interface.mtu }
    }
}

/// One step: something is made, or something that is there is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a node's network namespace.
    AddNetns(NodeName),
    /// Make a bridge device, down and without ports. Of its interface only place and MAC count
    /// here.
    AddBridge(Bridge),
    /// Make a veth pair, both ends at once in their nodes, both down.
    AddVeth(Device, Device),
    /// Make a persistent TUN/TAP device, down.
    AddTap(Device, TapMode),
    /// Change what is there.
    Change(Change),
    /// Set all that a bridge device is made with but its MAC: what is not said, to the kernel's
    /// default.
    SetBridge(Bridge),
    /// Remove a device; of a veth pair, both ends.
    DelLink(Place),
    /// Take a node's name away, and with it the node.
    DelNetns(NodeName),
    /// Remove all nftables tables of a node.
    FlushRuleset(NodeName),
}

impl Step {
    /// The node in which the step happens; of a veth pair, the node of its first end.
    pub fn node(&self) -> &NodeName {
        match self {
            Self::AddNetns(node) | Self::DelNetns(node) | Self::FlushRuleset(node) => node,
            Self::AddBridge(bridge) | Self::SetBridge(bridge) => &bridge.interface.place.node,
            Self::AddVeth(device, _) | Self::AddTap(device, _) => &device.place.node,
            Self::DelLink(place) => &place.node,
            Self::Change(change) => change.node(),
        }
    }
}
