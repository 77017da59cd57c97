//! The labs that `bench build` builds, as data that every contestant's input is written from.
//!
//! - *star*: `sw` with the bridge `br0`, and N hosts, each on a port of it.
//! - *line*: N routers in a chain, forwarding, with a /31 between neighbours. It has connected
//!   routes only: ends that are not neighbours don't reach each other.
//! - *tree*: the same, but each router has two more below it.
//! - *bridges*: N hosts, each fifty of them on the bridge of one more node.

use std::net::Ipv4Addr;

use clap::ValueEnum;

/// The shape of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// N hosts on the bridge of one more node.
    Star,
    /// N routers in a chain.
    Line,
    /// N routers, each with two below it.
    Tree,
    /// N hosts, fifty on each bridge.
    Bridges,
}

impl Shape {
    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Star => "star",
            Self::Line => "line",
            Self::Tree => "tree",
            Self::Bridges => "bridges",
        }
    }
}

/// The node of a star that has the bridge.
const SWITCH: &str = "sw";
/// The bridge of a star.
pub const BRIDGE: &str = "br0";
/// The interface of a host of a star.
const HOST_IF: &str = "e0";
/// A router's interface to the router before it.
const LEFT_IF: &str = "left";
/// A router's interface to the router after it.
const RIGHT_IF: &str = "right";
/// A router's interface to the router above it.
const UP_IF: &str = "above";
/// The length of the prefix in a star.
const STAR_PREFIX: u8 = 16;
/// How many hosts are on each of many bridges.
const HOSTS_PER_BRIDGE: u32 = 50;
/// The length of the prefix of each of many bridges.
const BRIDGE_PREFIX: u8 = 24;
/// The length of the prefix between two routers.
const LINE_PREFIX: u8 = 31;

/// The name of a host of a star.
fn host(index: u32) -> String {
    format!("h{index}")
}

/// The port of the switch that leads to a host.
fn port(index: u32) -> String {
    format!("p{index}")
}

/// The address of a host of a star: 10.0.0.1 and on.
fn host_address(index: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + index)
}

/// The name of a router of a line.
fn router(index: u32) -> String {
    format!("r{index}")
}

/// The addresses between router `index` and the next, that of `index` first.
fn link_addresses(index: u32) -> (Ipv4Addr, Ipv4Addr) {
    let first = Ipv4Addr::new(10, 0, 0, 0).to_bits() + 2 * index;
    (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first + 1))
}

/// What a node of a bench's lab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has an address.
    Host,
    /// It has a bridge, [`BRIDGE`], and its interfaces are ports of it.
    Bridge,
    /// It forwards IPv4 and IPv6.
    Router,
}

/// One end of a veth pair.
#[derive(Debug, Clone)]
pub struct End {
    /// The node that it is in.
    pub node: String,
    /// Its name.
    pub interface: String,
    /// Its address and the prefix's length; a port of a bridge has none.
    pub address: Option<(Ipv4Addr, u8)>,
}

/// A lab: nodes in order, then links in order.
#[derive(Debug, Clone)]
pub struct Lab {
    /// Name and kind of each node.
    pub nodes: Vec<(String, Kind)>,
    /// The two ends of each veth pair; the second end's node is never after the first's.
    pub links: Vec<(End, End)>,
}

impl Lab {
    /// The lab of a shape with this many hosts or routers.
    pub fn new(shape: Shape, count: u32) -> Self {
        match shape {
            Shape::Star => Self::star(count),
            Shape::Line => Self::line(count),
            Shape::Tree => Self::tree(count),
            Shape::Bridges => Self::bridges(count),
        }
    }

    fn star(count: u32) -> Self {
        let hosts = (0..count).map(|index| (host(index), Kind::Host));
        let links = (0..count).map(|index| {
            let address = Some((host_address(index), STAR_PREFIX));
            let a = End { node: host(index), interface: HOST_IF.to_owned(), address };
            let b = End { node: SWITCH.to_owned(), interface: port(index), address: None };
            (a, b)
        });
        let switch = (SWITCH.to_owned(), Kind::Bridge);
        Self { nodes: std::iter::once(switch).chain(hosts).collect(), links: links.collect() }
    }

    fn line(count: u32) -> Self {
        Self::routers(count, |index| (index - 1, LEFT_IF, RIGHT_IF.to_owned()))
    }

    fn tree(count: u32) -> Self {
        Self::routers(count, |index| ((index - 1) / 2, UP_IF, format!("below{}", (index - 1) % 2)))
    }

    /// Each router but the first has a link to one before it: that one's number, and the names of
    /// the two ends.
    fn routers(count: u32, before: impl Fn(u32) -> (u32, &'static str, String)) -> Self {
        let links = (1..count).map(|index| {
            let (other, own_if, other_if) = before(index);
            let (other_ip, own_ip) = link_addresses(index - 1);
            let end = |node, interface: &str, address| End {
                node: router(node),
                interface: interface.to_owned(),
                address: Some((address, LINE_PREFIX)),
            };
            (end(index, own_if, own_ip), end(other, &other_if, other_ip))
        });
        Self {
            nodes: (0..count).map(|index| (router(index), Kind::Router)).collect(),
            links: links.collect(),
        }
    }

    fn bridges(count: u32) -> Self {
        let (mut nodes, mut links) = (Vec::new(), Vec::new());
        for index in 0..count {
            let (bridge, place) = (index / HOSTS_PER_BRIDGE, index % HOSTS_PER_BRIDGE);
            let switch = format!("{SWITCH}{bridge}");
            if place == 0 {
                nodes.push((switch.clone(), Kind::Bridge));
            }
            nodes.push((host(index), Kind::Host));
            let address = Ipv4Addr::from_bits(host_address(place).to_bits() + (bridge << 8));
            let address = Some((address, BRIDGE_PREFIX));
            let a = End { node: host(index), interface: HOST_IF.to_owned(), address };
            links.push((a, End { node: switch, interface: port(place), address: None }));
        }
        Self { nodes, links }
    }

    /// The same lab but for one address.
    pub fn changed(&self) -> Self {
        let mut changed = self.clone();
        if let Some((end, _)) = changed.links.last_mut() {
            end.address = Some((Ipv4Addr::new(10, 255, 0, 1), 24));
        }
        changed
    }

    /// The ends in a node, in the order of the links.
    pub fn ends<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a End> {
        self.links.iter().flat_map(|(a, b)| [a, b]).filter(move |end| end.node == node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_a_line_share_a_prefix_that_nobody_else_has() {
        let lab = Lab::line(600);
        let prefixes: std::collections::BTreeSet<u32> = lab
            .links
            .iter()
            .map(|(a, b)| {
                let bits = |end: &End| end.address.expect("an end of a line has one").0.to_bits();
                assert_eq!(bits(a) >> 1, bits(b) >> 1, "{a:?} and {b:?}");
                assert_ne!(bits(a), bits(b));
                bits(a) >> 1
            })
            .collect();
        assert_eq!(prefixes.len(), 599);
    }

    #[test]
    fn each_fifty_hosts_are_on_a_bridge_and_in_a_prefix_of_their_own() {
        let lab = Lab::bridges(120);
        let bridges = lab.nodes.iter().filter(|(_, kind)| *kind == Kind::Bridge);
        assert_eq!(bridges.count(), 3);
        for (host, port) in &lab.links {
            let (address, _) = host.address.expect("a host has one");
            assert_eq!(port.node, format!("{SWITCH}{}", address.octets()[2]));
        }
        let addresses: std::collections::BTreeSet<_> =
            lab.links.iter().map(|(host, _)| host.address).collect();
        assert_eq!(addresses.len(), 120);
    }

    #[test]
    fn no_router_of_a_tree_has_more_than_two_below_it() {
        let lab = Lab::tree(100);
        let ends: std::collections::BTreeSet<_> =
            lab.links.iter().flat_map(|(a, b)| [a, b]).map(|e| (&e.node, &e.interface)).collect();
        assert_eq!(ends.len(), 2 * 99);
        assert!(lab.nodes.iter().all(|(node, _)| lab.ends(node).count() <= 3));
    }

    #[test]
    fn a_star_of_ten_thousand_fits_into_its_prefix() {
        let (first, last) = (host_address(0).to_bits(), host_address(9_999).to_bits());
        let width = 32 - u32::from(STAR_PREFIX);
        assert_eq!(first >> width, last >> width);
        assert_ne!(last & ((1 << width) - 1), (1 << width) - 1, "not the broadcast address");
    }
}
