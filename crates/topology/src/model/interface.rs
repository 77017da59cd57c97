//! Interfaces: the ends of veth pairs, TUN/TAP devices, bridges and their ports.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{IfName, InterfaceSysctl, Mac, Place, Span};

/// What every interface has, whatever its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Where it is, and its name there.
    pub place: Place,
    /// Its hardware address; the kernel draws one where none is given.
    pub mac: Option<Mac>,
    /// Its MTU in bytes; the kernel's default for the kind where none is given.
    pub mtu: Option<u32>,
    /// Its addresses, in order; the first of a family and subnet is the primary one.
    pub addresses: Vec<IpNet>,
    /// Whether it is brought up.
    pub up: bool,
    /// The bridge of the same node whose port it is.
    pub master: Option<IfName>,
    /// How it behaves as a port of its bridge; what is not said stays the kernel's default.
    pub port: PortAttributes,
    /// Its own sysctls, set before it comes up.
    pub sysctls: Vec<InterfaceSysctl>,
}

impl Interface {
    /// An interface of which nothing but its place is said: it will be up, without addresses.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            mac: None,
            mtu: None,
            addresses: Vec::new(),
            up: true,
            master: None,
            port: PortAttributes::default(),
            sysctls: Vec::new(),
        }
    }
}

/// A veth pair (`veth(4)`): one cable, two ends, each in any node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// One end.
    pub a: Interface,
    /// The other end.
    pub b: Interface,
}

/// Whether a TUN/TAP device carries Ethernet frames or IP packets
/// (`IFF_TAP`, `IFF_TUN` in `linux/if_tun.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TapMode {
    /// Ethernet frames.
    #[default]
    Tap,
    /// IP packets, without a link layer.
    Tun,
}

impl TapMode {
    /// The word for it, in the lab file and in `ip tuntap`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Tun => "tun",
        }
    }
}

/// A persistent TUN/TAP device: it is there whether a program holds it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tap {
    /// The device.
    pub interface: Interface,
    /// Frames or packets.
    pub mode: TapMode,
}

/// A wire: a program that holds two TUN/TAP devices of one mode and carries what leaves by the one
/// to the other. A device is in at most one wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wire {
    /// One device.
    pub a: Place,
    /// The other one.
    pub b: Place,
}

impl Wire {
    /// The other end, seen from one of them; `None`: that is no end of it.
    pub fn other_end(&self, of: &Place) -> Option<&Place> {
        match of {
            of if *of == self.a => Some(&self.b),
            of if *of == self.b => Some(&self.a),
            _ => None,
        }
    }

    /// Whether it joins the same devices as another, whichever of them is said first.
    pub fn is_same(&self, other: &Self) -> bool {
        other.other_end(&self.a) == Some(&self.b)
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ↔ {}", self.a, self.b)
    }
}

/// A bridge device in a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// The bridge device itself. Its `master` is always `None`.
    pub interface: Interface,
    /// Whether it takes part in the spanning tree protocol (`IFLA_BR_STP_STATE`). Off, as the
    /// kernel has it, unless said.
    pub stp: bool,
    /// How long a learned MAC is kept without being seen (`IFLA_BR_AGEING_TIME`, kept by the
    /// kernel in hundredths of a second).
    pub ageing: Option<Span>,
    /// How long a port listens and learns before it forwards when `stp` is on
    /// (`IFLA_BR_FORWARD_DELAY`, 2 to 30 seconds).
    pub forward_delay: Option<Span>,
    /// The bridge's priority in the spanning tree (`IFLA_BR_PRIORITY`); lower wins.
    pub priority: Option<u16>,
    /// Whether it listens to IGMP and MLD to learn who wants which group
    /// (`IFLA_BR_MCAST_SNOOPING`).
    pub multicast_snooping: Option<bool>,
}

impl Bridge {
    /// A bridge of which nothing but its place is said.
    pub fn new(place: Place) -> Self {
        Self {
            interface: Interface::new(place),
            stp: false,
            ageing: None,
            forward_delay: None,
            priority: None,
            multicast_snooping: None,
        }
    }
}

/// How a port of a bridge behaves: `bridge link set dev … KEY on|off` (`bridge(8)`,
/// `IFLA_BRPORT_*` in `linux/if_link.h`). `None` leaves the kernel's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortAttributes {
    /// Isolated ports do not talk to each other.
    pub isolated: Option<bool>,
    /// A frame may go back out of the port that it came in by.
    pub hairpin: Option<bool>,
    /// Source MACs are learned.
    pub learning: Option<bool>,
    /// Unicast frames of unknown destination are sent out.
    pub flood: Option<bool>,
    /// Multicast frames of unknown group are sent out.
    pub mcast_flood: Option<bool>,
    /// Broadcast frames are sent out.
    pub bcast_flood: Option<bool>,
    /// Spanning tree messages that come in shut the port.
    pub guard: Option<bool>,
    /// The port may not become the root port.
    pub root_block: Option<bool>,
    /// ARP and ND are answered by the bridge where it knows the answer.
    pub neigh_suppress: Option<bool>,
    /// The spanning tree cost of the port, 1 to 65535.
    pub cost: Option<u16>,
    /// The spanning tree priority of the port, 0 to 63.
    pub priority: Option<u8>,
}

impl PortAttributes {
    /// The on/off attributes that are said, each under the name that `bridge link set` (and the
    /// lab file) gives it.
    pub fn switches(&self) -> impl Iterator<Item = (&'static str, bool)> {
        [
            ("isolated", self.isolated),
            ("hairpin", self.hairpin),
            ("learning", self.learning),
            ("flood", self.flood),
            ("mcast_flood", self.mcast_flood),
            ("bcast_flood", self.bcast_flood),
            ("guard", self.guard),
            ("root_block", self.root_block),
            ("neigh_suppress", self.neigh_suppress),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
    }

    /// Whether nothing at all is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
