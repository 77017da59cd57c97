//! The lab in thought.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;

use super::state::{Home, IfState, Kind, NodeState};
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::list_of;
use crate::lower::{Declared, Device, NodeMarks, Parts, StepMarks, Whole};
use crate::model::{Action, Change, IfName, LabStep, Node, NodeName, Place, Spot, Sysctl};
use crate::reading::MAX_NODES;

/// Nodes, and what is in them at this moment.
pub(super) struct World {
    pub nodes: HashMap<NodeName, NodeState>,
    /// What of the lab could be made out.
    pub whole: Whole,
    /// How often parts have come: the file's own are the first, then each addition has a number.
    pub round: usize,
    /// How many more interfaces that were there before may be looked at for additions' sake: what
    /// is added to a large lab time and again is not compared with all of it for ever.
    pub patience: usize,
    /// Where steps move interfaces to, and add them.
    arrivals: HashSet<Place>,
    /// The ends of each link that are there.
    ends: HashMap<usize, Vec<Place>>,
    /// The wires, by each of their ends.
    wires: HashMap<Place, Wired>,
    /// The addresses that the file gives, by node, in the order of [`Topology::interfaces`].
    ///
    /// [`Topology::interfaces`]: crate::Topology::interfaces
    declared: HashMap<NodeName, Declarations>,
    /// How many interfaces were declared.
    count: usize,
    /// The nodes that were removed, and the step that did it.
    gone: HashMap<NodeName, Range<usize>>,
    /// The interfaces that were removed.
    gone_interfaces: HashMap<Place, Gone>,
}

/// The addresses declared in a node, with their interfaces, by the rank of the interface and the
/// number of the address on it.
type Declarations = BTreeMap<((u8, usize), usize), (IfName, IpAddr)>;

/// The wire of a device.
pub(super) struct Wired {
    /// The device at its other end.
    pub other: Place,
    /// Where the file says this end.
    pub at: Range<usize>,
}

/// How an interface was removed.
struct Gone {
    /// The step that did it.
    step: Range<usize>,
    /// The other end of the link, with which it went.
    with: Option<Place>,
}

impl World {
    /// A world in which nothing is yet, but these things are going to be done.
    pub(super) fn new<'s, 'k: 's>(
        whole: Whole,
        steps: impl Iterator<Item = (&'s LabStep, &'s StepMarks<'k>)>,
    ) -> Self {
        let mut arrivals = HashSet::new();
        for (step, marks) in steps {
            if let Action::Change(changes) = &step.action {
                arrivals.extend(changes.iter().filter_map(|change| match change {
                    Change::Move { at, to } => {
                        Some(Place { node: to.clone(), interface: at.interface.clone() })
                    }
                    _ => None,
                }));
            }
            let added = marks.parts.iter().flat_map(|parts| &parts.declared);
            arrivals.extend(added.map(|one| one.interface.place.clone()));
        }
        Self {
            nodes: HashMap::new(),
            whole,
            round: 0,
            patience: 1_000_000,
            arrivals,
            ends: HashMap::new(),
            wires: HashMap::new(),
            declared: HashMap::new(),
            count: 0,
            gone: HashMap::new(),
            gone_interfaces: HashMap::new(),
        }
    }

    /// Brings in nodes that have only a loopback device; reports those whose names are taken.
    pub(super) fn enter(&mut self, parts: &Parts<'_>, to: &mut Collector<'_>) {
        self.round += 1;
        self.whole = self.whole.and(parts.whole);
        for (node, marks) in &parts.nodes {
            match self.nodes.get_mut(&node.name) {
                Some(there) => {
                    if self.whole.nodes {
                        let title = format!("a node `{}` is there already", node.name);
                        to.push(
                            Diagnostic::new(marks.name.clone(), title)
                                .label("the name is taken")
                                .also(there.at.clone(), "by this one"),
                        );
                    }
                    // What is said of it from now on may be meant of either.
                    there.wild = true;
                    there.no_ipv6 = None;
                }
                None => {
                    self.gone.remove(&node.name);
                    self.nodes.insert(node.name.clone(), newcomer(node, marks, self.round));
                }
            }
        }
        if self.nodes.len() > MAX_NODES
            && let Some((_, marks)) = parts.nodes.last()
        {
            let count = self.nodes.len();
            let title = format!("a lab of {count} nodes; at most {MAX_NODES} are possible");
            to.push(Diagnostic::new(marks.name.clone(), title));
        }
    }

    /// Whether the node came with the parts that came last.
    pub(super) fn is_new(&self, node: &NodeName) -> bool {
        self.nodes.get(node).is_some_and(|state| state.round == self.round)
    }

    /// Whether an interface came in as it is declared: its node is there, and its name was free.
    pub(super) fn has(&self, one: &Declared<'_>) -> bool {
        let Place { node, interface } = &one.interface.place;
        let state = self.nodes.get(node).and_then(|state| state.interfaces.get(interface));
        state.is_some_and(|state| state.at == one.at && state.round == self.round)
    }

    /// Notes the addresses by which an interface can be meant.
    pub(super) fn name(&mut self, one: &Declared<'_>) -> Home {
        let kind = match one.device {
            Device::Bridge => 0,
            Device::Veth { .. } => 1,
            Device::Tap(_) => 2,
        };
        let Place { node, interface } = &one.interface.place;
        let home = Home { node: node.clone(), rank: (kind, self.count) };
        self.count += 1;
        let addresses = one.interface.addresses.iter().enumerate();
        self.declared.entry(node.clone()).or_default().extend(
            addresses.map(|(index, net)| ((home.rank, index), (interface.clone(), net.addr()))),
        );
        home
    }

    /// The addresses that the file gives to a node, with their interfaces.
    pub(super) fn declared(&self, node: &NodeName) -> impl Iterator<Item = &(IfName, IpAddr)> {
        self.declared.get(node).into_iter().flat_map(BTreeMap::values)
    }

    /// Puts an interface in, in place of what had its name.
    pub(super) fn put(&mut self, place: Place, state: IfState) {
        self.take(&place);
        self.gone_interfaces.remove(&place);
        if let Some(link) = state.link {
            self.ends.entry(link).or_default().push(place.clone());
        }
        if let Some(node) = self.nodes.get_mut(&place.node) {
            node.insert(place.interface, state);
        }
    }

    /// Takes an interface out.
    pub(super) fn take(&mut self, place: &Place) -> Option<IfState> {
        let state = self.nodes.get_mut(&place.node)?.remove(&place.interface)?;
        if let Some(ends) = state.link.and_then(|link| self.ends.get_mut(&link)) {
            ends.retain(|end| end != place);
        }
        Some(state)
    }

    /// The ends of a link.
    pub(super) fn ends(&self, link: usize) -> &[Place] {
        self.ends.get(&link).map_or(&[], Vec::as_slice)
    }

    /// The wire of a device.
    pub(super) fn wire_of(&self, place: &Place) -> Option<&Wired> {
        self.wires.get(place)
    }

    /// Joins two devices by a wire; each is given with where the file says it.
    pub(super) fn plug(&mut self, a: (&Place, &Range<usize>), b: (&Place, &Range<usize>)) {
        for ((place, at), (other, _)) in [(a, b), (b, a)] {
            let wired = Wired { other: other.clone(), at: at.clone() };
            self.wires.insert(place.clone(), wired);
        }
    }

    /// Takes the wire of a device away; `false`: it has none.
    pub(super) fn unplug(&mut self, place: &Place) -> bool {
        let Some(wired) = self.wires.remove(place) else { return false };
        self.wires.remove(&wired.other);
        true
    }

    /// A device goes from one place to another, with the wire that it has.
    pub(super) fn move_wire(&mut self, from: &Place, to: &Place) {
        let Some(wired) = self.wires.remove(from) else { return };
        if let Some(back) = self.wires.get_mut(&wired.other) {
            back.other = to.clone();
        }
        self.wires.insert(to.clone(), wired);
    }

    /// A step removes a node with all that is in it.
    pub(super) fn remove_node(&mut self, name: &NodeName, step: &Range<usize>) {
        let Some(state) = self.nodes.get(name) else { return };
        for interface in state.interfaces.keys().cloned().collect::<Vec<_>>() {
            self.remove_device(&Place { node: name.clone(), interface }, step);
        }
        self.nodes.remove(name);
        self.declared.remove(name);
        self.gone.insert(name.clone(), step.clone());
    }

    /// A step removes a device, and with the end of a link the other one.
    pub(super) fn remove_device(&mut self, place: &Place, step: &Range<usize>) {
        let Some(link) = self.remove_one(place, step, None) else { return };
        for other in self.ends.remove(&link).unwrap_or_default() {
            self.remove_one(&other, step, Some(place.clone()));
        }
    }

    /// Removes one interface; gives the link of which it is an end.
    fn remove_one(
        &mut self,
        place: &Place,
        step: &Range<usize>,
        with: Option<Place>,
    ) -> Option<usize> {
        let state = self.take(place)?;
        self.unplug(place);
        if let Some(home) = state.home
            && let Some(addresses) = self.declared.get_mut(&home.node)
        {
            let range = (home.rank, 0)..=(home.rank, usize::MAX);
            let keys: Vec<_> = addresses.range(range).map(|(key, _)| *key).collect();
            keys.iter().for_each(|key| {
                addresses.remove(key);
            });
        }
        self.gone_interfaces.insert(place.clone(), Gone { step: step.clone(), with });
        state.link
    }

    /// Reports a node that is not there.
    pub(super) fn no_node(&self, name: &NodeName, span: Range<usize>, to: &mut Collector<'_>) {
        if self.whole.nodes {
            let help = match self.gone.get(name).filter(|_| !to.is_crowded()) {
                Some(step) => Some(format!(
                    "`{name}` was removed by the step at line {}",
                    to.line(step.start)
                )),
                None => to.meant(name.as_str(), self.nodes.keys().map(NodeName::as_str)),
            };
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

    /// Whether the node or interface is there now.
    pub(super) fn has_spot(&self, spot: &Spot) -> bool {
        let node = self.nodes.get(&spot.node);
        let has = |state: &NodeState, name| state.wild || state.interfaces.contains_key(name);
        node.is_some_and(|state| spot.interface.as_ref().is_none_or(|name| has(state, name)))
    }

    /// Reports an interface that is not there.
    pub(super) fn no_interface(&self, place: &Place, span: &Range<usize>, to: &mut Collector<'_>) {
        if !self.whole.interfaces {
            return;
        }
        let Place { node, interface } = place;
        let gone = self.gone_interfaces.get(place).filter(|_| !to.is_crowded());
        let mut help = gone.map(|Gone { step, with }| {
            let line = to.line(step.start);
            match with {
                None => format!("`{place}` was removed by the step at line {line}"),
                Some(other) => {
                    format!("`{place}` went with `{other}`, removed by the step at line {line}")
                }
            }
        });
        if help.is_none() {
            let names = self.nodes.get(node).into_iter().flat_map(|state| state.interfaces.keys());
            help = to.meant(interface.as_str(), names.map(IfName::as_str));
        }
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

    /// Marks the nodes of which too little is known once they are there: commands run there, or
    /// IPv6 addresses come and go by other rules than usual.
    pub(super) fn start(&mut self, parts: &Parts<'_>) {
        let with_commands = parts.nodes.iter().filter(|(node, _)| !node.commands.is_empty());
        let with_sysctls = parts
            .nodes
            .iter()
            .filter(|(node, _)| node.sysctls.iter().any(|sysctl| moves_ipv6(sysctl.key.path())));
        let with_own = parts
            .declared
            .iter()
            .filter(|one| one.interface.sysctls.iter().any(|sysctl| moves_ipv6(&sysctl.knob)));
        for (node, _) in with_commands {
            self.run(&node.name);
        }
        let names = with_sysctls
            .map(|(node, _)| &node.name)
            .chain(with_own.map(|one| &one.interface.place.node));
        for name in names {
            self.loosen(name);
        }
    }

    /// A command runs in a node: it may do anything there.
    pub(super) fn run(&mut self, node: &NodeName) {
        self.loosen(node);
        if let Some(state) = self.nodes.get_mut(node) {
            state.no_ipv6 = None;
        }
    }

    /// From now on nothing is said to be missing in this node.
    pub(super) fn loosen(&mut self, node: &NodeName) {
        if let Some(state) = self.nodes.get_mut(node) {
            state.wild = true;
        }
    }
}

/// A node that has only a loopback device.
fn newcomer(node: &Node, marks: &NodeMarks<'_>, round: usize) -> NodeState {
    let mut state = NodeState::new(marks.name.clone(), round);
    // Entered nowhere else: no subnet or gateway is found by the addresses of `lo`.
    let addresses = ["127.0.0.1/8", "::1/128"].map(|text| text.parse().expect("a valid address"));
    let lo = IfState {
        kind: Kind::Loopback,
        up: node.lo,
        addresses: if node.lo { addresses.into() } else { Vec::new() },
        master: None,
        mtu: None,
        mac: None,
        link: None,
        at: marks.name.clone(),
        round,
        home: None,
    };
    state.interfaces.insert("lo".parse().expect("a valid name"), lo);
    for (sysctl, place) in node.sysctls.iter().zip(&marks.sysctls) {
        if let Some(disabled) = disables_ipv6(sysctl) {
            state.no_ipv6 = disabled.then(|| place.clone());
        }
    }
    state
}

/// Whether new interfaces have no IPv6 because of a sysctl; nothing where it has no say.
pub(super) fn disables_ipv6(sysctl: &Sysctl) -> Option<bool> {
    matches!(
        sysctl.key.path(),
        "net/ipv6/conf/all/disable_ipv6" | "net/ipv6/conf/default/disable_ipv6"
    )
    .then(|| sysctl.value.trim() != "0")
}

/// Whether a sysctl decides when an interface loses its IPv6 addresses.
pub(super) fn moves_ipv6(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("keep_addr_on_down" | "disable_ipv6"))
}
