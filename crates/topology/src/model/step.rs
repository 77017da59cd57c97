//! What is done in a lab once it stands, and what is expected of it.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::{
    EchoExpect, Family, Firewall, IfName, InterfaceSysctl, Link, Mac, Neighbour, Node, NodeName,
    PacketExpect, Ping, Place, PortAttributes, Program, Route, Rule, Span, Spot, Sysctl, Tap, Tcp,
    TcpExpect, Traceroute, TracerouteExpect, Udp, Wire,
};

/// One step of a lab: one thing that is done, with what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabStep {
    /// What the step shows, in the author's words; may be empty.
    pub about: String,
    /// What is done.
    pub action: Action,
    /// Which packets are seen while it is done, and which are not.
    pub packets: PacketExpect,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a lab has few steps, and most are looks")]
pub enum Action {
    /// Change the lab; in order.
    Change(Vec<Change>),
    /// Send echo requests.
    Ping(Ping, EchoExpect),
    /// Find out by which routers a packet goes.
    Traceroute(Traceroute, TracerouteExpect),
    /// Open a TCP connection and read what the other side says.
    Tcp(Tcp, TcpExpect),
    /// Send datagrams that the other side is to send back.
    Udp(Udp, EchoExpect),
    /// Run a command in a node to its end.
    Run(Run, RunExpect),
    /// Look at what the kernel reports of a node or interface.
    Look(Spot, LookExpect),
    /// Find out who reaches whom.
    Reach(Reach),
    /// Add nodes, links, TAPs and wires to the lab.
    Add(Addition),
    /// Remove nodes, devices and wires; in order.
    Remove(Vec<Removed>),
}

/// What is added to a lab that stands. An end of a link may be in a node that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addition {
    /// The nodes, each a network namespace.
    pub nodes: Vec<Node>,
    /// The veth pairs.
    pub links: Vec<Link>,
    /// The TUN/TAP devices.
    pub taps: Vec<Tap>,
    /// The wires, each between devices that are added or there already.
    pub wires: Vec<Wire>,
}

/// What is removed from a lab that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A node with everything in it, or a device; of a link, an end says which. With a TUN/TAP
    /// device goes its wire.
    Spot(Spot),
    /// The wire of this TUN/TAP device, which stays.
    Wire(Place),
}

impl Removed {
    /// The node that it is in.
    pub fn node(&self) -> &NodeName {
        match self {
            Self::Spot(spot) => &spot.node,
            Self::Wire(place) => &place.node,
        }
    }
}

/// One change of a lab that stands. Each is one `ip`, `bridge`, `sysctl` or `nft` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Move an interface into another node, where it keeps its name. The kernel takes it down
    /// and takes its addresses away.
    Move {
        /// Where it is.
        at: Place,
        /// Where it goes.
        to: NodeName,
    },
    /// Bring an interface up (`true`) or down.
    Up(Place, bool),
    /// Set an interface's MTU, in bytes.
    Mtu(Place, u32),
    /// Set an interface's hardware address.
    Mac(Place, Mac),
    /// Make an interface a port of a bridge of its node; `None`: of none.
    Master(Place, Option<IfName>),
    /// Set how a port behaves.
    Port(Place, PortAttributes),
    /// Add an address.
    AddAddress(Place, IpNet),
    /// Remove an address.
    DelAddress(Place, IpNet),
    /// Set a sysctl of one interface.
    InterfaceSysctl(Place, InterfaceSysctl),
    /// Set a sysctl of a node.
    Sysctl(NodeName, Sysctl),
    /// Add a route.
    AddRoute(NodeName, Route),
    /// Remove a route.
    DelRoute(NodeName, Route),
    /// Add a policy rule.
    AddRule(NodeName, Rule),
    /// Remove a policy rule.
    DelRule(NodeName, Rule),
    /// Add a static neighbour.
    AddNeighbour(NodeName, Neighbour),
    /// Remove a neighbour.
    DelNeighbour(NodeName, NeighbourKey),
    /// Put this firewall in place of the one that the node had: the table of the short words is
    /// replaced whole, the free ruleset loaded on top of what is there.
    Firewall(NodeName, Firewall),
}

/// Which neighbour is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourKey {
    /// The interface on whose link it is.
    pub dev: IfName,
    /// Its address.
    pub to: IpAddr,
}

/// A command that is run in a node to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The node.
    pub at: NodeName,
    /// What is executed.
    pub program: Program,
    /// How long it may take; then it is killed, and the step has failed.
    pub timeout: Span,
}

impl Run {
    /// The default of [`timeout`](Self::timeout).
    pub const TIMEOUT: Span = Span(Duration::from_secs(30));
}

/// What is expected of a command. Where nothing is said: that it ends with exit code 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunExpect {
    /// Its exit code; 128 + N when signal N ended it, as the shell has it.
    pub exit: Option<i32>,
    /// What it writes to standard output.
    pub stdout: Option<TextExpect>,
    /// What it writes to standard error.
    pub stderr: Option<TextExpect>,
}

/// What is expected of a text. All that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextExpect {
    /// It is exactly this, white space at both ends apart.
    pub is: Option<String>,
    /// It contains each of these.
    pub has: Vec<String>,
    /// It contains none of these.
    pub lacks: Vec<String>,
}

/// What is expected of a node or interface when it is looked at. All that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookExpect {
    /// Whether the interface is up (`IFF_UP`). Only for an interface.
    pub up: Option<bool>,
    /// Whether it has carrier (`IFF_LOWER_UP`). Only for an interface.
    pub carrier: Option<bool>,
    /// Its MTU in bytes. Only for an interface.
    pub mtu: Option<u32>,
    /// Its hardware address. Only for an interface.
    pub mac: Option<Mac>,
    /// Its bridge. Only for an interface.
    pub master: Option<IfName>,
    /// Exactly these addresses, link-local ones apart. Only for an interface.
    pub addresses: Option<Vec<IpNet>>,
    /// Exactly these interfaces, `lo` apart. Only for a node.
    pub interfaces: Option<Vec<IfName>>,
    /// Each of these is there.
    pub has: Facts,
    /// None of these is there.
    pub lacks: Facts,
}

/// Things that a node may have. A route, rule or neighbour is there when one is there that agrees
/// in everything that is said of it here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Interfaces.
    pub interfaces: Vec<IfName>,
    /// Addresses, on whatever interface (or on the one that is looked at).
    pub addresses: Vec<IpNet>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Policy rules.
    pub rules: Vec<Rule>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Sysctls and their values.
    pub sysctls: Vec<Sysctl>,
    /// nftables tables, as family and name: `inet twinax`.
    pub tables: Vec<String>,
    /// MAC addresses that a bridge has learned (on the port that is looked at), each said by the
    /// interface whose it is.
    pub learned: Vec<Place>,
}

/// Who reaches whom, found out by one echo request for each ordered pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// In each group everybody reaches everybody.
    pub groups: Vec<Vec<NodeName>>,
    /// Besides, the first of each pair reaches the second.
    pub also: Vec<(NodeName, NodeName)>,
    /// Between all of these (and the nodes of `groups` and `also`) nobody else reaches anybody;
    /// `None`: all nodes that have an address of the family.
    pub among: Option<Vec<NodeName>>,
    /// The family; IPv4 unless said, or unless no node has an IPv4 address.
    pub family: Option<Family>,
    /// How long to wait for answers.
    pub timeout: Span,
}

impl Change {
    /// The node in which the change happens.
    pub fn node(&self) -> &NodeName {
        self.subject().0
    }

    /// The interface that the change is about; `None`: it is about the node.
    pub fn place(&self) -> Option<&Place> {
        self.subject().1
    }

    fn subject(&self) -> (&NodeName, Option<&Place>) {
        match self {
            Self::Move { at: place, .. }
            | Self::Up(place, _)
            | Self::Mtu(place, _)
            | Self::Mac(place, _)
            | Self::Master(place, _)
            | Self::Port(place, _)
            | Self::AddAddress(place, _)
            | Self::DelAddress(place, _)
            | Self::InterfaceSysctl(place, _) => (&place.node, Some(place)),
            Self::Sysctl(node, _)
            | Self::AddRoute(node, _)
            | Self::DelRoute(node, _)
            | Self::AddRule(node, _)
            | Self::DelRule(node, _)
            | Self::AddNeighbour(node, _)
            | Self::DelNeighbour(node, _)
            | Self::Firewall(node, _) => (node, None),
        }
    }
}
