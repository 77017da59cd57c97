//! What is known of a lab: what netlink reports, and what the kernel answers when it is asked.
//!
//! Devices and addresses are known of all nodes, because a packet may have gone anywhere; all else is
//! asked for of a node when it is looked at for the first time, so a path through a lab of a thousand nodes
//! costs as much as one through ten. Nothing here changes anything.

mod segment;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use twinax_kernel::ask::{Asked, Listening, RouteQuery, Tunnel, is_tunnel};
use twinax_kernel::observe::What;
use twinax_kernel::replay::Policy;
use twinax_kernel::{Error, nft};
use twinax_lab::{ask, nodes, observe, wanted};
use twinax_packet::Mac;
use twinax_plan::{Observed, ObservedLink, ObservedNode};
use twinax_topology::{NodeName, Place, Wire};

use crate::seen::At;
use segment::Segment;

/// What is known of a lab, in the sandbox of the calling process.
pub struct Facts {
    all: Observed,
    wires: Vec<Wire>,
    looked_at: RefCell<HashMap<NodeName, Rc<ObservedNode>>>,
    routes: RefCell<HashMap<(NodeName, String), Asked>>,
    sysctls: RefCell<HashMap<(NodeName, String), Option<String>>>,
    sockets: RefCell<HashMap<NodeName, Rc<Vec<Listening>>>>,
    rules: RefCell<HashMap<NodeName, Rc<Vec<nft::rules::Rule>>>>,
    tunnels: RefCell<HashMap<NodeName, Rc<Vec<Tunnel>>>>,
    policies: RefCell<HashMap<NodeName, Rc<Vec<Policy>>>>,
    segments: RefCell<HashMap<At, Rc<Segment>>>,
}

impl Facts {
    /// Looks at all nodes.
    pub fn gather() -> Result<Self, Error> {
        let mut names = nodes::names()?;
        names.sort();
        let all = observe::nodes(names, &What { addresses: true, ..What::default() })?;
        let wires = wanted::wires().map_err(Error::io("reading which wires there are"))?;
        Ok(Self {
            all,
            wires,
            looked_at: RefCell::default(),
            routes: RefCell::default(),
            sysctls: RefCell::default(),
            sockets: RefCell::default(),
            rules: RefCell::default(),
            tunnels: RefCell::default(),
            policies: RefCell::default(),
            segments: RefCell::default(),
        })
    }

    /// The names of all nodes.
    pub fn names(&self) -> impl Iterator<Item = &NodeName> {
        self.all.nodes.iter().map(|(name, _)| name)
    }

    /// Whether link-local addresses, and no others, are not usable yet.
    pub fn is_detecting(&self) -> bool {
        let tentative = || {
            let links = self.all_links().filter(|(_, link)| link.carrier);
            links.flat_map(|(_, link)| &link.addresses).filter(|own| own.tentative)
        };
        tentative().next().is_some() && tentative().all(|own| own.scope == "link")
    }

    /// The devices that carry frames within packets: a link of theirs is longer than cables and bridges say.
    pub fn with_tunnels(&self) -> impl Iterator<Item = At> {
        let others = ["wireguard", "macsec"];
        let all = self
            .all_links()
            .filter(move |(_, link)| is_tunnel(&link.kind) || others.contains(&&*link.kind));
        all.map(|(node, link)| At::new(node, &link.name))
    }

    /// The devices of a node.
    pub fn links(&self, node: &NodeName) -> &[ObservedLink] {
        self.all.node(node).map_or(&[], |node| &node.links)
    }

    /// A device.
    pub fn link(&self, at: &At) -> Option<&ObservedLink> {
        self.links(&at.node).iter().find(|link| link.name == at.device)
    }

    /// Everything about a node.
    pub fn node(&self, node: &NodeName) -> Result<Rc<ObservedNode>, Error> {
        if let Some(known) = self.looked_at.borrow().get(node) {
            return Ok(known.clone());
        }
        let mut seen = observe::nodes(vec![node.clone()], &What::all())?.nodes;
        let mut seen = seen.pop().map(|(_, node)| node).unwrap_or_default();
        // Who the peers are is known only to whoever looks at all nodes.
        seen.links = self.links(node).to_vec();
        let seen = Rc::new(seen);
        self.looked_at.borrow_mut().insert(node.clone(), seen.clone());
        Ok(seen)
    }

    /// Which way a node sends a packet.
    pub fn route(&self, node: &NodeName, query: &RouteQuery) -> Result<Asked, Error> {
        let key = (node.clone(), query.command());
        if let Some(known) = self.routes.borrow().get(&key) {
            return Ok(known.clone());
        }
        let asked = ask::route(node, query)?;
        self.routes.borrow_mut().insert(key, asked.clone());
        Ok(asked)
    }

    /// The value of a sysctl, by its name with dots replaced by slashes.
    pub fn sysctl(&self, node: &NodeName, path: &str) -> Option<String> {
        let key = (node.clone(), path.to_owned());
        if let Some(known) = self.sysctls.borrow().get(&key) {
            return known.clone();
        }
        let value = ask::sysctl(node, path).ok().flatten();
        self.sysctls.borrow_mut().insert(key, value.clone());
        value
    }

    /// The value of a sysctl as a number; 0 where there is none.
    pub fn number(&self, node: &NodeName, path: &str) -> i64 {
        self.sysctl(node, path).and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }

    /// Who listens in a node.
    pub fn sockets(&self, node: &NodeName) -> Result<Rc<Vec<Listening>>, Error> {
        known(&self.sockets, node, || ask::sockets(node))
    }

    /// The rules of a node's nftables.
    pub fn rules(&self, node: &NodeName) -> Result<Rc<Vec<nft::rules::Rule>>, Error> {
        known(&self.rules, node, || ask::in_node(node, nft::rules::rules))
    }

    /// The IPsec policies of a node.
    pub fn policies(&self, node: &NodeName) -> Result<Rc<Vec<Policy>>, Error> {
        known(&self.policies, node, || ask::in_node(node, Policy::all))
    }

    /// The devices of a node that carry packets within packets.
    pub fn tunnels(&self, node: &NodeName) -> Result<Rc<Vec<Tunnel>>, Error> {
        let has_any = self.links(node).iter().any(|link| is_tunnel(&link.kind));
        let look = || if has_any { ask::tunnels(node) } else { Ok(Vec::new()) };
        known(&self.tunnels, node, look)
    }

    /// The tunnels of all nodes.
    pub fn all_tunnels(&self) -> Result<Vec<Tunnel>, Error> {
        let mut all = Vec::new();
        for node in self.names() {
            all.extend(self.tunnels(node)?.iter().cloned());
        }
        Ok(all)
    }

    /// The devices that have an address.
    pub fn owners(&self, address: IpAddr) -> Vec<At> {
        self.all_links()
            .filter(|(_, link)| link.addresses.iter().any(|own| own.address.addr() == address))
            .map(|(node, link)| At::new(node, &link.name))
            .collect()
    }

    /// Whether a node has an address.
    pub fn has_address(&self, node: &NodeName, address: IpAddr) -> bool {
        self.owners(address).iter().any(|at| at.node == *node)
    }

    /// The devices that have a hardware address.
    pub fn with_mac(&self, mac: Mac) -> Vec<At> {
        self.all_links()
            .filter(|(_, link)| link.mac.is_some_and(|own| Mac(own.octets()) == mac))
            .map(|(node, link)| At::new(node, &link.name))
            .collect()
    }

    fn all_links(&self) -> impl Iterator<Item = (&NodeName, &ObservedLink)> {
        self.all
            .nodes
            .iter()
            .flat_map(|(name, node)| node.links.iter().map(move |link| (name, link)))
    }

    /// The other end of a cable: a veth's peer, or where a wire leads.
    pub fn peer(&self, at: &At) -> Option<At> {
        let link = self.link(at)?;
        let node = self.all.node(&at.node)?;
        if let Some(place) = node.peer(&at.node, link) {
            return Some(At::new(&place.node, place.interface.as_str()));
        }
        let place = Place { node: at.node.clone(), interface: at.device.parse().ok()? };
        let other = self.wires.iter().find_map(|wire| wire.other_end(&place))?;
        Some(At::new(&other.node, other.interface.as_str()))
    }

    /// The bridge whose port a device is.
    pub fn bridge_of(&self, at: &At) -> Option<At> {
        let master = self.link(at)?.master.as_ref()?;
        let bridge = At::new(&at.node, master);
        self.link(&bridge).is_some_and(|link| link.kind == "bridge").then_some(bridge)
    }

    /// The ports of a bridge.
    pub fn ports<'a>(&'a self, bridge: &'a At) -> impl Iterator<Item = At> + 'a {
        let all = self.links(&bridge.node).iter();
        all.filter(|link| link.master.as_deref() == Some(&bridge.device))
            .map(|link| At::new(&bridge.node, &link.name))
    }

    /// The link that a device is on.
    pub fn segment(&self, of: &At) -> Rc<Segment> {
        if let Some(known) = self.segments.borrow().get(of) {
            return known.clone();
        }
        let segment = Rc::new(Segment::of(self, of));
        self.segments.borrow_mut().insert(of.clone(), segment.clone());
        segment
    }
}

/// What is known of a node, or is looked for once.
fn known<T>(
    all: &RefCell<HashMap<NodeName, Rc<T>>>,
    node: &NodeName,
    look: impl FnOnce() -> Result<T, Error>,
) -> Result<Rc<T>, Error> {
    if let Some(known) = all.borrow().get(node) {
        return Ok(known.clone());
    }
    let found = Rc::new(look()?);
    all.borrow_mut().insert(node.clone(), found.clone());
    Ok(found)
}
