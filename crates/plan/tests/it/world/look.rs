//! What the kernel would report of it, and when two worlds are the same as far as a lab says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;
use twinax_plan::{
    Found, Observed, ObservedAddress, ObservedLink, ObservedNeighbour, ObservedNode, ObservedRoute,
    ObservedRule, Purpose, found,
};
use twinax_topology::{
    Family, Firewall, NodeName, Place, Route, Rule, RuleAction, TABLE_MAIN, TapMode, Topology,
};

use super::change::{ACCEPT_REDIRECTS, metric};
use super::{Dev, Kind, Namespace, World};

/// The paths of the sysctls that a lab says, node by node.
fn sysctls_of(lab: &Topology) -> HashMap<NodeName, BTreeSet<String>> {
    let mut paths: HashMap<NodeName, BTreeSet<String>> = HashMap::new();
    for node in &lab.nodes {
        let own = paths.entry(node.name.clone()).or_default();
        own.extend(node.sysctls.iter().map(|sysctl| sysctl.key.path().to_owned()));
        own.extend(["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"].map(str::to_owned));
    }
    for interface in lab.interfaces() {
        let own = paths.entry(interface.place.node.clone()).or_default();
        let path = |s: &twinax_topology::InterfaceSysctl| s.of(&interface.place.interface);
        own.extend(interface.sysctls.iter().map(|s| path(s).key.path().to_owned()));
    }
    paths
}

impl World {
    /// The lab as it is found; of sysctls, those that `wanted` says.
    pub fn found(&self, wanted: &Topology, known: Option<&Topology>, purpose: Purpose) -> Found {
        let own = |(name, node): (&NodeName, &Namespace)| {
            (!node.firewall.is_empty()).then(|| (name.clone(), node.firewall.clone()))
        };
        let firewalls: HashMap<NodeName, Firewall> = self.nodes.iter().filter_map(own).collect();
        let observed = self.observe(wanted, purpose);
        found(&wanted.name, &observed, known, &firewalls, purpose)
    }

    pub fn observe(&self, wanted: &Topology, purpose: Purpose) -> Observed {
        let asked = sysctls_of(wanted);
        let nodes = self.nodes.iter().map(|(name, node)| {
            let mut links: Vec<ObservedLink> =
                node.devices.iter().map(|(name, dev)| link(name, dev)).collect();
            let lo = ObservedLink { index: 1, up: node.lo, mtu: 65_536, ..ObservedLink::default() };
            links.push(ObservedLink { name: "lo".to_owned(), ..lo });
            links.sort_by_key(|link| link.index);
            let paths = asked.get(name).into_iter().flatten();
            // What nobody has set has a value that nobody wants; to be saved is only what is set.
            let fresh = (purpose == Purpose::Compare).then(|| "unset".to_owned());
            let value = |path: &String| node.sysctls.get(path).cloned().or(fresh.clone());
            let observed = ObservedNode {
                links,
                routes: node.routes.iter().map(|(own, dev)| route(own, dev.as_ref())).collect(),
                rules: rules(node),
                neighbours: node.neighbours.iter().map(neighbour).collect(),
                sysctls: paths.filter_map(|path| Some((path.clone(), value(path)?))).collect(),
                ..ObservedNode::default()
            };
            (name.clone(), observed)
        });
        Observed { nodes: nodes.collect() }
    }

    /// What a lab says something about, without order and without what was drawn.
    pub fn facts(&self, said: &Topology) -> BTreeSet<String> {
        let paths = sysctls_of(said);
        let mut facts = BTreeSet::new();
        for (name, node) in &self.nodes {
            let kind = said.node(name).map(|node| node.kind);
            let mut tell = |fact: String| facts.insert(format!("{name}: {fact}"));
            tell(format!("lo {}", node.lo));
            for (device, dev) in &node.devices {
                let place = Place { node: name.clone(), interface: device.parse().unwrap() };
                let own = said.interfaces().find(|own| own.place == place);
                for fact in device_facts(dev, own.and_then(|own| own.mac).is_some()) {
                    tell(format!("{device}: {fact}"));
                }
                if !matches!(dev.kind, Kind::Bridge(_)) || own.is_some_and(|own| own.mtu.is_some())
                {
                    tell(format!("{device}: mtu {}", dev.mtu));
                }
            }
            for (route, dev) in &node.routes {
                let (dev, metric, table) = (dev.clone(), metric(route), route.table);
                let table = table.unwrap_or(TABLE_MAIN);
                let route = Route { dev: None, metric: None, table: None, ..route.clone() };
                tell(format!("{route:?} {dev:?} {metric} {table}"));
            }
            for (rule, chosen) in &node.rules {
                // Where the lab says none, any will do.
                let alike = |own: &&Rule| **own == Rule { priority: None, ..rule.clone() };
                let said = said.node(name).and_then(|node| node.rules.iter().find(alike));
                let priority = rule.priority.filter(|_| !chosen && said.is_none());
                tell(format!("{:?}", Rule { priority, ..rule.clone() }));
            }
            for neighbour in &node.neighbours {
                tell(format!("{neighbour:?}"));
            }
            for path in paths.get(name).into_iter().flatten() {
                // Of a host they are only asked for; and redirects depend on what was before.
                let is_said = !path.ends_with("forward") && !path.ends_with("all/forwarding");
                let is_router = kind == Some(twinax_topology::NodeKind::Router);
                if path != ACCEPT_REDIRECTS && (is_said || is_router) {
                    tell(format!("{path} = {:?}", node.sysctls.get(path)));
                }
            }
            tell(format!("{:?}", node.firewall));
        }
        facts
    }
}

fn device_facts(dev: &Dev, with_mac: bool) -> Vec<String> {
    let mut facts = match &dev.kind {
        Kind::Bridge(bridge) => {
            vec![twinax_plan::command(&twinax_plan::Step::SetBridge(bridge.clone()))]
        }
        kind => vec![format!("{kind:?}")],
    };
    if with_mac {
        facts.push(format!("mac {:?}", dev.mac));
    }
    facts.push(format!("up {} master {:?} {:?}", dev.up, dev.master, full(dev)));
    let mut primaries: BTreeMap<IpNet, IpNet> = BTreeMap::new();
    for net in &dev.addresses {
        facts.push(format!("address {net}"));
        if net.addr().is_ipv4() {
            primaries.entry(net.trunc()).or_insert(*net);
        }
    }
    facts.extend(primaries.values().map(|net| format!("primary {net}")));
    facts
}

/// The attributes of a port, all of them.
fn full(dev: &Dev) -> BTreeMap<String, String> {
    let mut words = BTreeMap::new();
    let switches = [
        ("isolated", dev.port.isolated, false),
        ("hairpin", dev.port.hairpin, false),
        ("learning", dev.port.learning, true),
        ("flood", dev.port.flood, true),
        ("mcast_flood", dev.port.mcast_flood, true),
        ("bcast_flood", dev.port.bcast_flood, true),
        ("guard", dev.port.guard, false),
        ("root_block", dev.port.root_block, false),
        ("neigh_suppress", dev.port.neigh_suppress, false),
    ];
    for (name, on, usual) in switches {
        let word = if on.unwrap_or(usual) { "on" } else { "off" };
        words.insert(name.to_owned(), word.to_owned());
    }
    words.insert("cost".to_owned(), dev.port.cost.unwrap_or(2).to_string());
    words.insert("priority".to_owned(), dev.port.priority.unwrap_or(32).to_string());
    words
}

fn link(name: &str, dev: &Dev) -> ObservedLink {
    let mut link = ObservedLink {
        index: dev.index,
        name: name.to_owned(),
        up: dev.up,
        mtu: dev.mtu,
        mac: dev.mac,
        master: dev.master.clone(),
        ..ObservedLink::default()
    };
    if dev.master.is_some() {
        link.port = full(dev);
    }
    match &dev.kind {
        Kind::Veth(peer) => {
            link.kind = "veth".to_owned();
            link.peer = Some(peer.clone());
        }
        Kind::Tap(mode) => {
            link.kind = "tun".to_owned();
            link.tap = Some(if *mode == TapMode::Tun { "tun" } else { "tap" }.to_owned());
        }
        Kind::Bridge(bridge) => {
            link.kind = "bridge".to_owned();
            let hundredths = |span: twinax_topology::Span| span.0.as_millis() / 10;
            let words = [
                ("stp_state", u128::from(bridge.stp)),
                ("ageing_time", bridge.ageing.map_or(30_000, hundredths)),
                ("forward_delay", bridge.forward_delay.map_or(1500, hundredths)),
                ("priority", bridge.priority.unwrap_or(32_768).into()),
                ("mcast_snooping", bridge.multicast_snooping.unwrap_or(true).into()),
            ];
            link.bridge = words.map(|(name, value)| (name.to_owned(), value.to_string())).into();
        }
    }
    let (v4, mut v6): (Vec<IpNet>, Vec<IpNet>) =
        dev.addresses.iter().partition(|net| net.addr().is_ipv4());
    v6.reverse();
    let all = v4.into_iter().chain(v6);
    link.addresses = all.map(|net| address(net, "global", false)).collect();
    if dev.up {
        link.addresses.push(address("fe80::1234/64".parse().unwrap(), "link", true));
    }
    link
}

fn address(address: IpNet, scope: &str, by_kernel: bool) -> ObservedAddress {
    let scope = scope.to_owned();
    ObservedAddress { address, scope, tentative: false, broadcast: None, by_kernel }
}

fn route(own: &Route, dev: Option<&String>) -> ObservedRoute {
    let is_discarding_ipv6 = dev.is_none() && own.to.addr().is_ipv6();
    ObservedRoute {
        table: own.table.unwrap_or(TABLE_MAIN),
        kind: own.kind.as_str().to_owned(),
        to: own.to,
        via: own.via,
        dev: dev.cloned().or_else(|| is_discarding_ipv6.then(|| "lo".to_owned())),
        src: own.src,
        metric: metric(own),
        scope: "global".to_owned(),
        protocol: "boot".to_owned(),
        onlink: own.onlink,
        nexthop: None,
    }
}

fn rules(node: &Namespace) -> Vec<ObservedRule> {
    let usual = |family, priority, table| Rule {
        priority: Some(priority),
        ..Rule::new(family, RuleAction::Table(table))
    };
    let mut rules = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        rules.push(usual(family, 0, 255));
        let own = node.rules.iter().map(|(own, _)| own).filter(|own| own.family == family);
        rules.extend(own.cloned());
        rules.push(usual(family, 32_766, 254));
    }
    rules.push(usual(Family::Ipv4, 32_767, 253));
    rules.iter().map(rule).collect()
}

fn rule(own: &Rule) -> ObservedRule {
    let (action, table) = match own.action {
        RuleAction::Table(table) => ("lookup", table),
        RuleAction::Blackhole => ("blackhole", 0),
        RuleAction::Prohibit => ("prohibit", 0),
        RuleAction::Unreachable => ("unreachable", 0),
    };
    ObservedRule {
        family: own.family.as_str().to_owned(),
        priority: own.priority.expect("the kernel has chosen one"),
        not: own.not,
        from: own.from.filter(|net| net.prefix_len() > 0),
        to: own.to.filter(|net| net.prefix_len() > 0),
        iif: own.iif.as_ref().map(ToString::to_string),
        oif: own.oif.as_ref().map(ToString::to_string),
        mark: own.fwmark.map(|mark| mark.mark),
        mask: own.fwmark.map(|mark| mark.mask),
        action: action.to_owned(),
        table,
        beyond: Vec::new(),
    }
}

fn neighbour(own: &twinax_topology::Neighbour) -> ObservedNeighbour {
    let twinax_topology::Neighbour { dev, to, mac } = own;
    let state = "PERMANENT".to_owned();
    ObservedNeighbour { dev: dev.to_string(), to: *to, mac: Some(*mac), state }
}
