//! Routes: what the kernel's answer to "which way?" means, and which knob would change it.
//!
//! One errno stands for several causes: `EINVAL` is what source validation says of a local source, of a source
//! that is routed elsewhere and of one that can't be, and what a `blackhole` route says; `EHOSTUNREACH` is
//! forwarding that is off, and an `unreachable` route. What is set decides which of them can be meant; the copy
//! decides which is.

use std::fmt;
use std::net::IpAddr;

use rustix::io::Errno;
use twinax_kernel::Refusal;
use twinax_kernel::ask::{RouteAnswer, RouteQuery};
use twinax_kernel::replay::RawRoute;
use twinax_lab::ask;
use twinax_plan::{ObservedRoute, ObservedRule, found_route, found_rule};
use twinax_topology::{Change, Family, NodeName, Rule, RuleAction};

use super::{Case, Found, Header, detour, resolution, validation};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::At;

/// The command that asks a node which way it sends a packet.
pub fn command(node: &NodeName, query: &RouteQuery) -> String {
    query.command().replacen("ip ", &format!("ip -n {node} "), 1)
}

/// What the kernel answers who asks for a way: that it refuses one, or of which kind it is.
fn asked(node: &NodeName, query: &RouteQuery, answer: &impl fmt::Display) -> Evidence {
    let command = command(node, query);
    Evidence::new(Mark::Asked, format!("{node} is asked for the way: {answer}")).with(command)
}

/// Why a node has no way for a packet of its own.
pub fn refused(
    case: Case<'_>,
    node: &NodeName,
    header: Header,
    query: &RouteQuery,
    refused: Refusal,
) -> Found {
    let mut found = discarding(case, node, header, query)?;
    if found.is_empty() || refused.errno == Errno::NETUNREACH {
        let kind = if header.is_reply { Kind::NoWayBack } else { Kind::NoRoute };
        // That is also what the kernel says of a source that the node does not have.
        let own = header.source.is_none_or(|source| case.facts.has_address(node, source));
        let certain = found.is_empty() && own && refused.errno == Errno::NETUNREACH;
        found.extend(no_route(case, node, header, kind, certain)?);
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
        found.extend(discarding(case, node, header, query)?);
        found.extend(validation::forwarding_off(case, input, header));
    }
    found.extend(validation::destination(case, input, header, name));
    found.extend(validation::source(case, input, header, name)?);
    if !here && (found.is_empty() || refused.errno == Errno::NETUNREACH) {
        let certain = found.is_empty() && refused.errno == Errno::NETUNREACH;
        found.extend(no_route(case, node, header, Kind::NoRoute, certain)?);
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
    let mut found = discarding(case, node, header, query)?;
    let asked = asked(node, query, &answer.kind);
    found.iter_mut().for_each(|suspect| suspect.evidence.push(asked.clone()));
    Ok(found)
}

/// A route is taken away: as a lab file would say it, or as the kernel does.
pub fn without(
    node: &NodeName,
    route: &ObservedRoute,
) -> Result<Option<Remedy>, twinax_kernel::Error> {
    if let Ok(route) = found_route(route) {
        return Ok(Some(Change::DelRoute(node.clone(), route).into()));
    }
    let raw = ask::in_node(node, RawRoute::all)?.into_iter().find(|own| own.is(route));
    let kind = Some(&*route.kind).filter(|kind| *kind != "unicast");
    let table = Some(route.table).filter(|table| *table != MAIN);
    let words = [
        kind.map(str::to_owned),
        Some(route.to.to_string()),
        route.nexthop.map(|id| format!("nhid {id}")),
        table.map(|table| format!("table {table}")),
    ];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let node = node.clone();
    Ok(raw.map(|raw| Remedy {
        ops: vec![Op::Route { node, words, route: Box::new(raw), there: false }],
    }))
}

/// A route of kind `local`, by which a node takes for its own what is not for any of its addresses.
pub fn takes_for_its_own(
    case: Case<'_>,
    node: &NodeName,
    header: Header,
    query: &RouteQuery,
    answer: &RouteAnswer,
) -> Found {
    let route = answer.matched.first().filter(|route| route.kind == "local");
    let Some(route) = route.filter(|_| !case.facts.has_address(node, header.destination)) else {
        return Ok(Vec::new());
    };
    let words = format!("local {}", route.to);
    let says = format!(
        "{node} takes {} for its own: it has the route `{words}`, though {} is no address of it.",
        header.name(),
        header.destination
    );
    let cause = Cause::new(Kind::LocalRoute, node, says)
        .by(words.as_str(), format!("table {}", route.table));
    let remedy = without(node, route)?;
    let asked = asked(node, query, &route.kind);
    Ok(vec![Suspect::new(cause).because(asked).certain_if(true).mended_by(remedy)])
}

/// The routes and rules that discard the packet, the most special first.
fn discarding(case: Case<'_>, node: &NodeName, header: Header, query: &RouteQuery) -> Found {
    let seen = case.facts.node(node)?;
    let mut found = Vec::new();
    for rule in seen.rules.iter().filter(|rule| is_for(rule, header, query)) {
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
    for route in matching {
        found.push(by_route(node, route, header)?);
    }
    Ok(found)
}

/// Whether a rule may be for a packet, as far as its addresses, its mark and its devices say.
fn is_for(rule: &ObservedRule, header: Header, query: &RouteQuery) -> bool {
    let family = if header.v4() { "ipv4" } else { "ipv6" };
    let to = rule.to.is_none_or(|to| to.contains(&header.destination));
    let from = match (rule.from, header.source) {
        (Some(from), Some(source)) => from.contains(&source),
        (Some(_), None) => true,
        (None, _) => true,
    };
    let mask = rule.mask.unwrap_or(u32::MAX);
    let mark = rule.mark.is_none_or(|mark| query.mark.unwrap_or(0) & mask == mark & mask);
    let input = rule.iif.is_none() || query.iif.is_none() || rule.iif == query.iif;
    let all = to && from && mark && input;
    let may_not = rule.not && !rule.beyond.is_empty();
    rule.family == family && (all != rule.not || may_not)
}

fn by_route(
    node: &NodeName,
    route: &ObservedRoute,
    header: Header,
) -> Result<Suspect, twinax_kernel::Error> {
    let kind = match &*route.kind {
        "blackhole" => Kind::BlackholeRoute,
        "prohibit" => Kind::ProhibitRoute,
        "unreachable" => Kind::UnreachableRoute,
        _ => Kind::ThrowRoute,
    };
    let words = format!("{} {}", route.kind, route.to);
    let does = match kind {
        Kind::ThrowRoute => {
            format!("looks for no other in table {}, and nowhere else is one", route.table)
        }
        _ => format!("discards {}", header.name()),
    };
    let says = format!("{node} has a route `{words}`, by which it {does}.");
    let cause = Cause::new(kind, node, says).by(words.as_str(), format!("table {}", route.table));
    let command =
        format!("ip -n {node} {}route show table all to match {}", six(header), header.destination);
    let seen = Evidence::new(Mark::Observed, format!("{node} has the route {words}")).with(command);
    Ok(Suspect::new(cause).because(seen).mended_by(without(node, route)?))
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
    // What a lab file has no words for need not be said of a rule that is to go.
    let said = found_rule(&ObservedRule { beyond: Vec::new(), ..rule.clone() });
    let remedy = said.ok().map(|rule| Remedy::from(Change::DelRule(node.clone(), rule)));
    Suspect::new(cause).because(seen).mended_by(remedy)
}

/// That a node has no address of the family with which it could send beyond its links.
fn addressless(case: Case<'_>, node: &NodeName, header: Header) -> Option<Evidence> {
    let links = case.facts.links(node).iter().filter(|link| link.name != "lo");
    let mut addresses = links.flat_map(|link| &link.addresses);
    let has =
        addresses.any(|own| own.address.addr().is_ipv4() == header.v4() && own.scope != "link");
    let family = if header.v4() { "IPv4" } else { "IPv6" };
    let text = format!("{node} has no {family} address to send from beyond its links");
    let command = format!("ip -n {node} {}addr", six(header));
    (!has).then(|| Evidence::new(Mark::Observed, text).with(command))
}

/// No route matches; certain, where the kernel can have meant nothing else.
fn no_route(case: Case<'_>, node: &NodeName, header: Header, kind: Kind, certain: bool) -> Found {
    let to = header.destination;
    let says = match kind {
        Kind::NoWayBack => format!("{node} has no route back to {to}, so it can't answer."),
        _ => format!("{node} has no route to {to}."),
    };
    let cause = Cause::new(kind, node, says).by("route", "none");
    let command = format!("ip -n {node} {}route show table all", six(header));
    let routes = &case.facts.node(node)?.routes;
    // One that matches may be in a table that no rule leads to, or be dead with its link.
    let none = !routes.iter().any(|route| route.to.contains(&to));
    let says = if none { "no route" } else { "no route that counts" };
    let seen =
        Evidence::new(Mark::Observed, format!("{says} of {node} matches {to}")).with(command);
    let mut suspect = Suspect::new(cause).because(seen).certain_if(certain && none);
    suspect.evidence.extend(addressless(case, node, header));
    for route in detour::ways(case, node, to)? {
        suspect = suspect.mended_by(Remedy::from(Change::AddRoute(node.clone(), route)));
    }
    let mut found = unasked(case, node, header, routes)?;
    if !header.v4() {
        found.extend(without_ipv6(case, node, to));
    }
    // Routes go with the device that is taken down.
    for (out, route) in detour::ways_by(case, node, to, false)? {
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

/// A route that matches is in a table to which no rule leads.
fn unasked(case: Case<'_>, node: &NodeName, header: Header, routes: &[ObservedRoute]) -> Found {
    let to = header.destination;
    let seen = case.facts.node(node)?;
    let query = RouteQuery::to(to);
    let is_asked = |table: u32| {
        let mut rules = seen.rules.iter().filter(|rule| is_for(rule, header, &query));
        rules.any(|rule| rule.action == "lookup" && rule.table == table)
    };
    let matching = routes.iter().filter(|own| own.kind == "unicast" && own.to.contains(&to));
    let Some(route) = matching.max_by_key(|own| own.to.prefix_len()) else { return Ok(Vec::new()) };
    let table = route.table;
    if is_asked(table) {
        return Ok(Vec::new());
    }
    let main = table == MAIN;
    let name = if main { "main".to_owned() } else { table.to_string() };
    let says = format!(
        "{node} has a route to {to} in table {name}, but no policy rule leads to that table."
    );
    let cause = Cause::new(Kind::NoRoute, node, says).by("rule", format!("no lookup {name}"));
    let text = format!("no rule for {to} looks up table {name}");
    let command = format!("ip -n {node} {}rule show", six(header));
    let family = if header.v4() { Family::Ipv4 } else { Family::Ipv6 };
    let priority = main.then_some(MAIN_PRIORITY);
    let rule = Rule { priority, ..Rule::new(family, RuleAction::Table(table)) };
    let remedy = Remedy::from(Change::AddRule(node.clone(), rule));
    let seen = Evidence::new(Mark::Observed, text).with(command);
    Ok(vec![Suspect::new(cause).because(seen).mended_by(remedy)])
}

/// `RT_TABLE_MAIN`, `linux/rtnetlink.h`.
const MAIN: u32 = 254;
/// The preference of the rule that leads there in a fresh namespace (`fib_default_rules_init`).
const MAIN_PRIORITY: u32 = 32766;

/// A device on the link of whom the packet is for has no IPv6, and so no route.
fn without_ipv6(case: Case<'_>, node: &NodeName, to: IpAddr) -> Vec<Suspect> {
    let owners = case.facts.owners(to);
    let devices = case.facts.links(node).iter().map(|link| At::new(node, &link.name));
    let leads = |at: &At| owners.iter().any(|owner| case.facts.segment(at).has(owner));
    devices.filter(leads).flat_map(|at| resolution::without_ipv6(case, &at)).collect()
}
