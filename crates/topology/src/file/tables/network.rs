//! Tables of interfaces and what joins them.

use crate::file::keys::prelude::*;
use crate::file::{End, HostNet, Int, List, MasterName, Named, Setting};
use crate::model::{Mac, Place, Span, TapMode};

keys! {
    /// What every interface has.
    InterfaceKeys is "an interface" {
        /// Its addresses, each with a prefix length.
        ip: List<HostNet>,
        /// Its hardware address; the kernel draws one unless said.
        mac: Mac,
        /// Its MTU in bytes; the kernel's default unless said.
        mtu: Int<68, 65_535>,
        /// Whether it is brought up; true unless said.
        up: bool,
        /// Its own sysctls, by name without the interface's: `"ipv4.rp_filter" = 0`.
        sysctl: Named<Setting>,
    }

    /// A bridge device.
    BridgeKeys is "a bridge" with common: InterfaceKeys {
        /// Whether it takes part in the spanning tree protocol; false unless said.
        stp: bool,
        /// How long a learned MAC is kept without being seen.
        ageing: Span,
        /// How long a port listens and learns before it forwards, with `stp`.
        forward_delay: Span,
        /// Its priority in the spanning tree; lower wins.
        priority: Int<0, 65_535>,
        /// Whether it listens to IGMP and MLD to learn who wants which group.
        multicast_snooping: bool,
    }

    /// An end of a veth pair.
    EndKeys is "an end of a link" with common: InterfaceKeys {
        /// Where it is: `node:interface`.
        at: Place = must,
        /// The bridge of the same node whose port it is; `false`: of none.
        master: MasterName,
        /// How it behaves as a port of its bridge.
        port: PortKeys,
    }

    /// How a port of a bridge behaves; the kernel's default where nothing is said.
    PortKeys is "a port" {
        /// Isolated ports do not talk to each other.
        isolated: bool,
        /// A frame may go back out of the port that it came in by.
        hairpin: bool,
        /// Source MACs are learned.
        learning: bool,
        /// Unicast frames of unknown destination are sent out.
        flood: bool,
        /// Multicast frames of unknown group are sent out.
        mcast_flood: bool,
        /// Broadcast frames are sent out.
        bcast_flood: bool,
        /// Spanning tree messages that come in shut the port.
        guard: bool,
        /// The port may not become the root port.
        root_block: bool,
        /// ARP and ND are answered by the bridge where it knows the answer.
        neigh_suppress: bool,
        /// The spanning tree cost of the port.
        cost: Int<1, 65_535>,
        /// The spanning tree priority of the port.
        priority: Int<0, 63>,
    }

    /// A veth pair: one cable, two ends.
    LinkKeys is "a link" {
        /// One end.
        a: End = must,
        /// The other end.
        b: End = must,
    }

    /// A wire: a program that carries frames between two TUN/TAP devices.
    WireKeys is "a wire" {
        /// One device.
        a: Place = must,
        /// The other one.
        b: Place = must,
    }

    /// A persistent TUN/TAP device.
    TapKeys is "a tap" with end: EndKeys {
        /// `tap` (Ethernet frames; the default) or `tun` (IP packets).
        mode: TapMode,
    }
}
