//! What is known of how devices hang together, and which of two sightings can follow the other.
//!
//! A frame that is seen at one device can't be seen next at just any other. What goes out of one
//! end of a cable comes in at the other; what comes in at a port of a bridge goes out of other ports
//! of the same bridge; what is routed stays in its node. So the wiring says *whether* one sighting
//! can follow another, and the bytes say whether it does.

use crate::InterfaceId;

/// What is known of the devices of a capture: who captures says it, and may add to it while
/// capturing. Nothing is known of a device that was never [`set`](Self::set); of such devices
/// anything is believed that the bytes and the time allow.
#[derive(Debug, Clone, Default)]
pub struct Wiring {
    devices: Vec<Device>,
}

/// What is known of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Device {
    /// What it does with frames.
    pub role: Role,
    /// Where what goes out here comes in: the other end of a veth pair, or the other TAP of a
    /// program that carries frames. `None`: not at a device of this capture, or not known.
    pub peer: Option<InterfaceId>,
    /// The bridge whose port it is.
    pub bridge: Option<InterfaceId>,
    /// The device that it sits on: the parent of a VLAN device, a macvlan or an ipvlan, which may be
    /// in another node.
    pub lower: Option<InterfaceId>,
}

/// What a device does with frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Role {
    /// Nobody said.
    #[default]
    Unknown,
    /// An end of a cable: a veth, a TAP, a network card.
    Cable,
    /// A bridge itself, not a port of it.
    Bridge,
    /// A device on top of another: VLAN, macvlan, ipvlan.
    Upper,
    /// A tunnel that hides nothing: VXLAN, GRE, IPIP, SIT. What goes out of it goes out again within
    /// an outer packet.
    Tunnel,
    /// What goes out of it can't be known again: WireGuard, a TUN device with a program.
    Sealed,
    /// `lo`.
    Loopback,
}

impl Device {
    /// The same, unless it is `lo`, by whose name that is known.
    pub(super) fn or_loopback(self, is_lo: bool) -> Self {
        if is_lo { Self { role: Role::Loopback, ..Self::default() } } else { self }
    }
}

impl Wiring {
    /// What is known of a device.
    pub fn device(&self, id: InterfaceId) -> Device {
        self.devices.get(id as usize).copied().unwrap_or_default()
    }

    /// From now on this is known of a device.
    pub fn set(&mut self, id: InterfaceId, device: Device) {
        let index = id as usize;
        if self.devices.len() <= index {
            self.devices.resize(index + 1, Device::default());
        }
        self.devices[index] = device;
    }

    /// Two devices are the ends of one cable.
    pub fn join(&mut self, one: InterfaceId, other: InterfaceId) {
        for (end, peer) in [(one, other), (other, one)] {
            let known = self.device(end);
            self.set(end, Device { role: Role::Cable, peer: Some(peer), ..known });
        }
    }

    /// A device is a port of a bridge.
    pub fn enslave(&mut self, port: InterfaceId, bridge: InterfaceId) {
        self.set(bridge, Device { role: Role::Bridge, ..self.device(bridge) });
        self.set(port, Device { bridge: Some(bridge), ..self.device(port) });
    }
}

/// A device and the way through it, as one of two sightings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) id: InterfaceId,
    pub(super) node: u32,
    pub(super) out: bool,
    pub(super) device: Device,
}

/// How one sighting can follow another; what it is in fact, the bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ways {
    /// The very frame, at the other end of a cable.
    pub(super) wire: bool,
    /// The very frame, at another device of a bridge.
    pub(super) bridge: bool,
    /// The frame, at a device on top of another, with or without its VLAN tag.
    pub(super) stack: bool,
    /// The packet, routed in a node.
    pub(super) route: bool,
    /// The packet within another, or out of another.
    pub(super) tunnel: bool,
    /// The packet, later on its way: what is between was not captured.
    pub(super) gap: bool,
    /// How little is known: such a way is taken only where there is no better one.
    pub(super) doubt: u32,
}

impl Ways {
    pub(super) fn any(self) -> bool {
        self.wire || self.bridge || self.stack || self.route || self.tunnel || self.gap
    }
}

/// How a sighting at `child` can follow one at `parent`.
pub(super) fn ways(parent: &Spot, child: &Spot) -> Ways {
    let mut ways = match (parent.out, child.out) {
        (true, false) => out_in(parent, child),
        (true, true) => out_out(parent, child),
        (false, true) => in_out(parent, child),
        (false, false) => in_in(parent, child),
    };
    if parent.device.role == Role::Loopback || child.device.role == Role::Loopback {
        return Ways::default();
    }
    ways.gap = parent.has_open_end() && (parent.id, parent.out) != (child.id, child.out);
    ways
}

impl Spot {
    /// Whether what is seen here may be seen next anywhere.
    pub(super) fn has_open_end(&self) -> bool {
        let Device { role, peer, .. } = self.device;
        matches!(role, Role::Unknown | Role::Cable) && peer.is_none()
    }
}

fn out_in(parent: &Spot, child: &Spot) -> Ways {
    let is_cable = parent.has_open_end() && child.has_open_end() && parent.id != child.id;
    let on_one = parent.device.lower.is_some() && parent.device.lower == child.device.lower;
    Ways {
        wire: parent.device.peer == Some(child.id) || is_cable,
        stack: parent.id != child.id && (on_one || parent.device.lower == Some(child.id)),
        // A cable from a node to itself is rare.
        doubt: if is_cable && parent.node == child.node { 2 } else { 0 },
        ..Ways::default()
    }
}

fn out_out(parent: &Spot, child: &Spot) -> Ways {
    if parent.id == child.id {
        return Ways::default();
    }
    let here = parent.node == child.node;
    let anything = here && parent.device.role == Role::Unknown;
    Ways {
        bridge: child.device.bridge == Some(parent.id) || anything && child.device.bridge.is_none(),
        stack: parent.device.lower == Some(child.id) || anything,
        tunnel: here && parent.device.role == Role::Tunnel || anything,
        doubt: u32::from(anything),
        ..Ways::default()
    }
}

fn in_out(parent: &Spot, child: &Spot) -> Ways {
    if parent.node != child.node {
        return Ways::default();
    }
    let unknown = parent.device.role == Role::Unknown || child.device.role == Role::Unknown;
    let neither = parent.device.bridge.is_none() && child.device.bridge.is_none();
    let bridged = parent.device.bridge.is_some() && parent.device.bridge == child.device.bridge;
    Ways {
        bridge: bridged || unknown && neither,
        route: neither,
        tunnel: neither,
        ..Ways::default()
    }
}

fn in_in(parent: &Spot, child: &Spot) -> Ways {
    if parent.id == child.id {
        return Ways::default();
    }
    let here = parent.node == child.node;
    let unknown = parent.device.role == Role::Unknown || child.device.role == Role::Unknown;
    let anything = here && unknown && parent.device.bridge.is_none();
    Ways {
        bridge: parent.device.bridge == Some(child.id) || anything,
        stack: child.device.lower == Some(parent.id) || anything,
        tunnel: here && (child.device.role == Role::Tunnel || anything),
        ..Ways::default()
    }
}
