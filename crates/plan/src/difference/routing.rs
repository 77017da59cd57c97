//! Routes, rules and neighbours of one node.

use std::collections::HashSet;
use std::net::IpAddr;

use twinax_topology::{
    Change, Family, IfName, Interface, Neighbour, NeighbourKey, Node, Route, RouteKind, Rule,
};

use crate::defaults::{dev_of, is_route, is_rule, metric, unmatched};

/// What goes from a node, and what comes to it.
#[derive(Default)]
pub(super) struct Routing {
    pub(super) goes: Vec<Change>,
    pub(super) comes: Vec<Change>,
}

/// Compares. `before` are the interfaces that were there, `lost` those of them that have been
/// removed: with them went what hung on them. `flushed` are the interfaces whose neighbours will go
/// by what is changed about them.
pub(super) fn difference(
    now: &Node,
    wanted: &Node,
    before: &[&Interface],
    lost: &HashSet<&IfName>,
    flushed: &HashSet<&IfName>,
) -> Routing {
    let mut routing = Routing::default();
    rules(now, wanted, &mut routing);
    routes(now, wanted, before, lost, &mut routing);
    neighbours(now, wanted, lost, flushed, &mut routing);
    // What comes is added in the order of `build`.
    routing.comes.sort_by_key(|change| match change {
        Change::AddNeighbour(..) => 0,
        Change::AddRoute(..) => 1,
        _ => 2,
    });
    routing
}

fn rules(now: &Node, wanted: &Node, to: &mut Routing) {
    // In which order rules are tried must not depend on which of them was there first.
    let (rules, wanted_rules) = (with_priorities(&now.rules), with_priorities(&wanted.rules));
    let matched = unmatched(&rules, &wanted_rules, is_rule, |r: &Rule| r.priority.is_some());
    for (rule, _) in rules.iter().zip(matched.taken).filter(|(_, taken)| !taken) {
        to.goes.push(Change::DelRule(now.name.clone(), rule.clone()));
    }
    for (rule, _) in wanted_rules.iter().zip(matched.pairs).filter(|(_, now)| now.is_none()) {
        to.comes.push(Change::AddRule(wanted.name.clone(), rule.clone()));
    }
}

/// The rules with the priorities that the kernel gives them when they are added in this order: one
/// less than that of the first rule after the one of priority 0 (`fib_default_rule_pref`,
/// `net/core/fib_rules.c`).
fn with_priorities(rules: &[Rule]) -> Vec<Rule> {
    let mut first = [32_766_u32; 2];
    let given = |rule: &Rule| {
        let first = &mut first[usize::from(rule.family == Family::Ipv6)];
        let priority = rule.priority.unwrap_or(first.saturating_sub(1));
        *first = priority.min(*first);
        Rule { priority: Some(priority), ..rule.clone() }
    };
    rules.iter().map(given).collect()
}

fn routes(
    now: &Node,
    wanted: &Node,
    before: &[&Interface],
    lost: &HashSet<&IfName>,
    to: &mut Routing,
) {
    // The kernel takes an IPv4 route away with the address that is its source.
    let is_lost = |interface: &&&Interface| lost.contains(&interface.place.interface);
    let own = |interface: &&Interface| interface.addresses.iter().map(|net| net.addr()).collect();
    let lost_addresses: HashSet<IpAddr> =
        before.iter().filter(is_lost).flat_map(|i| -> Vec<IpAddr> { own(i) }).collect();
    let kept_addresses: HashSet<IpAddr> =
        before.iter().filter(|i| !is_lost(i)).flat_map(|i| -> Vec<IpAddr> { own(i) }).collect();
    let is_gone = |route: &&Route| {
        let by = dev_of(route, before.iter().copied());
        let without_source = route.src.is_some_and(|src| {
            src.is_ipv4() && lost_addresses.contains(&src) && !kept_addresses.contains(&src)
        });
        route.kind == RouteKind::Unicast && by.is_some_and(|by| lost.contains(by)) || without_source
    };
    let there: Vec<Route> = now.routes.iter().filter(|route| !is_gone(route)).cloned().collect();
    let matched = unmatched(&there, &wanted.routes, is_route, |route| route.dev.is_some());
    for (route, _) in there.iter().zip(matched.taken).filter(|(_, taken)| !taken) {
        let mut route = route.clone();
        if Family::of_net(&route.to) == Family::Ipv6 {
            // Without a metric the kernel would remove the route of the least.
            route.metric = Some(metric(&route));
        }
        to.goes.push(Change::DelRoute(now.name.clone(), route));
    }
    for (route, _) in wanted.routes.iter().zip(matched.pairs).filter(|(_, now)| now.is_none()) {
        to.comes.push(Change::AddRoute(wanted.name.clone(), route.clone()));
    }
}

fn neighbours(
    now: &Node,
    wanted: &Node,
    lost: &HashSet<&IfName>,
    flushed: &HashSet<&IfName>,
    to: &mut Routing,
) {
    let same = |one: &Neighbour, other: &Neighbour| one.dev == other.dev && one.to == other.to;
    for own in now.neighbours.iter().filter(|own| !lost.contains(&own.dev)) {
        if !wanted.neighbours.iter().any(|wanted| same(own, wanted)) {
            let key = NeighbourKey { dev: own.dev.clone(), to: own.to };
            to.goes.push(Change::DelNeighbour(now.name.clone(), key));
        }
    }
    for neighbour in &wanted.neighbours {
        let is_flushed = lost.contains(&neighbour.dev) || flushed.contains(&neighbour.dev);
        if is_flushed || !now.neighbours.contains(neighbour) {
            to.comes.push(Change::AddNeighbour(wanted.name.clone(), neighbour.clone()));
        }
    }
}
