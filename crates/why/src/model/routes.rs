//! Routes: what the kernel's answer to "which way?" means, and which knob would change it.
//!
//! One errno stands for several causes: `EINVAL` is what source validation says of a local source, of a source
//! that is routed elsewhere and of one that can't be, and what a `blackhole` route says; `EHOSTUNREACH` is
//! forwarding that is off, and an `unreachable` route. What is set decides which of them can be meant; the copy
//! decides which is.

use std::net::IpAddr;

use ipnet::IpNet;
use rustix::io::Errno;
use twinax_kernel::Refusal;
use twinax_kernel::ask::{Asked, RouteAnswer, RouteQuery};
use twinax_plan::{ObservedRoute, ObservedRule};
use twinax_topology::{
    Change, Family, IfName, NodeName, Route, RouteKind, Rule, RuleAction, Sysctl, TABLE_MAIN,
};

use super::input::capital;
use super::resolution::{decides, larger, turned};
use super::{Case, Found, Header, at};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;
use crate::seen::At;

/// The command that asks a node which way it sends a packet.
pub fn command(node: &NodeName, query: &RouteQuery) -> String {
    query.command().replacen("ip ", &format!("ip -n {node} "), 1)
}

/// That the kernel refuses a way, as evidence.
fn asked(node: &NodeName, query: &RouteQuery, refused: &Refusal) -> Evidence {
    let command = command(node, query);
    Evidence::new(Mark::Asked, format!("{node} is asked for the way: {refused}")).with(command)
}

/// Why a node has no way for a packet of its own.
pub fn refused(
    case: Case<'_>,
    node: &NodeName,
    header: Header,
    query: &RouteQuery,
    refused: Refusal,
) -> Found {
    let mut found = discarding(case, node, header)?;
    if found.is_empty() || refused.errno == Errno::NETUNREACH {
        let kind = if header.is_reply { Kind::NoWayBack } else { Kind::NoRoute };
        found.extend(no_route(case, node, header, kind)?);
    }
    let asked = asked(node, query, &refused);
    found.iter_mut().for_each(|suspect| suspect.evidence.push(asked.clone()));
    Ok(found)
}

/// Why a node does not take a packet that comes in at a device, or knows no way for it.
pub fn refused_in(
    case: Case<'_>,
    input: &At,
    header: Header,
    query: &RouteQuery,
    refused: Refusal,
    name: &str,
) -> Found {
    let node = &input.node;
    let here = case.facts.has_address(node, header.destination);
    let mut found = Vec::new();
    if !here {
        found.extend(discarding(case, node, header)?);
        found.extend(forwarding_off(case, input, header));
    }
    found.extend(source(case, input, header, name)?);
    if !here && (found.is_empty() || refused.errno == Errno::NETUNREACH) {
        found.extend(no_route(case, node, header, Kind::NoRoute)?);
    }
    let asked = asked(node, query, &refused);
    found.iter_mut().for_each(|suspect| suspect.evidence.push(asked.clone()));
    Ok(found)
}

/// A way that leads nowhere (of IPv6, a discarding route is an answer like any other).
pub fn discards(
    case: Case<'_>,
    node: &NodeName,
    header: Header,
    query: &RouteQuery,
    answer: &RouteAnswer,
) -> Found {
    if !matches!(&*answer.kind, "blackhole" | "unreachable" | "prohibit" | "throw") {
        return Ok(Vec::new());
    }
    let mut found = discarding(case, node, header)?;
    let says = format!("{node} is asked for the way: {}", answer.kind);
    let asked = Evidence::new(Mark::Asked, says).with(command(node, query));
    found.iter_mut().for_each(|suspect| suspect.evidence.push(asked.clone()));
    Ok(found)
}

/// The routes and rules that discard the packet, the most special first.
fn discarding(case: Case<'_>, node: &NodeName, header: Header) -> Found {
    let seen = case.facts.node(node)?;
    let mut found = Vec::new();
    for rule in seen.rules.iter().filter(|rule| is_for(rule, header)) {
        if matches!(&*rule.action, "blackhole" | "unreachable" | "prohibit") {
            found.push(by_rule(node, rule, header));
        }
    }
    let matching = seen.routes.iter().filter(|route| {
        route.to.contains(&header.destination)
            && matches!(&*route.kind, "blackhole" | "unreachable" | "prohibit" | "throw")
    });
    let mut matching: Vec<&ObservedRoute> = matching.collect();
    matching.sort_by_key(|route| std::cmp::Reverse(route.to.prefix_len()));
    found.extend(matching.into_iter().map(|route| by_route(node, route, header)));
    Ok(found)
}

/// Whether a rule may be for a packet, as far as its addresses say.
fn is_for(rule: &ObservedRule, header: Header) -> bool {
    let family = if header.v4() { "ipv4" } else { "ipv6" };
    let to = rule.to.is_none_or(|to| to.contains(&header.destination));
    let from = match (rule.from, header.source) {
        (Some(from), Some(source)) => from.contains(&source),
        (Some(_), None) => true,
        (None, _) => true,
    };
    rule.family == family && ((to && from) != rule.not)
}

fn by_route(node: &NodeName, route: &ObservedRoute, header: Header) -> Suspect {
    let kind = match &*route.kind {
        "blackhole" => Kind::BlackholeRoute,
        "prohibit" => Kind::ProhibitRoute,
        "unreachable" => Kind::UnreachableRoute,
        _ => Kind::NoRoute,
    };
    let words = format!("{} {}", route.kind, route.to);
    let says = format!("{node} has a route `{words}`, by which it discards {}.", header.name());
    let cause = Cause::new(kind, node, says).by(words.as_str(), format!("table {}", route.table));
    let command =
        format!("ip -n {node} {}route show table all to match {}", six(header), header.destination);
    let seen = Evidence::new(Mark::Observed, format!("{node} has the route {words}")).with(command);
    let suspect = Suspect::new(cause).because(seen);
    match in_words(route) {
        Some(route) => suspect.mended_by(Change::DelRoute(node.clone(), route).into()),
        None => suspect,
    }
}

fn six(header: Header) -> &'static str {
    if header.v4() { "" } else { "-6 " }
}

fn by_rule(node: &NodeName, rule: &ObservedRule, header: Header) -> Suspect {
    let kind = match &*rule.action {
        "blackhole" => Kind::BlackholeRoute,
        "prohibit" => Kind::ProhibitRoute,
        _ => Kind::UnreachableRoute,
    };
    let words = format!("rule {}", rule.priority);
    let says = format!(
        "{node} has a policy rule (preference {}) of action {}, which discards {}.",
        rule.priority,
        rule.action,
        header.name()
    );
    let cause = Cause::new(kind, node, says).by(words.as_str(), rule.action.as_str());
    let command = format!("ip -n {node} {}rule show", six(header));
    let seen = Evidence::new(Mark::Observed, format!("{words}: {}", rule.action)).with(command);
    let suspect = Suspect::new(cause).because(seen);
    match rule_in_words(rule) {
        Some(rule) => suspect.mended_by(Change::DelRule(node.clone(), rule).into()),
        None => suspect,
    }
}

/// A route as a lab file has it.
pub fn in_words(route: &ObservedRoute) -> Option<Route> {
    let kind = match &*route.kind {
        "unicast" => RouteKind::Unicast,
        "blackhole" => RouteKind::Blackhole,
        "prohibit" => RouteKind::Prohibit,
        "unreachable" => RouteKind::Unreachable,
        _ => return None,
    };
    // A discarding IPv6 route is at lo, and that is not said.
    let dev = route.dev.as_ref().filter(|_| kind == RouteKind::Unicast);
    Some(Route {
        kind,
        to: route.to,
        via: route.via,
        dev: dev.map(|dev| dev.parse::<IfName>()).transpose().ok()?,
        src: route.src,
        metric: Some(route.metric).filter(|metric| *metric != 0),
        table: Some(route.table).filter(|table| *table != TABLE_MAIN),
        onlink: route.onlink,
    })
}

fn rule_in_words(rule: &ObservedRule) -> Option<Rule> {
    let family = if rule.family == "ipv4" { Family::Ipv4 } else { Family::Ipv6 };
    let action = match &*rule.action {
        "lookup" => RuleAction::Table(rule.table),
        "blackhole" => RuleAction::Blackhole,
        "prohibit" => RuleAction::Prohibit,
        "unreachable" => RuleAction::Unreachable,
        _ => return None,
    };
    let name = |name: &Option<String>| name.as_ref().map(|name| name.parse()).transpose().ok();
    Some(Rule {
        priority: Some(rule.priority),
        not: rule.not,
        from: rule.from,
        to: rule.to,
        iif: name(&rule.iif)?,
        oif: name(&rule.oif)?,
        ..Rule::new(family, action)
    })
}

/// No route matches.
fn no_route(case: Case<'_>, node: &NodeName, header: Header, kind: Kind) -> Found {
    let to = header.destination;
    let says = match kind {
        Kind::NoWayBack => format!("{node} has no route back to {to}, so it can't answer."),
        _ => format!("{node} has no route to {to}."),
    };
    let cause = Cause::new(kind, node, says).by("route", "none");
    let command = format!("ip -n {node} {}route show table all", six(header));
    let seen =
        Evidence::new(Mark::Observed, format!("no route of {node} matches {to}")).with(command);
    let mut suspect = Suspect::new(cause).because(seen);
    for route in ways(case, node, to)? {
        suspect = suspect.mended_by(Change::AddRoute(node.clone(), route).into());
    }
    let mut found = Vec::new();
    // Routes go with the device that is taken down.
    for (out, route) in ways_by(case, node, to, false)? {
        let Some(up) = Remedy::up(&out) else { continue };
        let mut down = super::device::is_down(&out).because(suspect.evidence[0].clone());
        down.cause.sentence = format!("{out} is down, so {node} has no route to {to}.");
        down.certain = false;
        let add = Change::AddRoute(node.clone(), route);
        down.remedies.push(up.and(crate::remedy::Op::Change(Box::new(add))));
        found.push(down);
    }
    found.push(suspect);
    Ok(found)
}

/// Routes that would lead to an address: by a neighbour that forwards, the one that leads on first.
pub fn ways(
    case: Case<'_>,
    node: &NodeName,
    to: IpAddr,
) -> Result<Vec<Route>, twinax_kernel::Error> {
    ways_by(case, node, to, true).map(|ways| ways.into_iter().map(|(_, route)| route).collect())
}

/// The same, each with the device that it leaves by: those that are up, or those that are down.
fn ways_by(
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
            // What is down has taken the routes of others with it.
            let leads = !up
                || case.facts.has_address(&gateway.node, to)
                || matches!(case.facts.route(&gateway.node, &query)?, Asked::Route(way)
                    if way.kind == "local" || way.dev.as_deref() != Some(&gateway.device));
            ways.push((leads, (out.clone(), Route::via(prefix, via))));
        }
        let there =
            case.facts.owners(to).iter().any(|owner| case.facts.link_path(&out, owner).is_some());
        if there && let Ok(dev) = link.name.parse() {
            let route = Route { dev: Some(dev), ..Route::of_kind(RouteKind::Unicast, host) };
            ways.push((true, (out.clone(), route)));
        }
    }
    ways.sort_by_key(|(leads, _)| !leads);
    Ok(ways.into_iter().filter(|(leads, _)| *leads).map(|(_, route)| route).take(3).collect())
}

/// The devices on the link of another with an address in one of its subnets.
fn on_link(case: Case<'_>, out: &At, subnets: &[IpNet]) -> Vec<(At, IpAddr)> {
    let mut found = Vec::new();
    for node in case.facts.names() {
        for link in case.facts.links(node) {
            let there = link.addresses.iter().map(|own| own.address.addr());
            for address in there.filter(|to| subnets.iter().any(|net| net.contains(to))) {
                let other = at(node, &link.name);
                if other != *out && case.facts.link_path(out, &other).is_some() {
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
        let made = matched.filter(|route| route.protocol != "kernel").and_then(in_words);
        if let Some(made) = &made {
            // Another may lead on.
            suspect = suspect.mended_by(Change::DelRoute(node.clone(), made.clone()).into());
        }
        for way in ways(case, node, header.destination)? {
            let same_prefix = made.as_ref().filter(|made| made.to == way.to);
            let mut changes: Vec<Change> = same_prefix
                .map(|made| Change::DelRoute(node.clone(), made.clone()))
                .into_iter()
                .collect();
            changes.push(Change::AddRoute(node.clone(), way));
            suspect = suspect.mended_by(Remedy::of(changes));
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
    let again = lost.filter_map(in_words).map(|route| Change::AddRoute(out.node.clone(), route));
    let mut changes =
        vec![Change::DelAddress(place.clone(), own.address), Change::AddAddress(place, right)];
    changes.extend(again);
    Some(Remedy::of(changes))
}

/// The node does not forward.
pub fn forwarding_off(case: Case<'_>, input: &At, header: Header) -> Vec<Suspect> {
    let node = &input.node;
    let (paths, sentence) = match header.v4() {
        true => (["net/ipv4/ip_forward", "net/ipv4/conf/DEV/forwarding"], "net.ipv4.ip_forward"),
        false => (
            ["net/ipv6/conf/all/forwarding", "net/ipv6/conf/DEV/forwarding"],
            "net.ipv6.conf.all.forwarding",
        ),
    };
    let own = paths[1].replace("DEV", &input.device);
    if case.facts.number(node, &own) != 0 {
        return Vec::new();
    }
    // It is where it should be, and not to be passed on.
    if !header.is_reply && case.question.whose.as_ref() == Some(node) {
        return Vec::new();
    }
    // Whoever is on the link where it came in is not reached by passing it on there.
    let onward = case.facts.route(node, &RouteQuery::to(header.destination));
    if let Ok(Asked::Route(way)) = onward
        && way.via.is_none()
        && way.dev.as_deref() == Some(&input.device)
    {
        return Vec::new();
    }
    let all = case.facts.number(node, paths[0]);
    let (knob, path) = match all {
        0 => (sentence.to_owned(), paths[0].to_owned()),
        _ => (own.replace('/', "."), own.clone()),
    };
    let says = format!(
        "{} for {} comes in at {input}, but {node} does not forward: {knob} is 0.",
        capital(header.name()),
        header.destination
    );
    let cause =
        Cause::new(Kind::ForwardingOff, node, says).at(&input.device).by(knob.as_str(), "0");
    let seen = Evidence::new(Mark::Observed, format!("{knob} = 0"))
        .with(format!("ip netns exec {node} sysctl {knob}"));
    vec![Suspect::new(cause).because(seen).mended_by(Remedy::sysctls(node, [(path.as_str(), "1")]))]
}

/// What source validation has against a packet (`fib_validate_source`, `net/ipv4/fib_frontend.c`).
fn source(case: Case<'_>, input: &At, header: Header, name: &str) -> Found {
    let Some(source) = header.source else { return Ok(Vec::new()) };
    let (node, dev) = (&input.node, &input.device);
    let (rp_filter, all, own) = larger(case, input, "rp_filter");
    let mut found = Vec::new();
    if martian(source) {
        let says = format!(
            "{node} does not take {name} that came in at {input}: nobody can have the source {source}."
        );
        let cause = Cause::new(Kind::Martian, node, says).at(dev).by("source", source.to_string());
        let mut suspect = Suspect::new(cause);
        if let IpAddr::V4(v4) = source
            && v4.is_loopback()
            && let Some(remedy) = Remedy::knob(input, "ipv4.route_localnet", "1")
        {
            suspect = suspect.mended_by(remedy);
        }
        found.push(suspect);
        return Ok(found);
    }
    if case.facts.has_address(node, source) && header.v4() {
        found.push(local_source(case, input, source, name, rp_filter));
        return Ok(found);
    }
    if rp_filter > 0 && header.v4() {
        let (knob, value) = decides(input, "rp_filter", all, own);
        let query = RouteQuery::to(source);
        let back = case.facts.route(node, &query)?;
        let dev_back = match &back {
            Asked::Route(route) => route.dev.clone(),
            Asked::Refused(_) => None,
        };
        if dev_back.as_ref() == Some(dev) {
            return Ok(found);
        }
        let leads = match &dev_back {
            Some(other) => format!("the way back to {source} is by {other}"),
            None => format!("there is no way back to {source}"),
        };
        let says = format!(
            "{node} does not take {name} that came in on {dev}: its sender is {source}, {leads}, and {knob} is {value}."
        );
        let cause =
            Cause::new(Kind::ReversePath, node, says).at(dev).by(knob.as_str(), value.to_string());
        let asked =
            Evidence::new(Mark::Asked, format!("of {node}, {leads}")).with(command(node, &query));
        let mut suspect =
            Suspect::new(cause).because(asked).mended_by(turned(input, "rp_filter", all, own, "0"));
        if let Ok(device) = dev.parse() {
            let back = Route {
                dev: Some(device),
                ..Route::of_kind(RouteKind::Unicast, IpNet::from(source))
            };
            suspect = suspect.mended_by(Change::AddRoute(node.clone(), back).into());
        }
        if let Some(miss) = Remedy::knob(input, "ipv4.accept_local", "1") {
            suspect = suspect.not_by(miss);
        }
        found.push(suspect);
    }
    Ok(found)
}

fn martian(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_multicast(),
    }
}

/// The packet's source is one of the receiver's own addresses.
fn local_source(case: Case<'_>, input: &At, source: IpAddr, name: &str, rp_filter: i64) -> Suspect {
    let (node, dev) = (&input.node, &input.device);
    let knob = format!("net.ipv4.conf.{dev}.accept_local");
    let (_, _, own) = larger(case, input, "accept_local");
    let says = format!(
        "{node} ignores {name} that came in on {dev}: its sender {source} is an address of {node} itself, and \
         {knob} is {own}."
    );
    let cause =
        Cause::new(Kind::LocalSource, node, says).at(dev).by(knob.as_str(), own.to_string());
    let seen = Evidence::new(Mark::Observed, format!("{source} is an address of {node}"))
        .with(format!("ip -n {node} addr"));
    let mut suspect = Suspect::new(cause).because(seen);
    let accept = Remedy::knob(input, "ipv4.accept_local", "1");
    let (_, all_rp, own_rp) = larger(case, input, "rp_filter");
    let no_filter = turned(input, "rp_filter", all_rp, own_rp, "0");
    if let Some(accept) = accept {
        if rp_filter > 0 {
            let both = no_filter.ops.iter().cloned().fold(accept.clone(), Remedy::and);
            suspect = suspect.mended_by(both).not_by(accept);
        } else {
            suspect = suspect.mended_by(accept);
        }
    }
    if rp_filter > 0 {
        suspect = suspect.not_by(no_filter);
    }
    suspect
}

/// The packet does not fit into an MTU, and may not be fragmented.
pub fn too_big(case: Case<'_>, node: &NodeName, dev: &str, header: Header, mtu: u32) -> Suspect {
    let out = at(node, dev);
    let says = format!(
        "{} has {} bytes and may not be fragmented, but only {mtu} fit through {out}.",
        capital(header.name()),
        header.length
    );
    let cause = Cause::new(Kind::TooBig, node, says).at(dev).by("mtu", mtu.to_string());
    let command = format!("ip -n {node} link show dev {dev}");
    let seen = Evidence::new(Mark::Observed, format!("{out} has an MTU of {mtu}")).with(command);
    let mut suspect = Suspect::new(cause).because(seen);
    let mut changes = Vec::new();
    for end in [Some(out.clone()), case.facts.peer(&out)].into_iter().flatten() {
        let small = case.facts.link(&end).is_some_and(|link| link.mtu < header.length);
        if let Some(place) = crate::remedy::place(&end).filter(|_| small) {
            changes.push(Change::Mtu(place, header.length.max(1500)));
        }
    }
    if !changes.is_empty() {
        // Who was told of the small MTU remembers it for ten minutes.
        let family = if header.v4() { "ipv4" } else { "ipv6" };
        if let Ok(key) = format!("net/{family}/route/flush").parse() {
            let flush = Sysctl { key, value: "1".to_owned() };
            changes.push(Change::Sysctl(case.question.from.clone(), flush));
        }
        suspect = suspect.mended_by(Remedy::of(changes));
    }
    suspect
}
