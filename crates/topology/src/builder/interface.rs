//! Ends of links, TUN/TAP devices, bridge devices.

use super::set;
use crate::write::document::{Table, Value};

/// An end of a link.
#[derive(Debug, Clone)]
pub struct EndDraft(pub(super) Table);

/// A TUN/TAP device.
#[derive(Debug, Clone)]
pub struct TapDraft(pub(super) Table);

/// A bridge device of a node.
#[derive(Debug, Clone)]
pub struct BridgeDraft {
    pub(super) name: String,
    pub(super) table: Table,
}

/// How a port of a bridge behaves.
#[derive(Debug, Clone, Default)]
pub struct PortDraft(pub(super) Table);

fn at(place: impl ToString) -> Table {
    let mut table = Table::default();
    table.set("at", Value::text(place));
    table
}

/// The end of a link at this place: `end("left:veth3")`.
pub fn end(place: impl ToString) -> EndDraft {
    EndDraft(at(place))
}

impl From<&str> for EndDraft {
    fn from(place: &str) -> Self {
        end(place)
    }
}

/// A TAP device, for Ethernet frames.
pub fn tap(place: impl ToString) -> TapDraft {
    TapDraft(at(place))
}

/// A TUN device, for IP packets.
pub fn tun(place: impl ToString) -> TapDraft {
    let mut table = at(place);
    table.set("mode", Value::text("tun"));
    TapDraft(table)
}

/// A bridge device of this name, for [`NodeDraft::bridge`](super::NodeDraft::bridge).
pub fn bridge_device(name: impl ToString) -> BridgeDraft {
    BridgeDraft { name: name.to_string(), table: Table::default() }
}

/// How a port of a bridge behaves; what is not said stays the kernel's default.
pub fn port() -> PortDraft {
    PortDraft::default()
}

impl EndDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

impl TapDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

impl BridgeDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.table
    }
}

impl PortDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

macro_rules! interface_words {
    ($($draft:ty),*) => {$(
        set! { $draft:
            /// Adds an address with its prefix length: `"10.0.0.1/24"`.
            ip("ip", one_more_text);
            /// Its hardware address.
            mac("mac", text);
            /// Its MTU in bytes.
            mtu("mtu", bare, u32);
            /// It is not brought up.
            down("up", no);
            /// One of its own sysctls: `sysctl("ipv4.rp_filter", 2)`.
            sysctl("sysctl", sysctl);
        }
    )*};
}
interface_words!(EndDraft, TapDraft, BridgeDraft);

macro_rules! port_words {
    ($($draft:ty),*) => {$(
        set! { $draft:
            /// It is a port of this bridge of its node.
            master("master", text);
            /// It is no port, though its node is a bridge.
            no_master("master", no);
            /// How it behaves as a port.
            port("port", table, PortDraft);
        }
    )*};
}
port_words!(EndDraft, TapDraft);

set! { BridgeDraft:
    /// Whether it takes part in the spanning tree protocol.
    stp("stp", bare, bool);
    /// How long a learned MAC is kept without being seen.
    ageing("ageing", span);
    /// How long a port listens and learns before it forwards, with STP on.
    forward_delay("forward_delay", span);
    /// Its priority in the spanning tree.
    priority("priority", bare, u16);
    /// Whether it listens to IGMP and MLD.
    multicast_snooping("multicast_snooping", bare, bool);
}

set! { PortDraft:
    /// Isolated ports do not talk to each other.
    isolated("isolated", bare, bool);
    /// A frame may go back out of the port that it came in by.
    hairpin("hairpin", bare, bool);
    /// Source MACs are learned.
    learning("learning", bare, bool);
    /// Unicast frames of unknown destination are sent out.
    flood("flood", bare, bool);
    /// Multicast frames of unknown group are sent out.
    mcast_flood("mcast_flood", bare, bool);
    /// Broadcast frames are sent out.
    bcast_flood("bcast_flood", bare, bool);
    /// Spanning tree messages that come in shut the port.
    guard("guard", bare, bool);
    /// The port may not become the root port.
    root_block("root_block", bare, bool);
    /// ARP and ND are answered by the bridge where it knows the answer.
    neigh_suppress("neigh_suppress", bare, bool);
    /// Its spanning tree cost.
    cost("cost", bare, u16);
    /// Its spanning tree priority.
    priority("priority", bare, u8);
}
