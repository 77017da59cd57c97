//! What the kernel reports of a lab, in words that can be compared, searched and printed.
//!
//! Nothing here is normalised: an interface's index, a random MAC, an entry that comes and goes
//! are all in it, and who compares says what does not count.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Serialize, Serializer};
use twinax_topology::{Mac, NodeName, Place};

/// What the kernel reports of all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Observed {
    /// Each node under its name, in the order in which they are to be shown.
    #[serde(serialize_with = "as_map")]
    pub nodes: Vec<(NodeName, ObservedNode)>,
}

impl Observed {
    /// The node of this name.
    pub fn node(&self, name: &NodeName) -> Option<&ObservedNode> {
        self.nodes.iter().find(|(own, _)| own == name).map(|(_, node)| node)
    }
}

fn as_map<S: Serializer>(nodes: &[(NodeName, ObservedNode)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(nodes.iter().map(|(name, node)| (name, node)))
}

/// What the kernel reports of one network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ObservedNode {
    /// Its devices, in ascending order of their index.
    pub links: Vec<ObservedLink>,
    /// Its routes, of all tables and both families, as the kernel orders them.
    pub routes: Vec<ObservedRoute>,
    /// Its policy rules, in the order in which they are tried.
    pub rules: Vec<ObservedRule>,
    /// Its neighbour tables.
    pub neighbours: Vec<ObservedNeighbour>,
    /// The forwarding databases of its bridges.
    pub fdb: Vec<ObservedFdb>,
    /// The sysctls that were asked for, as path below `/proc/sys`, with their values.
    pub sysctls: BTreeMap<String, String>,
    /// Its nftables tables, as family and name: `inet twinax`.
    pub tables: Vec<String>,
}

impl ObservedNode {
    /// The device of this name.
    pub fn link(&self, name: &str) -> Option<&ObservedLink> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The other end of a veth pair of this node, whose name is given too. One in the node itself
    /// is found without [`ObservedLink::peer`].
    pub fn peer(&self, name: &NodeName, link: &ObservedLink) -> Option<Place> {
        let here = || {
            let index = link.peer_index.filter(|_| link.peer_netnsid.is_none())?;
            let other = self.links.iter().find(|other| other.index == index)?;
            Some(Place { node: name.clone(), interface: other.name.parse().ok()? })
        };
        (link.kind == "veth").then(|| link.peer.clone().or_else(here)).flatten()
    }
}

/// The devices that a namespace has by itself: `lo`, and those that the tunnel modules make in each
/// namespace (`net.core.fb_tunnels_only_for_init_net`).
const NATIVE: [&str; 10] = [
    "lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0",
    "ip6gre0",
];

impl ObservedLink {
    /// Whether a fresh namespace has it by itself; such a device can't be removed.
    pub fn is_native(&self) -> bool {
        NATIVE.contains(&self.name.as_str()) && !matches!(&*self.kind, "veth" | "bridge" | "tun")
    }
}

/// A device (`RTM_GETLINK`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ObservedLink {
    /// Its index in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its kind (`IFLA_INFO_KIND`): `veth`, `bridge`, `tun`; empty for `lo`.
    pub kind: String,
    /// Whether it is administratively up (`IFF_UP`).
    pub up: bool,
    /// Whether it has carrier (`IFF_LOWER_UP`).
    pub carrier: bool,
    /// Whether it neither asks for neighbours nor answers (`IFF_NOARP`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noarp: bool,
    /// Its operational state (RFC 2863), in the words of `ip link`: `UP`, `DOWN`, `LOWERLAYERDOWN`…
    pub state: String,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its queueing discipline.
    pub qdisc: String,
    /// Its hardware address, where it has one that one interface can have.
    pub mac: Option<Mac>,
    /// Whether somebody set that address, as opposed to the kernel drawing it (`NET_ADDR_SET` in
    /// `addr_assign_type` of sysfs: netlink does not tell); `None`: not known.
    pub mac_set: Option<bool>,
    /// The index of the other end (`IFLA_LINK`), in the namespace where that is.
    pub peer_index: Option<u32>,
    /// Which namespace that is, as this one numbers it (`IFLA_LINK_NETNSID`); `None`: this one.
    pub peer_netnsid: Option<i32>,
    /// The other end of a veth pair, where it is in a node of the lab that was looked at as well.
    pub peer: Option<Place>,
    /// The bridge whose port it is, by name.
    pub master: Option<String>,
    /// How it behaves as a port, under the names of `bridge link`; numbers as text, switches as
    /// `on` and `off`. Empty when it is no port.
    pub port: BTreeMap<String, String>,
    /// How it behaves as a bridge, under the names of `ip -d link`. Empty when it is none.
    pub bridge: BTreeMap<String, String>,
    /// `tap` or `tun` where it is a TUN/TAP device.
    pub tap: Option<String>,
    /// Its addresses, as the kernel orders them.
    pub addresses: Vec<ObservedAddress>,
}

/// An address (`RTM_GETADDR`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedAddress {
    /// The address with its prefix length.
    pub address: IpNet,
    /// Its scope: `global`, `link`, `host`.
    pub scope: String,
    /// Whether duplicate address detection has not ended yet (`IFA_F_TENTATIVE`).
    pub tentative: bool,
    /// Its broadcast address.
    pub broadcast: Option<IpAddr>,
    /// Whether the kernel made it by itself (`IFA_PROTO`, told of IPv6 addresses since Linux
    /// 5.18): link-local, or by a router advertisement. `false` where it does not say.
    pub by_kernel: bool,
}

/// A route (`RTM_GETROUTE`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedRoute {
    /// Its table.
    pub table: u32,
    /// Its type: `unicast`, `local`, `broadcast`, `blackhole`…
    pub kind: String,
    /// Its destinations.
    pub to: IpNet,
    /// Its gateway.
    pub via: Option<IpAddr>,
    /// The device that it leaves by, by name.
    pub dev: Option<String>,
    /// The preferred source.
    pub src: Option<IpAddr>,
    /// Its metric.
    pub metric: u32,
    /// Its scope: `global`, `link`, `host`.
    pub scope: String,
    /// Who made it: `kernel`, `boot`, `static`, `ra`…
    pub protocol: String,
    /// Whether its gateway is taken to be on the link (`RTNH_F_ONLINK`).
    pub onlink: bool,
    /// The ID of the next hop object by which it goes (`ip nexthop`), where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nexthop: Option<u32>,
}

/// A policy rule (`RTM_GETRULE`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedRule {
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// Its preference.
    pub priority: u32,
    /// Whether it is for packets that do not match.
    pub not: bool,
    /// The source.
    pub from: Option<IpNet>,
    /// The destination.
    pub to: Option<IpNet>,
    /// The interface that the packet came in by.
    pub iif: Option<String>,
    /// The interface that the sending socket is bound to.
    pub oif: Option<String>,
    /// The packet's mark.
    pub mark: Option<u32>,
    /// The bits of the mark that count.
    pub mask: Option<u32>,
    /// What it does: `lookup`, `blackhole`, `prohibit`, `unreachable`…
    pub action: String,
    /// The table that it looks up; 0 where it looks up none.
    pub table: u32,
    /// What else it looks at or does, by the names of `linux/fib_rules.h` without `FRA_`; a lab
    /// file has no words for that.
    pub beyond: Vec<String>,
}

/// A neighbour (`RTM_GETNEIGH`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedNeighbour {
    /// The device on whose link it is, by name.
    pub dev: String,
    /// Its address.
    pub to: IpAddr,
    /// Its hardware address, once known.
    pub mac: Option<Mac>,
    /// Its state: `PERMANENT`, `REACHABLE`, `STALE`, `FAILED`…
    pub state: String,
}

/// An entry of a bridge's forwarding database (`RTM_GETNEIGH` of family `AF_BRIDGE`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedFdb {
    /// The port behind which the address is, by name.
    pub dev: String,
    /// The address.
    pub mac: Mac,
    /// The bridge, by name.
    pub bridge: Option<String>,
    /// Whether it was learned from traffic, and not set.
    pub learned: bool,
}
