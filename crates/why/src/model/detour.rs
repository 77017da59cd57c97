//! The ways that a packet could go instead: routes that would lead on, found by who is on which link.

use std::net::IpAddr;

use ipnet::IpNet;
use twinax_kernel::ask::{Asked, RouteQuery};
use twinax_plan::{ObservedRoute, found_route};
use twinax_topology::{Change, NodeName, Route, RouteKind};

use super::routes::{self, command};
use super::{Case, Found, Header, at};
use crate::cause::{Cause, Evidence, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::At;

/// Routes that would lead to an address: by a neighbour that forwards, the one that leads on first.
pub fn ways(
    case: Case<'_>,
    node: &NodeName,
    to: IpAddr,
) -> Result<Vec<Route>, twinax_kernel::Error> {
    ways_by(case, node, to, true).map(|ways| ways.into_iter().map(|(_, route)| route).collect())
}

/// The same, each with the device that it leaves by: those that are up, or those that are down.
pub fn ways_by(
    case: Case<'_>,
    node: &NodeName,
    to: IpAddr,
    up: bool,
) -> Result<Vec<(At, Route)>, twinax_kernel::Error> {
    let host = IpNet::from(to);
    let prefix = case
        .facts
        .owners(to)
        .first()
        .and_then(|owner| case.facts.link(owner))
        .and_then(|link| link.addresses.iter().find(|own| own.address.addr() == to))
        .map_or(host, |own| own.address.trunc());
    let mut ways: Vec<(bool, (At, Route))> = Vec::new();
    for link in case.facts.links(node).iter().filter(|link| link.up == up && link.name != "lo") {
        let out = at(node, &link.name);
        let own = link.addresses.iter().filter(|own| own.address.addr().is_ipv4() == to.is_ipv4());
        let own: Vec<IpNet> = own.map(|own| own.address).collect();
        for (gateway, via) in on_link(case, &out, &own) {
            if gateway.node == *node || via == to {
                continue;
            }
            let query = RouteQuery { from: None, ..RouteQuery::to(to) };
            // Who has no subnet in common with it has to be told that it is on the link.
            let is_near = own.iter().any(|net| net.contains(&via));
            // What is down has taken the routes of others with it.
            let leads = !up
                || case.facts.has_address(&gateway.node, to)
                || matches!(case.facts.route(&gateway.node, &query)?, Asked::Route(way)
                    if way.kind == "local" || way.dev.as_deref() != Some(&gateway.device));
            let way = Route::via(prefix, via);
            let dev = link.name.parse().ok().filter(|_| !is_near);
            let way = if dev.is_some() { Route { dev, onlink: true, ..way } } else { way };
            ways.push((leads, (out.clone(), way)));
        }
        let there = case.facts.owners(to).iter().any(|owner| case.facts.segment(&out).has(owner));
        if there && let Ok(dev) = link.name.parse() {
            let route = Route { dev: Some(dev), ..Route::of_kind(RouteKind::Unicast, host) };
            ways.push((true, (out.clone(), route)));
        }
    }
    ways.sort_by_key(|(leads, _)| !leads);
    Ok(ways.into_iter().filter(|(leads, _)| *leads).map(|(_, route)| route).take(3).collect())
}

/// The devices on the link of another with an address in one of its subnets, or that have it in theirs.
fn on_link(case: Case<'_>, out: &At, subnets: &[IpNet]) -> Vec<(At, IpAddr)> {
    let segment = case.facts.segment(out);
    let mut found = Vec::new();
    for node in case.facts.names() {
        for link in case.facts.links(node) {
            let is_near = |there: &&IpNet| {
                let near = |own: &IpNet| own.contains(&there.addr()) || there.contains(&own.addr());
                subnets.iter().any(near)
            };
            let there = link.addresses.iter().map(|own| &own.address);
            for address in there.filter(is_near).map(IpNet::addr) {
                let other = at(node, &link.name);
                if segment.has(&other) {
                    found.push((other, address));
                }
            }
        }
    }
    found
}

/// The packet should go another way: what is, and the ways that would lead on.
pub fn instead(case: Case<'_>, out: &At, header: Header, cause: Cause) -> Found {
    let node = &out.node;
    // Only its own addresses does a node take as a source where nothing comes in.
    let own = header.source.filter(|source| case.facts.has_address(node, *source));
    let query = RouteQuery { from: own, ..RouteQuery::to(header.destination) };
    let mut suspect = Suspect::new(cause);
    if let Asked::Route(answer) = case.facts.route(node, &query)? {
        let text = format!("{node} sends to {} out of {}", header.destination, out.device);
        suspect = suspect.because(Evidence::new(Mark::Asked, text).with(command(node, &query)));
        let matched = answer.matched.first();
        if let Some(route) = matched {
            let says = format!("{} dev {}", route.to, out.device);
            suspect.cause = suspect.cause.by("route", says);
        }
        let made = matched.filter(|route| route.protocol != "kernel");
        let gone = match made {
            Some(made) => routes::without(node, made)?,
            None => None,
        };
        // Another may lead on.
        suspect = suspect.mended_by(gone.clone());
        for way in ways(case, node, header.destination)? {
            let same_prefix = made.is_some_and(|made| made.to == way.to);
            let gone = gone.clone().filter(|_| same_prefix);
            let add = Op::Change(Box::new(Change::AddRoute(node.clone(), way)));
            suspect = suspect.mended_by(gone.unwrap_or(Remedy { ops: Vec::new() }).and(add));
        }
        if let Some(remedy) = right_mask(case, out, matched, header) {
            suspect.remedies.insert(0, remedy);
        }
    }
    Ok(vec![suspect])
}

/// An address whose prefix is shorter than that of everybody else on the link gets theirs.
fn right_mask(
    case: Case<'_>,
    out: &At,
    matched: Option<&ObservedRoute>,
    header: Header,
) -> Option<Remedy> {
    let route = matched.filter(|route| route.protocol == "kernel" && route.via.is_none())?;
    let link = case.facts.link(out)?;
    let own = link.addresses.iter().find(|own| own.address.trunc() == route.to)?;
    let theirs = on_link(case, out, &[own.address]).into_iter().find_map(|(other, address)| {
        let link = case.facts.link(&other)?;
        let of = link.addresses.iter().find(|own| own.address.addr() == address)?;
        let length = of.address.prefix_len();
        (length > own.address.prefix_len()).then_some(length)
    })?;
    let right = IpNet::new(own.address.addr(), theirs).ok()?;
    if right.contains(&header.destination) {
        return None;
    }
    let place = crate::remedy::place(out)?;
    // Routes by gateways go with the address by which they are reached.
    let seen = case.facts.node(&out.node).ok()?;
    let lost = seen.routes.iter().filter(|route| {
        route.dev.as_deref() == Some(&out.device)
            && route.via.is_some_and(|via| own.address.contains(&via))
    });
    let again = lost
        .filter_map(|route| found_route(route).ok())
        .map(|route| Change::AddRoute(out.node.clone(), route));
    let mut changes =
        vec![Change::DelAddress(place.clone(), own.address), Change::AddAddress(place, right)];
    changes.extend(again);
    Some(Remedy::of(changes))
}
