//! The labs that `bench build` builds, as data that every contestant's input is written from.
//!
//! - *star*: `sw` with the bridge `br0`, and N hosts, each on a port of it.
//! - *line*: N routers in a chain, forwarding, with a /31 between neighbours. It has connected
//!   routes only: ends that are not neighbours don't reach each other.

use std::net::Ipv4Addr;

use clap::ValueEnum;

/// The shape of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// N hosts on the bridge of one more node.
    Star,
    /// N routers in a chain.
    Line,
}

impl Shape {
    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Star => "star",
            Self::Line => "line",
        }
    }
}

/// The node of a star that has the bridge.
pub const SWITCH: &str = "sw";
/// The bridge of a star.
pub const BRIDGE: &str = "br0";
/// The interface of a host of a star.
pub const HOST_IF: &str = "e0";
/// A router's interface to the router before it.
pub const LEFT_IF: &str = "left";
/// A router's interface to the router after it.
pub const RIGHT_IF: &str = "right";
/// The length of the prefix in a star.
pub const STAR_PREFIX: u8 = 16;
/// The length of the prefix between neighbours in a line.
pub const LINE_PREFIX: u8 = 31;

/// The name of a host of a star.
pub fn host(index: u32) -> String {
    format!("h{index}")
}

/// The port of the switch that leads to a host.
pub fn port(index: u32) -> String {
    format!("p{index}")
}

/// The address of a host of a star: 10.0.0.1 and on.
pub fn host_address(index: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + index)
}

/// The name of a router of a line.
pub fn router(index: u32) -> String {
    format!("r{index}")
}

/// The addresses between router `index` and the next, that of `index` first.
pub fn link_addresses(index: u32) -> (Ipv4Addr, Ipv4Addr) {
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
        let links = (1..count).map(|index| {
            let (before, own) = link_addresses(index - 1);
            let end = |node, interface: &str, address| End {
                node: router(node),
                interface: interface.to_owned(),
                address: Some((address, LINE_PREFIX)),
            };
            (end(index, LEFT_IF, own), end(index - 1, RIGHT_IF, before))
        });
        Self {
            nodes: (0..count).map(|index| (router(index), Kind::Router)).collect(),
            links: links.collect(),
        }
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
    fn a_star_of_ten_thousand_fits_into_its_prefix() {
        let (first, last) = (host_address(0).to_bits(), host_address(9_999).to_bits());
        let width = 32 - u32::from(STAR_PREFIX);
        assert_eq!(first >> width, last >> width);
        assert_ne!(last & ((1 << width) - 1), (1 << width) - 1, "not the broadcast address");
    }
}
