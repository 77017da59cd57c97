//! Routes, rules and neighbours that the kernel accepts.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::option::of;
use proptest::prelude::*;

use super::cook::nobody_near;
use super::interface::has_ipv6;
use super::{NodeRecipe, pick};
use crate::model::*;

#[derive(Debug, Clone)]
pub(super) struct RouteRecipe {
    kind: u8,
    to: u8,
    gateway: u8,
    name_dev: bool,
    src: bool,
    metric: Option<u32>,
    table: Option<u8>,
}

pub(super) fn route_recipe() -> impl Strategy<Value = RouteRecipe> {
    (
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
        any::<bool>(),
        of(1u32..10_000),
        of(any::<u8>()),
    )
        .prop_map(|(kind, to, gateway, name_dev, src, metric, table)| RouteRecipe {
            kind,
            to,
            gateway,
            name_dev,
            src,
            metric,
            table,
        })
}

#[derive(Debug, Clone)]
pub(super) struct RuleRecipe {
    selector: u8,
    v6: bool,
    not: bool,
    interface: Option<u8>,
    outgoing: bool,
    mark: Option<(u8, bool)>,
    priority: Option<u16>,
    action: u8,
}

pub(super) fn rule_recipe() -> impl Strategy<Value = RuleRecipe> {
    (
        any::<u8>(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        of(any::<u8>()),
        any::<bool>(),
        of((1u8.., any::<bool>())),
        of(1u16..3000),
        any::<u8>(),
    )
        .prop_map(|(selector, v6, not, interface, outgoing, mark, priority, action)| {
            RuleRecipe { selector, v6, not, interface, outgoing, mark, priority, action }
        })
}

pub(super) fn fill(lab: &mut Topology, index: usize, wanted: &NodeRecipe) {
    let node = lab.nodes[index].name.clone();
    let ways = ways(lab, &node);
    let names: Vec<IfName> = lab.interfaces_of(&node).map(|i| i.place.interface.clone()).collect();
    let node = &mut lab.nodes[index];
    for wanted in &wanted.routes {
        let route = route(wanted, &ways);
        let same = |there: &Route| there.to == route.to && table_of(there) == table_of(&route);
        if !node.routes.iter().any(same) {
            node.routes.push(route);
        }
    }
    for wanted in &wanted.rules {
        let rule = rule(wanted, &names);
        let same = |there: &Rule| match rule.priority {
            Some(_) => there.priority == rule.priority,
            None => *there == rule,
        };
        if !node.rules.iter().any(same) {
            node.rules.push(rule);
        }
    }
    for (number, &(which, v6)) in (20u16..).zip(&wanted.neighbours) {
        let fit: Vec<&Way> = ways.iter().filter(|w| w.v6() == v6 && w.has_neighbours).collect();
        if let Some(way) = pick(&fit, which)
            && let Some(to) = nobody_near(&way.subnet, number - 20)
            && !node.neighbours.iter().any(|there| there.to == to)
        {
            let mac = Mac::new([0x06, 0, 0, 0, 0, number as u8]).expect("the first byte is even");
            node.neighbours.push(Neighbour { dev: way.dev.clone(), to, mac });
        }
    }
}

fn table_of(route: &Route) -> u32 {
    route.table.unwrap_or(TABLE_MAIN)
}

/// A subnet of a node on an interface over which routes may go.
struct Way {
    dev: IfName,
    subnet: IpNet,
    gateways: Vec<IpAddr>,
    /// Whether another interface of the node is in the same subnet.
    ambiguous: bool,
    has_neighbours: bool,
}

impl Way {
    fn v6(&self) -> bool {
        self.subnet.addr().is_ipv6()
    }
}

/// IPv4 takes a gateway on any interface that is up. IPv6 looks it up first, so only a veth end
/// with carrier (both ends up) is sure.
fn ways(lab: &Topology, node: &NodeName) -> Vec<Way> {
    let has_carrier = |place: &Place| {
        lab.links.iter().any(|link| {
            (link.a.place == *place || link.b.place == *place) && link.a.up && link.b.up
        })
    };
    let is_tun = |place: &Place| {
        lab.taps.iter().any(|tap| tap.interface.place == *place && tap.mode == TapMode::Tun)
    };
    let mut ways: Vec<Way> = Vec::new();
    for interface in lab.interfaces_of(node).filter(|i| i.up && i.master.is_none()) {
        for subnet in &interface.addresses {
            let is_v6 = subnet.addr().is_ipv6();
            let usable = !is_v6 || (has_ipv6(interface) && has_carrier(&interface.place));
            if !usable || subnet.prefix_len() == subnet.max_prefix_len() {
                continue;
            }
            let mut gateways: Vec<IpAddr> = lab
                .interfaces()
                .filter(|other| other.place.node != *node)
                .flat_map(|other| &other.addresses)
                .map(IpNet::addr)
                .filter(|address| subnet.contains(address))
                .collect();
            gateways.extend(nobody_near(subnet, 0));
            let ambiguous = lab.interfaces_of(node).any(|other| {
                other.place != interface.place
                    && other.addresses.iter().any(|a| a.network() == subnet.network())
            });
            let has_neighbours = !is_tun(&interface.place);
            let dev = interface.place.interface.clone();
            ways.push(Way { dev, subnet: *subnet, gateways, ambiguous, has_neighbours });
        }
    }
    ways
}

/// Destinations that are no subnet of a random lab, IPv4 and IPv6 by turns.
fn destination(which: u8, v6: bool) -> IpNet {
    let all = if v6 {
        ["2001:db8:1::/48", "2001:db8:2::/64", "::/0", "2001:db8:3::9/128", "2001:db8:4000::/36"]
    } else {
        ["172.16.0.0/16", "172.17.1.0/24", "0.0.0.0/0", "172.18.0.9/32", "172.20.0.0/14"]
    };
    all[usize::from(which) % all.len()].parse().expect("the list has prefixes")
}

fn route(wanted: &RouteRecipe, ways: &[Way]) -> Route {
    let v6 = wanted.to % 2 == 1;
    let fit: Vec<&Way> = ways.iter().filter(|way| way.v6() == v6).collect();
    let to = destination(wanted.to / 2, v6);
    let reject = [RouteKind::Blackhole, RouteKind::Prohibit, RouteKind::Unreachable]
        [usize::from(wanted.kind / 5) % 3];
    let mut route = match (wanted.kind % 5, pick(&fit, wanted.gateway)) {
        (0 | 1, Some(way)) => {
            let gateway = pick(&way.gateways, wanted.gateway / 4).copied();
            let named = wanted.name_dev || way.ambiguous || gateway.is_none();
            Route {
                via: gateway,
                dev: named.then(|| way.dev.clone()),
                ..Route::of_kind(RouteKind::Unicast, to)
            }
        }
        (2, Some(way)) => {
            Route { dev: Some(way.dev.clone()), ..Route::of_kind(RouteKind::Unicast, to) }
        }
        // A gateway that no subnet has. IPv6 has more conditions for it than can be met blindly.
        (3, Some(way)) if !v6 => Route {
            via: Some(IpAddr::from([198, 51, 100, 1])),
            dev: Some(way.dev.clone()),
            onlink: true,
            ..Route::of_kind(RouteKind::Unicast, to)
        },
        _ => Route::of_kind(reject, to),
    };
    // An IPv6 source would have to be past duplicate address detection.
    if wanted.src && !v6 && route.kind == RouteKind::Unicast {
        route.src = pick(&fit, wanted.gateway).map(|way| way.subnet.addr());
    }
    route.metric = wanted.metric;
    route.table =
        wanted.table.map(|n| [100, 200, TABLE_MAIN, 1000, TABLE_DEFAULT][usize::from(n) % 5]);
    route
}

/// A rule that matches no packet without source or mark: the kernel looks up a route's gateway
/// through the rules, and is not to be led astray.
fn rule(wanted: &RuleRecipe, names: &[IfName]) -> Rule {
    let family = if wanted.v6 { Family::Ipv6 } else { Family::Ipv4 };
    let net = |v4: &str, v6: &str| {
        let text = if wanted.v6 { v6 } else { v4 };
        Some(text.parse().expect("it is a prefix"))
    };
    let action = match wanted.action % 8 {
        _ if wanted.not => RuleAction::Table(TABLE_MAIN),
        0..=2 => RuleAction::Table([100, 200, 1000][usize::from(wanted.action) % 3]),
        3 => RuleAction::Table(TABLE_MAIN),
        4 => RuleAction::Table(TABLE_DEFAULT),
        5 => RuleAction::Blackhole,
        6 => RuleAction::Prohibit,
        _ => RuleAction::Unreachable,
    };
    let mut rule = Rule::new(family, action);
    rule.not = wanted.not;
    match wanted.selector % 4 {
        0 => rule.from = net("192.0.2.0/24", "2001:db8:a::/48"),
        1 => rule.from = net("192.0.2.7/32", "2001:db8:a::7/128"),
        2 => {
            rule.from = net("192.0.2.0/24", "2001:db8:a::/48");
            rule.to = net("203.0.113.0/25", "2001:db8:b::/48");
        }
        _ => rule.to = net("203.0.113.9/32", "2001:db8:b::9/128"),
    }
    if let Some((mark, some_bits)) = wanted.mark {
        rule.fwmark =
            Some(Mark { mark: mark.into(), mask: if some_bits { 0xff } else { u32::MAX } });
        // With a mark the prefixes may be missing: every second does without.
        if wanted.selector >= 128 {
            rule.from = None;
            rule.to = None;
        }
    }
    if let Some(name) = wanted.interface.and_then(|which| pick(names, which)).cloned() {
        if wanted.outgoing {
            rule.oif = Some(name);
        } else {
            rule.iif = Some(name);
        }
    }
    rule.priority = wanted.priority.map(|n| u32::from(n) * 10 + 100);
    rule
}
