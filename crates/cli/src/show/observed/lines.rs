//! One thing that the kernel reports, on one line, in the words of `ip` and `bridge`.

use std::net::IpAddr;

use ipnet::IpNet;
use twinax_lab::wanted::{State, What};
use twinax_plan::{
    ObservedFdb, ObservedLink, ObservedNeighbour, ObservedNode, ObservedRoute, ObservedRule,
};
use twinax_topology::{NodeName, Place, Program};

/// How many columns the line of an interface has.
pub(super) const COLUMNS: usize = 6;

/// The tables that have names everywhere (`/etc/iproute2/rt_tables`).
const LOCAL: u32 = 255;
const MAIN: u32 = 254;
const DEFAULT: u32 = 253;

/// An interface: name, state, MTU, MAC, what it is joined to, addresses.
pub(super) fn interface(
    name: &NodeName,
    node: &ObservedNode,
    link: &ObservedLink,
    wire: Option<&Place>,
    all: bool,
) -> Vec<String> {
    let mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    let own = addresses(link, all).join(", ");
    vec![
        link.name.clone(),
        state(link),
        format!("mtu {}", link.mtu),
        mac,
        joined(name, node, link, wire),
        own,
    ]
}

/// The operational state; besides, that there is no carrier, where that does not say so.
fn state(link: &ObservedLink) -> String {
    let tells = ["LOWERLAYERDOWN", "NOTPRESENT", "DORMANT"].contains(&link.state.as_str());
    match (link.up, link.carrier) {
        (true, false) if !tells => format!("{} NO-CARRIER", link.state),
        _ => link.state.clone(),
    }
}

fn joined(
    name: &NodeName,
    node: &ObservedNode,
    link: &ObservedLink,
    wire: Option<&Place>,
) -> String {
    let mut parts = Vec::new();
    match (link.kind.as_str(), node.peer(name, link)) {
        (_, Some(peer)) => parts.push(format!("↔ {peer}")),
        ("veth", None) => parts.push("↔ outside of the lab".to_owned()),
        ("tun", _) => parts.push(link.tap.clone().unwrap_or_else(|| "tun".to_owned())),
        (kind, None) => parts.extend((!kind.is_empty()).then(|| kind.to_owned())),
    }
    parts.extend(wire.map(|other| format!("↔ {other} by a wire")));
    if let Some(bridge) = &link.master {
        let state = link.port.get("state").filter(|state| *state != "forwarding");
        let state = state.map(|state| format!(" ({state})")).unwrap_or_default();
        parts.push(format!("port of {bridge}{state}"));
    }
    parts.join(", ")
}

/// The addresses; without those that the kernel makes by itself unless `all` are asked for.
pub(super) fn addresses(link: &ObservedLink, all: bool) -> Vec<String> {
    let is_usual = |address: &IpNet| match address.addr() {
        IpAddr::V4(own) => link.name == "lo" && own.is_loopback() && address.prefix_len() == 8,
        IpAddr::V6(own) => link.name == "lo" && own.is_loopback(),
    };
    let is_own =
        |address: &IpNet| matches!(address.addr(), IpAddr::V6(own) if own.is_unicast_link_local());
    let shown = link
        .addresses
        .iter()
        .filter(|own| all || !(is_usual(&own.address) || own.by_kernel && is_own(&own.address)));
    let tentative = |is: bool| if is { " tentative" } else { "" };
    shown.map(|own| format!("{}{}", own.address, tentative(own.tentative))).collect()
}

/// How a port of a bridge behaves, where that is not as the kernel makes it.
pub(super) fn port(link: &ObservedLink) -> Option<String> {
    const USUAL: [(&str, &str); 4] =
        [("learning", "on"), ("flood", "on"), ("mcast_flood", "on"), ("bcast_flood", "on")];
    // Of the others `off` is usual.
    let is_usual = |key: &str, value: &str| match key {
        "priority" => value == "32",
        "cost" => value == "2",
        "mcast_router" => value == "1",
        "group_fwd_mask" => value == "0",
        "state" => false,
        key => USUAL.iter().find(|(own, _)| *own == key).map_or("off", |(_, usual)| usual) == value,
    };
    let master = link.master.as_ref()?;
    let unusual = link.port.iter().filter(|(key, value)| !is_usual(key, value));
    let words: Vec<String> = unusual.map(|(key, value)| format!(" {key} {value}")).collect();
    Some(format!("{} master {master}{}", link.name, words.concat()))
}

/// Whether somebody has made a route, or it leads to where an address is.
pub(super) fn is_of_note(route: &ObservedRoute) -> bool {
    let by_kernel = route.protocol == "kernel";
    let is_noise = match route.kind.as_str() {
        "local" | "broadcast" | "anycast" | "multicast" => by_kernel,
        _ => {
            by_kernel
                && matches!(route.to.addr(), IpAddr::V6(to) if to.is_unicast_link_local() || to.is_multicast())
        }
    };
    !is_noise
}

/// As `ip route` has it.
pub(super) fn route(route: &ObservedRoute) -> String {
    let mut words = Vec::new();
    words.extend((route.kind != "unicast").then(|| route.kind.clone()));
    words.push(match route.to.prefix_len() {
        0 => "default".to_owned(),
        _ => short(&route.to),
    });
    if let Some(via) = route.via {
        let family = if via.is_ipv6() != route.to.addr().is_ipv6() { "inet6 " } else { "" };
        words.push(format!("via {family}{via}"));
    }
    words.extend(route.dev.as_ref().map(|dev| format!("dev {dev}")));
    words.extend((route.table != MAIN).then(|| format!("table {}", table(route.table))));
    let is_usual = ["static", "boot"].contains(&route.protocol.as_str());
    words.extend((!is_usual).then(|| format!("proto {}", route.protocol)));
    words.extend((route.scope != "global").then(|| format!("scope {}", route.scope)));
    words.extend(route.src.map(|src| format!("src {src}")));
    let usual = if route.to.addr().is_ipv6() { 1024 } else { 0 };
    words.extend((route.metric != usual).then(|| format!("metric {}", route.metric)));
    words.extend(route.onlink.then(|| "onlink".to_owned()));
    words.join(" ")
}

/// One address alone without its length.
fn short(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

fn table(number: u32) -> String {
    match number {
        LOCAL => "local".to_owned(),
        MAIN => "main".to_owned(),
        DEFAULT => "default".to_owned(),
        other => other.to_string(),
    }
}

/// Whether a fresh namespace has such a rule.
pub(super) fn is_default(rule: &ObservedRule) -> bool {
    let is_for_all = rule.from.is_none_or(|from| from.prefix_len() == 0)
        && (rule.to, &rule.iif, &rule.oif, rule.mark) == (None, &None, &None, None)
        && !rule.not
        && rule.beyond.is_empty()
        && rule.action == "lookup";
    let usual = [(0, LOCAL), (32766, MAIN), (32767, DEFAULT)];
    is_for_all && usual.contains(&(rule.priority, rule.table))
}

/// As `ip rule` has it.
pub(super) fn rule(rule: &ObservedRule) -> String {
    let net = |net: &IpNet| if net.prefix_len() == 0 { "all".to_owned() } else { short(net) };
    let mut words = vec![format!("{}:", rule.priority)];
    words.extend((rule.family == "ipv6").then(|| "inet6".to_owned()));
    words.extend(rule.not.then(|| "not".to_owned()));
    words.push(format!("from {}", rule.from.as_ref().map_or("all".to_owned(), net)));
    words.extend(rule.to.as_ref().map(|to| format!("to {}", net(to))));
    words.extend(rule.iif.as_ref().map(|iif| format!("iif {iif}")));
    words.extend(rule.oif.as_ref().map(|oif| format!("oif {oif}")));
    words.extend(rule.mark.map(|mark| {
        let mask = rule.mask.filter(|mask| *mask != u32::MAX);
        format!("fwmark {mark:#x}{}", mask.map(|mask| format!("/{mask:#x}")).unwrap_or_default())
    }));
    words.extend(rule.beyond.iter().cloned());
    words.push(match rule.action.as_str() {
        "lookup" => format!("lookup {}", table(rule.table)),
        other => other.to_owned(),
    });
    words.join(" ")
}

/// Whether it is one with whom one talks; not a group that the kernel itself has joined.
pub(super) fn is_neighbour(neighbour: &ObservedNeighbour) -> bool {
    neighbour.state != "NOARP"
}

/// As `ip neigh` has it.
pub(super) fn neighbour(neighbour: &ObservedNeighbour) -> String {
    let mac = neighbour.mac.map(|mac| format!(" lladdr {mac}")).unwrap_or_default();
    format!("{} dev {}{mac} {}", neighbour.to, neighbour.dev, neighbour.state)
}

/// Whether it is somebody else's address: neither a group nor that of the port itself.
pub(super) fn is_station(entry: &ObservedFdb) -> bool {
    entry.learned
}

/// As `bridge fdb` has it.
pub(super) fn fdb(entry: &ObservedFdb) -> String {
    let bridge = entry.bridge.as_ref().map(|own| format!(" master {own}")).unwrap_or_default();
    let set = if entry.learned { "" } else { " permanent" };
    format!("{} dev {}{bridge}{set}", entry.mac, entry.dev)
}

/// What has become of a service.
pub(super) fn service(name: &str, what: &What, state: Option<&State>) -> String {
    let state = state.cloned().unwrap_or_default();
    let became = match (what, state.pid, state.ended) {
        (What::Wire(_), Some(pid), _) => format!("carrying, PID {pid}"),
        (What::Wire(_), None, _) => {
            let why = state.broken.as_ref().map(|broken| format!(": {}", broken.causes.join(": ")));
            format!("cut{}", why.unwrap_or_default())
        }
        _ if state.broken.is_some() => "not started".to_owned(),
        (What::Listener(_), ..) => "listening".to_owned(),
        (_, Some(pid), _) => format!("running, PID {pid}"),
        (_, None, Some(code)) => format!("ended with exit code {code}"),
        (_, None, None) => "not started yet".to_owned(),
    };
    let again = match (what, state.starts) {
        (What::Command(_) | What::Wire(_), starts @ 2..) => format!(", started {starts} times"),
        _ => String::new(),
    };
    let command = match what {
        What::Command(command) => match &command.program {
            Program::Shell(line) => format!(": {}", shortened(line.trim())),
            Program::Argv(words) => format!(": {}", shortened(&words.join(" "))),
        },
        What::Listener(_) => String::new(),
        What::Wire(wire) => format!(", {wire}"),
    };
    format!("{name} {became}{again}{command}")
}

/// The beginning of a command.
fn shortened(command: &str) -> String {
    const MOST: usize = 60;
    let line = command.lines().next().unwrap_or_default();
    let short: String = line.chars().take(MOST).collect();
    if short.len() < command.len() { format!("{} …", short.trim_end()) } else { short }
}
