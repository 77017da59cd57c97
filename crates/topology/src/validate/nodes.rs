//! What is set and run in nodes.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::ops::Range;

use super::routes;
use super::state::Kind;
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic, quoted};
use crate::file::{At, FirewallKeys, NeighKeys, RuleKeys, RunKeys, each};
use crate::lower::Parts;
use crate::model::{IfName, Node, NodeName, Place, Ready, Restart, Rule, SysctlKey};

/// Names that no node can have, though they are names.
pub(super) fn names(parts: &Parts<'_>, to: &mut Collector<'_>) {
    for (node, marks) in &parts.nodes {
        let name = node.name.as_str();
        if name.eq_ignore_ascii_case("localhost") {
            let title = "a node can't be called `localhost`: every node calls itself that";
            to.push(Diagnostic::new(marks.name.clone(), title));
        } else if name.parse::<IpAddr>().is_ok() {
            let title = format!("a node can't be called {}: that is an address", quoted(name));
            to.push(Diagnostic::new(marks.name.clone(), title));
        }
    }
}

/// Checks the nodes in the world as it stands once all interfaces are there, and then starts
/// their commands.
pub(super) fn check(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    for (node, marks) in &parts.nodes {
        if !world.is_new(&node.name) {
            continue;
        }
        let keys = marks.keys;
        sysctls(node, &marks.sysctls, world, to);
        for (route, at) in node.routes.iter().zip(&marks.routes) {
            routes::check(&node.name, route, at, world, to);
        }
        let mut seen: Vec<(&Rule, Range<usize>)> = Vec::new();
        for (rule, at) in node.rules.iter().zip(&marks.rules) {
            // Many rules in one node are compared with the last few hundred only.
            let twice = seen.iter().rev().take(300).find(|(other, _)| *other == rule);
            if let Some((_, first)) = twice {
                to.push(twice_diagnostic("this rule", at.span.clone(), first.clone()));
            }
            seen.push((rule, at.span.clone()));
            check_rule(&node.name, at, world, to);
        }
        let mut neighbours = HashMap::new();
        for neighbour in each(&keys.neigh) {
            check_neighbour(&node.name, neighbour, world, to);
            if let (Some(dev), Some(address)) = (neighbour.dev.get(), neighbour.to.get()) {
                let key = (dev.value.clone(), address.value);
                once(&mut neighbours, key, address.span.clone(), "this neighbour", to);
            }
        }
        let mut ports = HashMap::new();
        for listener in each(&keys.listen) {
            for (protocol, port) in [("TCP", &listener.tcp), ("UDP", &listener.udp)] {
                if let Some(port) = port.get() {
                    let what = format!("a listener on {protocol} port {}", port.value.0);
                    once(&mut ports, (protocol, port.value.0), port.span.clone(), &what, to);
                }
            }
        }
        let mut commands = HashMap::new();
        for command in each(&keys.run) {
            if let Some(name) = command.name.get() {
                let what = format!("a command `{}`", name.value);
                once(&mut commands, name.value.clone(), name.span.clone(), &what, to);
            }
            if let Some(timeout) = command.timeout.get() {
                not_zero(timeout, "timeout", to);
                if command.ready.key().is_none() {
                    let title = "`timeout` is how long `ready` may take; there is no `ready`";
                    to.push(Diagnostic::new(timeout.span.clone(), title));
                }
            }
            restarted(&command.value, to);
        }
        if let Some(firewall) = keys.firewall.get() {
            check_firewall(&node.name, firewall, world, to);
        }
    }
    world.start(parts);
}

/// What is waited for until it has ended can't be something that never ends.
fn restarted(command: &RunKeys, to: &mut Collector<'_>) {
    if let (Some(restart), Some(ready)) = (command.restart.get(), command.ready.get())
        && restart.value == Restart::Always
        && ready.value == Ready::Exit
    {
        let title = "`restart = \"always\"`, but the command is ready when it has ended";
        to.push(
            Diagnostic::new(restart.span.clone(), title)
                .label("it never ends for good")
                .also(ready.span.clone(), "its end is waited for")
                .help("write \"on-failure\": it is started again until it succeeds"),
        );
    }
}

/// Reports a duration of 0.
pub(super) fn not_zero(span: &At<crate::model::Span>, name: &str, to: &mut Collector<'_>) {
    if span.value.0.is_zero() {
        to.push(Diagnostic::new(span.span.clone(), format!("`{name}` can't be 0")));
    }
}

/// Reports what is there for the second time.
pub(super) fn once<K: Eq + Hash>(
    seen: &mut HashMap<K, Range<usize>>,
    key: K,
    span: Range<usize>,
    what: &str,
    to: &mut Collector<'_>,
) {
    match seen.get(&key) {
        Some(first) => to.push(twice_diagnostic(what, span, first.clone())),
        None => {
            seen.insert(key, span);
        }
    }
}

fn twice_diagnostic(what: &str, span: Range<usize>, first: Range<usize>) -> Diagnostic {
    Diagnostic::new(span, format!("{what} twice"))
        .label("the second time")
        .also(first, "the first time")
}

fn sysctls(node: &Node, places: &[Range<usize>], world: &World, to: &mut Collector<'_>) {
    let mut seen = HashMap::new();
    for (sysctl, place) in node.sysctls.iter().zip(places) {
        check_sysctl(&node.name, &sysctl.key, place, world, to);
        let what = quoted(sysctl.key.to_string());
        once(&mut seen, sysctl.key.clone(), place.clone(), &what, to);
    }
}

/// A sysctl of an interface needs the interface.
pub(super) fn check_sysctl(
    node: &NodeName,
    key: &SysctlKey,
    place: &Range<usize>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let Some(name) = key.interface() else { return };
    match name.parse::<IfName>() {
        Ok(interface) => {
            let at = Place { node: node.clone(), interface };
            world.has_interface(&at, place, to);
        }
        Err(_) => {
            let title = format!("{} can't be the name of an interface", quoted(name));
            to.push(Diagnostic::new(place.clone(), title));
        }
    }
}

/// A rule may name an interface that comes later, but not one that never is there.
pub(super) fn check_rule(node: &NodeName, keys: &RuleKeys, world: &World, to: &mut Collector<'_>) {
    for field in [&keys.iif, &keys.oif] {
        if let Some(at) = field.get() {
            ever(node, at, world, to);
        }
    }
}

fn ever(node: &NodeName, at: &At<IfName>, world: &World, to: &mut Collector<'_>) {
    let place = Place { node: node.clone(), interface: at.value.clone() };
    if !world.ever_has_interface(&place) {
        world.no_interface(&place, &at.span, to);
    }
}

/// A neighbour is on the link of an interface that has links.
pub(super) fn check_neighbour(
    node: &NodeName,
    keys: &NeighKeys,
    world: &World,
    to: &mut Collector<'_>,
) {
    let (Some(dev), Some(address)) = (keys.dev.get(), keys.to.get()) else { return };
    let place = Place { node: node.clone(), interface: dev.value.clone() };
    if !world.has_interface(&place, &dev.span, to) {
        return;
    }
    let state = &world.nodes[node];
    let wrong = if address.value.is_unspecified() || address.value.is_multicast() {
        Some(format!("`{}` is no neighbour's address", address.value))
    } else if state.owns(address.value) {
        Some(format!("`{}` is an address of node `{node}` itself", address.value))
    } else {
        None
    };
    if let Some(title) = wrong {
        to.push(Diagnostic::new(address.span.clone(), title).label("no neighbour"));
    }
    if matches!(state.interfaces[&dev.value].kind, Kind::Tun | Kind::Loopback) {
        let title = format!("`{}` has no link layer, and no neighbours", dev.value);
        to.push(Diagnostic::new(dev.span.clone(), title));
    }
}

/// The interfaces that a firewall names.
pub(super) fn check_firewall(
    node: &NodeName,
    keys: &FirewallKeys,
    world: &World,
    to: &mut Collector<'_>,
) {
    let mut seen = HashSet::new();
    for name in each(&keys.masquerade) {
        ever(node, name, world, to);
        if !seen.insert(name.value.clone()) {
            let title = format!("`{}` is masqueraded twice", name.value);
            to.push(Diagnostic::new(name.span.clone(), title));
        }
    }
    let filters = each(&keys.filter).iter().flat_map(|filter| [&filter.iif, &filter.oif]);
    let dnats = each(&keys.dnat).iter().map(|dnat| &dnat.iif);
    for at in filters.chain(dnats).filter_map(|field| field.get()) {
        ever(node, at, world, to);
    }
}
