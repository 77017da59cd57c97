//! Nodes and interfaces in thought: what each has at this moment.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use crate::model::{Family, IfName, Mac, NodeName, TapMode};

/// What kind of device an interface is, as far as rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Loopback,
    Bridge,
    Veth,
    Tap,
    Tun,
}

/// An interface at this moment.
#[derive(Debug, Clone)]
pub(super) struct IfState {
    pub kind: Kind,
    pub up: bool,
    pub addresses: Vec<IpNet>,
    pub master: Option<IfName>,
    pub mtu: Option<u32>,
    pub mac: Option<Mac>,
    /// The link of which it is an end.
    pub link: Option<usize>,
    /// Where the file declares it.
    pub at: Range<usize>,
    /// When it came: see [`World::round`](super::world::World).
    pub round: usize,
    /// Under what its addresses are known by name; not so those of `lo`.
    pub home: Option<Home>,
}

/// The node for which the file declares an interface, and its place among those declared there:
/// first by kind, as in [`Topology::interfaces`](crate::Topology::interfaces), then by order.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub node: NodeName,
    pub rank: (u8, usize),
}

/// A node at this moment.
pub(super) struct NodeState {
    pub interfaces: HashMap<IfName, IfState>,
    /// Where the file declares it.
    pub at: Range<usize>,
    /// When it came: see [`World::round`](super::world::World).
    pub round: usize,
    /// Where it is said that new interfaces have no IPv6.
    pub no_ipv6: Option<Range<usize>>,
    /// The ports of each bridge.
    ports: HashMap<IfName, BTreeSet<IfName>>,
    /// Whether a command has run there that may have changed anything: then "there is no …" can't
    /// be said any more.
    pub wild: bool,
    /// Whether something has happened that makes the kernel drop routes of its own accord.
    pub unsettled: bool,
    /// The node's own addresses.
    own: HashMap<IpAddr, Own>,
    /// The subnets of addresses on interfaces that are up, and which interfaces these are.
    connected: HashMap<IpNet, HashMap<IfName, usize>>,
    /// The destinations of routes that have an interface and no gateway.
    device_routes: HashMap<IpNet, HashSet<IfName>>,
    /// The prefix lengths that the keys of the two have, for IPv4 and IPv6.
    lengths: [BTreeSet<u8>; 2],
    /// The routes, by table, prefix and metric, and where each is said.
    pub routes: HashMap<(u32, IpNet, u32), Range<usize>>,
}

/// An address of a node.
struct Own {
    /// How often it has it.
    count: usize,
    /// The first interface that has it, and its subnet there; none once that has lost it.
    first: Option<(IfName, IpNet)>,
}

impl NodeState {
    pub(super) fn new(at: Range<usize>, round: usize) -> Self {
        Self {
            interfaces: HashMap::new(),
            at,
            round,
            no_ipv6: None,
            ports: HashMap::new(),
            wild: false,
            unsettled: false,
            own: HashMap::new(),
            connected: HashMap::new(),
            device_routes: HashMap::new(),
            lengths: [BTreeSet::new(), BTreeSet::new()],
            routes: HashMap::new(),
        }
    }

    /// Puts an interface in; its addresses count.
    pub(super) fn insert(&mut self, name: IfName, mut state: IfState) {
        let addresses = std::mem::take(&mut state.addresses);
        let master = state.master.take();
        self.interfaces.insert(name.clone(), state);
        self.set_master(&name, master);
        for address in addresses {
            self.add_address(&name, address);
        }
    }

    /// Takes an interface out, with its addresses.
    pub(super) fn remove(&mut self, name: &IfName) -> Option<IfState> {
        for address in self.interfaces.get(name)?.addresses.clone() {
            self.del_address(name, address);
        }
        self.set_master(name, None);
        for port in self.ports.remove(name).unwrap_or_default() {
            if let Some(port) = self.interfaces.get_mut(&port) {
                port.master = None;
            }
        }
        self.unsettled = true;
        self.interfaces.remove(name)
    }

    /// Makes an interface a port of a bridge, or of none; says how many ports the bridge has then.
    pub(super) fn set_master(&mut self, name: &IfName, master: Option<IfName>) -> usize {
        let Some(interface) = self.interfaces.get_mut(name) else { return 0 };
        let old = std::mem::replace(&mut interface.master, master.clone());
        if let Some(ports) = old.and_then(|old| self.ports.get_mut(&old)) {
            ports.remove(name);
        }
        let Some(master) = master else { return 0 };
        let ports = self.ports.entry(master).or_default();
        ports.insert(name.clone());
        ports.len()
    }

    /// The ports of a bridge, by name.
    pub(super) fn ports(&self, bridge: &IfName) -> impl Iterator<Item = &IfName> {
        self.ports.get(bridge).into_iter().flatten()
    }

    /// The first interface that has this address, and its subnet there, where it is known.
    pub(super) fn holder(&self, address: IpAddr) -> Option<&(IfName, IpNet)> {
        self.own.get(&address)?.first.as_ref()
    }

    /// Gives an interface an address.
    pub(super) fn add_address(&mut self, name: &IfName, address: IpNet) {
        let Some(interface) = self.interfaces.get_mut(name) else { return };
        interface.addresses.push(address);
        let up = interface.up;
        let first = || Own { count: 0, first: Some((name.clone(), address)) };
        self.own.entry(address.addr()).or_insert_with(first).count += 1;
        if up {
            self.connect(name, address);
        }
    }

    /// Takes an address from an interface; says whether it was there.
    pub(super) fn del_address(&mut self, name: &IfName, address: IpNet) -> bool {
        let Some(interface) = self.interfaces.get_mut(name) else { return false };
        let Some(index) = interface.addresses.iter().position(|have| *have == address) else {
            return false;
        };
        interface.addresses.remove(index);
        let up = interface.up;
        if let Some(own) = self.own.get_mut(&address.addr()) {
            own.count -= 1;
            own.first.take_if(|first| *first == (name.clone(), address));
            if own.count == 0 {
                self.own.remove(&address.addr());
            }
        }
        if up {
            self.disconnect(name, address);
        }
        self.unsettled = true;
        true
    }

    /// Brings an interface up or down. What goes down loses its IPv6 addresses.
    pub(super) fn set_up(&mut self, name: &IfName, up: bool) {
        let Some(interface) = self.interfaces.get(name) else { return };
        if interface.up == up {
            return;
        }
        let addresses = interface.addresses.clone();
        if up {
            for address in addresses {
                self.connect(name, address);
            }
        } else {
            for address in addresses {
                if Family::of_net(&address) == Family::Ipv6 {
                    self.del_address(name, address);
                } else {
                    self.disconnect(name, address);
                }
            }
            self.unsettled = true;
        }
        if let Some(interface) = self.interfaces.get_mut(name) {
            interface.up = up;
        }
    }

    fn connect(&mut self, name: &IfName, address: IpNet) {
        let net = address.trunc();
        self.lengths[family_index(&net)].insert(net.prefix_len());
        *self.connected.entry(net).or_default().entry(name.clone()).or_default() += 1;
    }

    fn disconnect(&mut self, name: &IfName, address: IpNet) {
        let Some(interfaces) = self.connected.get_mut(&address.trunc()) else { return };
        if let Some(count) = interfaces.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                interfaces.remove(name);
            }
        }
    }

    /// Notes a route out of an interface, without a gateway.
    pub(super) fn add_device_route(&mut self, net: IpNet, name: &IfName) {
        self.lengths[family_index(&net)].insert(net.prefix_len());
        self.device_routes.entry(net).or_default().insert(name.clone());
    }

    /// Whether the node has this address itself.
    pub(super) fn owns(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.contains_key(&address)
    }

    /// Whether the kernel has a route of its own to this subnet.
    pub(super) fn is_connected(&self, net: &IpNet) -> bool {
        self.connected.get(net).is_some_and(|interfaces| !interfaces.is_empty())
    }

    /// The longest subnet of the node that has this address, on `dev` if one is given.
    pub(super) fn subnet_of(&self, address: IpAddr, dev: Option<&IfName>) -> Option<IpNet> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        lengths.iter().rev().find_map(|&length| {
            let net = IpNet::new(address, length).ok()?.trunc();
            let connected = self.connected.get(&net).is_some_and(|interfaces| match dev {
                Some(dev) => interfaces.contains_key(dev),
                None => !interfaces.is_empty(),
            });
            let routed = || {
                self.device_routes
                    .get(&net)
                    .is_some_and(|interfaces| dev.is_none_or(|dev| interfaces.contains(dev)))
            };
            (connected || routed()).then_some(net)
        })
    }
}

fn family_index(net: &IpNet) -> usize {
    usize::from(Family::of_net(net) == Family::Ipv6)
}

impl From<TapMode> for Kind {
    fn from(mode: TapMode) -> Self {
        match mode {
            TapMode::Tap => Self::Tap,
            TapMode::Tun => Self::Tun,
        }
    }
}
