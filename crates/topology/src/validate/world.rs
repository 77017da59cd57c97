//! The lab in thought.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use crate::diagnostic::{Collector, Diagnostic};
use crate::file::list_of;
use crate::lower::{Draft, Whole};
use crate::model::{Action, Change, Family, IfName, NodeName, Place, TapMode};

/// Nodes, and what is in them at this moment.
pub(super) struct World {
    pub nodes: HashMap<NodeName, NodeState>,
    /// What of the lab could be made out.
    pub whole: Whole,
    /// Where steps move interfaces to.
    arrivals: HashSet<Place>,
    /// The addresses that the file gives, by node, in the order of [`Topology::interfaces`].
    ///
    /// [`Topology::interfaces`]: crate::Topology::interfaces
    pub declared: HashMap<NodeName, Vec<(IfName, IpAddr)>>,
}

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
    /// Where the file declares it.
    pub at: Range<usize>,
}

/// A node at this moment.
pub(super) struct NodeState {
    pub interfaces: HashMap<IfName, IfState>,
    /// Whether a command has run there that may have changed anything: then "there is no …" can't
    /// be said any more.
    pub wild: bool,
    /// Whether something has happened that makes the kernel drop routes of its own accord.
    pub unsettled: bool,
    /// The node's own addresses, and how often it has each.
    own: HashMap<IpAddr, usize>,
    /// The subnets of addresses on interfaces that are up, and which interfaces these are.
    connected: HashMap<IpNet, HashMap<IfName, usize>>,
    /// The destinations of routes that have an interface and no gateway.
    device_routes: HashMap<IpNet, HashSet<IfName>>,
    /// The prefix lengths that the keys of the two have, for IPv4 and IPv6.
    lengths: [BTreeSet<u8>; 2],
    /// The routes, by table, prefix and metric, and where each is said.
    pub routes: HashMap<(u32, IpNet, u32), Range<usize>>,
}

impl World {
    /// A world of nodes that have only a loopback device.
    pub(super) fn new(draft: &Draft<'_>) -> Self {
        let mut nodes = HashMap::new();
        for (node, marks) in &draft.nodes {
            let mut state = NodeState::new();
            // Entered nowhere else: no subnet or gateway is found by the addresses of `lo`.
            let addresses =
                ["127.0.0.1/8", "::1/128"].map(|text| text.parse().expect("a valid address"));
            let lo = IfState {
                kind: Kind::Loopback,
                up: node.lo,
                addresses: if node.lo { addresses.into() } else { Vec::new() },
                master: None,
                mtu: None,
                at: marks.name.clone(),
            };
            state.interfaces.insert("lo".parse().expect("a valid name"), lo);
            nodes.insert(node.name.clone(), state);
        }
        let changes = draft.steps.iter().flat_map(|(step, _)| match &step.action {
            Action::Change(changes) => changes.as_slice(),
            _ => &[],
        });
        let arrivals = changes
            .filter_map(|change| match change {
                Change::Move { at, to } => {
                    Some(Place { node: to.clone(), interface: at.interface.clone() })
                }
                _ => None,
            })
            .collect();
        let mut declared: HashMap<NodeName, Vec<_>> = HashMap::new();
        for one in &draft.declared {
            let Place { node, interface } = &one.interface.place;
            let list = declared.entry(node.clone()).or_default();
            list.extend(one.interface.addresses.iter().map(|net| (interface.clone(), net.addr())));
        }
        Self { nodes, whole: draft.whole, arrivals, declared }
    }

    /// Reports a node that is not there.
    pub(super) fn no_node(&self, name: &NodeName, span: Range<usize>, to: &mut Collector<'_>) {
        if self.whole.nodes {
            let help = to.meant(name.as_str(), self.nodes.keys().map(NodeName::as_str));
            let title = format!("no node `{name}`");
            to.push(Diagnostic::new(span, title).label("no such node").maybe_help(help));
        }
    }

    /// Whether the node is there; reports where not.
    pub(super) fn has_node(
        &self,
        name: &NodeName,
        span: &Range<usize>,
        to: &mut Collector<'_>,
    ) -> bool {
        let there = self.nodes.contains_key(name);
        if !there {
            self.no_node(name, span.clone(), to);
        }
        there
    }

    /// Whether the interface is in the node now (or a command may have put it there); reports
    /// where not.
    pub(super) fn has_interface(
        &self,
        place: &Place,
        span: &Range<usize>,
        to: &mut Collector<'_>,
    ) -> bool {
        let Some(node) = self.nodes.get(&place.node) else {
            self.no_node(&place.node, span.clone(), to);
            return false;
        };
        if node.interfaces.contains_key(&place.interface) {
            return true;
        }
        if !node.wild {
            self.no_interface(place, span, to);
        }
        false
    }

    /// Reports an interface that is not there.
    pub(super) fn no_interface(&self, place: &Place, span: &Range<usize>, to: &mut Collector<'_>) {
        if !self.whole.interfaces {
            return;
        }
        let Place { node, interface } = place;
        let names = self.nodes.get(node).into_iter().flat_map(|state| state.interfaces.keys());
        let mut help = to.meant(interface.as_str(), names.map(IfName::as_str));
        if help.is_none() && !to.is_crowded() {
            let mut elsewhere: Vec<&NodeName> = self
                .nodes
                .iter()
                .filter(|(_, state)| {
                    state.interfaces.contains_key(interface) && interface.as_str() != "lo"
                })
                .map(|(name, _)| name)
                .collect();
            elsewhere.sort();
            help = elsewhere.first().map(|other| {
                let when = if self.arrivals.contains(place) { " at this point" } else { "" };
                format!("`{interface}` is in node `{other}`{when}")
            });
        }
        if help.is_none() && !to.is_crowded() {
            let names = self.nodes.get(node).into_iter().flat_map(|state| state.interfaces.keys());
            let mut names: Vec<&str> = names.map(IfName::as_str).collect();
            names.sort_unstable();
            let more = if names.len() > 6 { " and others" } else { "" };
            names.truncate(6);
            help = Some(format!("`{node}` has {}{more}", list_of(&names)));
        }
        let title = format!("no interface `{interface}` in node `{node}`");
        to.push(Diagnostic::new(span.clone(), title).label("no such interface").maybe_help(help));
    }

    /// Whether the interface is in the node, or a step brings it there, or a command may.
    pub(super) fn ever_has_interface(&self, place: &Place) -> bool {
        self.arrivals.contains(place)
            || self
                .nodes
                .get(&place.node)
                .is_none_or(|node| node.wild || node.interfaces.contains_key(&place.interface))
    }

    /// Marks the nodes of which too little is known once the lab stands: commands run there, or
    /// IPv6 addresses come and go by other rules than usual.
    pub(super) fn start(&mut self, draft: &Draft<'_>) {
        let with_commands = draft.nodes.iter().filter(|(node, _)| !node.commands.is_empty());
        let with_sysctls = draft
            .nodes
            .iter()
            .filter(|(node, _)| node.sysctls.iter().any(|sysctl| moves_ipv6(sysctl.key.path())));
        let with_own = draft
            .declared
            .iter()
            .filter(|one| one.interface.sysctls.iter().any(|sysctl| moves_ipv6(&sysctl.knob)));
        let names = with_commands
            .chain(with_sysctls)
            .map(|(node, _)| &node.name)
            .chain(with_own.map(|one| &one.interface.place.node));
        for name in names {
            self.loosen(name);
        }
    }

    /// From now on nothing is said to be missing in this node.
    pub(super) fn loosen(&mut self, node: &NodeName) {
        if let Some(state) = self.nodes.get_mut(node) {
            state.wild = true;
        }
    }
}

/// Whether a sysctl decides when an interface loses its IPv6 addresses.
pub(super) fn moves_ipv6(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("keep_addr_on_down" | "disable_ipv6"))
}

impl NodeState {
    fn new() -> Self {
        Self {
            interfaces: HashMap::new(),
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
        self.interfaces.insert(name.clone(), state);
        for address in addresses {
            self.add_address(&name, address);
        }
    }

    /// Takes an interface out, with its addresses.
    pub(super) fn remove(&mut self, name: &IfName) -> Option<IfState> {
        for address in self.interfaces.get(name)?.addresses.clone() {
            self.del_address(name, address);
        }
        self.unsettled = true;
        self.interfaces.remove(name)
    }

    /// Gives an interface an address.
    pub(super) fn add_address(&mut self, name: &IfName, address: IpNet) {
        let Some(interface) = self.interfaces.get_mut(name) else { return };
        interface.addresses.push(address);
        let up = interface.up;
        *self.own.entry(address.addr()).or_default() += 1;
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
        if let Some(count) = self.own.get_mut(&address.addr()) {
            *count -= 1;
            if *count == 0 {
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
