//! Routes, rules and permanent neighbours of a node.

use std::collections::HashMap;

use ipnet::IpNet;
use twinax_topology::{
    Family, IfName, Mark, Neighbour, Node, Place, Route, RouteKind, Rule, RuleAction, TABLE_MAIN,
};

use super::devices::Devices;
use super::{Known, Purpose};
use crate::defaults::{is_default_rule, is_route, is_rule, unmatched};
use crate::observed::{ObservedNode, ObservedRoute, ObservedRule};

/// Fills in a node, whose bridges are there already.
pub(super) fn fill(
    node: &mut Node,
    seen: &ObservedNode,
    known: &Known<'_>,
    devices: &Devices<'_>,
    tell: &mut impl FnMut(Option<&str>, String),
) {
    let old = known.node(&node.name).filter(|_| known.purpose == Purpose::Save);
    let own = |node: &Node, name: &str| -> Option<IfName> {
        let interface: IfName = name.parse().ok()?;
        let place = Place { node: node.name.clone(), interface };
        let there = devices.has(&place) || node.bridge(&place.interface).is_some();
        there.then_some(place.interface)
    };

    let routes = routes(seen, |name| own(node, name), tell);
    let old_routes = old.map_or(&[][..], |old| &old.routes);
    node.routes = in_words_of(old_routes, routes, is_route, |route| route.dev.is_some());

    let is_known = |name: &str| name == "lo" || own(node, name).is_some();
    let mut rules = rules(seen, tell);
    if known.purpose == Purpose::Save {
        rules.retain(|rule| {
            let names = [&rule.iif, &rule.oif].into_iter().flatten();
            let missing = names.clone().find(|name| !is_known(name.as_str()));
            if let Some(name) = missing {
                tell(None, format!("rule {}: no device `{name}`", priority(rule)));
            }
            missing.is_none()
        });
    }
    let old_rules = old.map_or(&[][..], |old| &old.rules);
    node.rules = in_words_of(old_rules, rules, is_rule, |rule| rule.priority.is_some());

    let mut neighbours = Vec::new();
    for own_neighbour in seen.neighbours.iter().filter(|own| own.state == "PERMANENT") {
        match (own(node, &own_neighbour.dev), own_neighbour.mac) {
            (Some(dev), Some(mac)) => {
                neighbours.push(Neighbour { dev, to: own_neighbour.to, mac });
            }
            _ => tell(Some(&own_neighbour.dev), format!("neighbour {}", own_neighbour.to)),
        }
    }
    let old_neighbours = old.map_or(&[][..], |old| &old.neighbours);
    node.neighbours = in_words_of(old_neighbours, neighbours, PartialEq::eq, |_| true);
}

fn priority(rule: &Rule) -> u32 {
    rule.priority.unwrap_or_default()
}

/// What is there, where it means the same in the words and the order of what is known.
fn in_words_of<T: Clone>(
    old: &[T],
    now: Vec<T>,
    same: impl Fn(&T, &T) -> bool,
    is_exact: impl Fn(&T) -> bool,
) -> Vec<T> {
    let matched = unmatched(&now, old, same, is_exact);
    let kept = old.iter().zip(&matched.pairs).filter(|(_, now)| now.is_some());
    let mut all: Vec<T> = kept.map(|(old, _)| old.clone()).collect();
    let new = now.into_iter().zip(matched.taken).filter(|(_, taken)| !taken);
    all.extend(new.map(|(now, _)| now));
    all
}

/// The routes that somebody made by hand or by a lab file: `boot` and `static`.
fn routes(
    seen: &ObservedNode,
    own: impl Fn(&str) -> Option<IfName>,
    tell: &mut impl FnMut(Option<&str>, String),
) -> Vec<Route> {
    let is_ours = |route: &&ObservedRoute| {
        let is_made_by_kernel = route.kind == "multicast" || is_link_local(&route.to);
        matches!(&*route.protocol, "boot" | "static") && !is_made_by_kernel
    };
    let mut routes: Vec<Route> = Vec::new();
    let mut seen_hops: HashMap<(u32, IpNet, u32), usize> = HashMap::new();
    for route in seen.routes.iter().filter(is_ours) {
        let dev = route.dev.as_deref();
        let said = match found_route(route) {
            Ok(said) => said,
            Err(what) => {
                tell(None, what);
                continue;
            }
        };
        let hops = seen_hops.entry((route.table, route.to, route.metric)).or_default();
        *hops += 1;
        if *hops > 1 {
            if *hops == 2 {
                tell(dev, format!("route {} has more than one next hop", route.to));
            }
            continue;
        }
        if said.kind != RouteKind::Unicast {
            routes.push(said);
            continue;
        }
        let known = dev.and_then(&own);
        if known.is_none() {
            tell(dev, format!("route {} by a device that no lab file can say", route.to));
            continue;
        }
        routes.push(Route { dev: known, ..said });
    }
    routes
}

/// A route in the words of a lab file; or what it has no word for.
pub fn found_route(own: &ObservedRoute) -> Result<Route, String> {
    if let Some(id) = own.nexthop {
        return Err(format!("route {} by the next hop {id}", own.to));
    }
    let kind = match &*own.kind {
        "unicast" => RouteKind::Unicast,
        "blackhole" => RouteKind::Blackhole,
        "prohibit" => RouteKind::Prohibit,
        "unreachable" => RouteKind::Unreachable,
        "throw" => RouteKind::Throw,
        other => return Err(format!("route {other} {}", own.to)),
    };
    let usual = match Family::of_net(&own.to) {
        Family::Ipv4 => 0,
        Family::Ipv6 => 1024,
    };
    // An IPv6 route that discards is said to be one by `lo`.
    let dev = own.dev.as_ref().filter(|_| kind == RouteKind::Unicast);
    Ok(Route {
        kind,
        to: own.to,
        via: own.via,
        dev: dev.and_then(|dev| dev.parse().ok()),
        src: own.src,
        metric: Some(own.metric).filter(|metric| *metric != usual),
        table: Some(own.table).filter(|table| *table != TABLE_MAIN),
        onlink: own.onlink,
    })
}

fn is_link_local(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local() && net.prefix_len() == 64)
}

/// The rules, less those that every namespace has; that one of those is missing is told.
fn rules(seen: &ObservedNode, tell: &mut impl FnMut(Option<&str>, String)) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut usual = Vec::new();
    for own in &seen.rules {
        match found_rule(own) {
            Ok(rule) if is_default_rule(&rule) => usual.push((rule.family, own.priority)),
            Ok(rule) => rules.push(rule),
            Err(what) => tell(None, format!("rule {} ({}): {what}", own.priority, own.family)),
        }
    }
    let wanted =
        [(Family::Ipv4, [0, 32_766, 32_767].as_slice()), (Family::Ipv6, [0, 32_766].as_slice())];
    for (family, priorities) in wanted {
        // A kernel without this family has no rules of it.
        if seen.rules.iter().all(|rule| rule.family != family.as_str()) {
            continue;
        }
        for priority in priorities.iter().filter(|p| !usual.contains(&(family, **p))) {
            tell(None, format!("rule {priority} ({family}), which every node has, is missing"));
        }
    }
    rules
}

/// A rule in the words of a lab file; or what it has no word for.
pub fn found_rule(own: &ObservedRule) -> Result<Rule, String> {
    let family = if own.family == "ipv6" { Family::Ipv6 } else { Family::Ipv4 };
    let action = match &*own.action {
        "lookup" => RuleAction::Table(own.table),
        "blackhole" => RuleAction::Blackhole,
        "prohibit" => RuleAction::Prohibit,
        "unreachable" => RuleAction::Unreachable,
        other => return Err(other.to_owned()),
    };
    if !own.beyond.is_empty() {
        return Err(own.beyond.join(", "));
    }
    let name = |name: &Option<String>| -> Result<Option<IfName>, String> {
        let parse = |name: &String| name.parse().map_err(|_| format!("device `{name}`"));
        name.as_ref().map(parse).transpose()
    };
    Ok(Rule {
        family,
        priority: Some(own.priority),
        not: own.not,
        from: own.from,
        to: own.to,
        iif: name(&own.iif)?,
        oif: name(&own.oif)?,
        fwmark: own.mark.map(|mark| Mark { mark, mask: own.mask.unwrap_or(u32::MAX) }),
        action,
    })
}
