//! A step that looks at what the kernel reports.

use std::collections::BTreeSet;

use ipnet::IpNet;
use twinax_kernel::observe;
use twinax_plan::{ObservedLink, ObservedNode, ObservedRoute, ObservedRule};
use twinax_topology::{
    Facts, LookExpect, Neighbour, Place, Route, RouteKind, Rule, RuleAction, Spot, TABLE_MAIN,
};

use super::{Outcome, StepError, netns};
use crate::lab::Lab;
use crate::nodes::inside;
use crate::report::Check;

pub(super) fn carry_out(lab: &Lab, spot: &Spot, expect: &LookExpect) -> Result<Outcome, StepError> {
    let sysctls: Vec<&str> = [&expect.has, &expect.lacks]
        .into_iter()
        .flat_map(|facts| facts.sysctls.iter().map(|sysctl| sysctl.key.path()))
        .collect();
    let failed = |source| StepError::Kernel { what: format!("looking at `{spot}`"), source };
    let seen = inside(&netns(lab, &spot.node)?, || observe::node(&sysctls)).map_err(failed)?;
    let mut checks = Vec::new();
    if let Some(name) = &spot.interface {
        match seen.link(name.as_str()) {
            Some(link) => interface(link, expect, &mut checks),
            None => checks.push(Check {
                expected: format!("an interface `{name}`"),
                seen: names(&seen),
                held: false,
            }),
        }
    }
    if let Some(wanted) = &expect.interfaces {
        let wanted: BTreeSet<&str> = wanted.iter().map(AsRef::as_ref).collect();
        let there = seen.links.iter().map(|link| link.name.as_str()).filter(|name| *name != "lo");
        let there: BTreeSet<&str> = there.collect();
        let in_words = |names: &BTreeSet<&str>| match names.len() {
            0 => "no interface but lo".to_owned(),
            _ => format!("the interfaces {}", listed(names.iter())),
        };
        let held = wanted == there;
        checks.push(Check { expected: in_words(&wanted), seen: in_words(&there), held });
    }
    let looked = Looked { lab, spot, seen: &seen };
    looked.facts(&expect.has, true, &mut checks)?;
    looked.facts(&expect.lacks, false, &mut checks)?;
    Ok(Outcome { done: vec![format!("look at {spot}")], checks, ..Outcome::default() })
}

fn names(seen: &ObservedNode) -> String {
    let names: Vec<&str> = seen.links.iter().map(|link| link.name.as_str()).collect();
    format!("the interfaces {}", names.join(", "))
}

/// What is expected of the interface that is looked at.
fn interface(link: &ObservedLink, expect: &LookExpect, checks: &mut Vec<Check>) {
    let mut same = |what: &str, wanted: Option<String>, seen: String| {
        if let Some(wanted) = wanted {
            let held = wanted == seen;
            checks.push(Check {
                expected: format!("{what}{wanted}"),
                seen: format!("{what}{seen}"),
                held,
            });
        }
    };
    let up = |up: bool| if up { "up" } else { "down" }.to_owned();
    same("", expect.up.map(up), up(link.up));
    let carrier = |there: bool| if there { "carrier" } else { "no carrier" }.to_owned();
    same("", expect.carrier.map(carrier), carrier(link.carrier));
    same("MTU ", expect.mtu.map(|mtu| mtu.to_string()), link.mtu.to_string());
    let mac = link.mac.map_or("none".to_owned(), |mac| mac.to_string());
    same("MAC ", expect.mac.map(|mac| mac.to_string()), mac);
    let master = link.master.clone().unwrap_or("none".to_owned());
    same("master ", expect.master.as_ref().map(ToString::to_string), master);
    let addresses = |nets: Vec<IpNet>| {
        let nets: BTreeSet<String> = nets.iter().map(ToString::to_string).collect();
        match nets.len() {
            0 => "none".to_owned(),
            _ => nets.into_iter().collect::<Vec<_>>().join(", "),
        }
    };
    let there = link.addresses.iter().map(|own| own.address).filter(|net| !is_link_local(net));
    same("addresses: ", expect.addresses.clone().map(addresses), addresses(there.collect()));
}

/// `fe80::/10`: every interface that is up has one by itself (RFC 4291, 2.5.6).
fn is_link_local(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local())
}

/// What was seen, and where it was looked for.
struct Looked<'a> {
    lab: &'a Lab,
    spot: &'a Spot,
    seen: &'a ObservedNode,
}

impl Looked<'_> {
    /// Checks that each fact is there (`wanted`), or that none is.
    fn facts(&self, facts: &Facts, wanted: bool, checks: &mut Vec<Check>) -> Result<(), StepError> {
        let seen = self.seen;
        let only = self.spot.interface.as_ref().map(AsRef::as_ref);
        let mut fact = |what: String, there: bool, instead: String| {
            let phrase = |there: bool| if there { what.clone() } else { format!("no {what}") };
            let held = there == wanted;
            let instead = match (held || there, instead.is_empty()) {
                (false, false) => format!("; there is {instead}"),
                _ => String::new(),
            };
            let seen = phrase(there) + &instead;
            checks.push(Check { expected: phrase(wanted), seen, held });
        };
        for name in &facts.interfaces {
            fact(format!("interface {name}"), seen.link(name.as_str()).is_some(), names(seen));
        }
        let links = || seen.links.iter().filter(|link| only.is_none_or(|only| only == link.name));
        for address in &facts.addresses {
            let own = || links().flat_map(|link| &link.addresses).map(|own| own.address);
            fact(format!("address {address}"), own().any(|own| own == *address), listed(own()));
        }
        for route in &facts.routes {
            let there = seen.routes.iter().any(|own| is_route(route, own));
            let main = || seen.routes.iter().filter(|own| own.table == TABLE_MAIN);
            fact(route_in_words(route), there, listed(main().map(|own| own.to)));
        }
        for rule in &facts.rules {
            let there = seen.rules.iter().any(|own| is_rule(rule, own));
            fact(rule_in_words(rule), there, listed(seen.rules.iter().map(|own| own.priority)));
        }
        for neighbour in &facts.neighbours {
            let Neighbour { dev, to, mac } = neighbour;
            let there = seen
                .neighbours
                .iter()
                .any(|own| own.dev == dev.as_str() && own.to == *to && own.mac == Some(*mac));
            fact(format!("neighbour {to} at {mac} on {dev}"), there, String::new());
        }
        for sysctl in &facts.sysctls {
            let own = seen.sysctls.get(sysctl.key.path()).cloned().unwrap_or_default();
            fact(format!("{} = {}", sysctl.key, sysctl.value), own == sysctl.value, own.clone());
        }
        for table in &facts.tables {
            fact(format!("table {table}"), seen.tables.contains(table), listed(seen.tables.iter()));
        }
        for place in &facts.learned {
            let there = self.has_learned(place, only)?;
            fact(format!("learned MAC of {place}"), there, String::new());
        }
        Ok(())
    }

    /// Whether a bridge of the node has learned the MAC of an interface of the lab.
    fn has_learned(&self, place: &Place, port: Option<&str>) -> Result<bool, StepError> {
        let failed = |source| StepError::Kernel { what: format!("looking at `{place}`"), source };
        let node = inside(&netns(self.lab, &place.node)?, || observe::node(&[])).map_err(failed)?;
        let mac = node.link(place.interface.as_str()).and_then(|link| link.mac);
        Ok(self.seen.fdb.iter().any(|entry| {
            entry.learned && Some(entry.mac) == mac && port.is_none_or(|port| port == entry.dev)
        }))
    }
}

fn listed<T: std::fmt::Display>(things: impl Iterator<Item = T>) -> String {
    let things: BTreeSet<String> = things.map(|thing| thing.to_string()).collect();
    things.into_iter().collect::<Vec<_>>().join(", ")
}

/// Whether a route that is there agrees in all that is said of the one that is looked for.
fn is_route(wanted: &Route, own: &ObservedRoute) -> bool {
    wanted.to == own.to
        && wanted.kind.as_str() == own.kind
        && wanted.table.unwrap_or(TABLE_MAIN) == own.table
        && wanted.via.is_none_or(|via| own.via == Some(via))
        && wanted.dev.as_ref().is_none_or(|dev| own.dev.as_deref() == Some(dev.as_str()))
        && wanted.src.is_none_or(|src| own.src == Some(src))
        && wanted.metric.is_none_or(|metric| own.metric == metric)
        && (!wanted.onlink || own.onlink)
}

fn route_in_words(route: &Route) -> String {
    let mut words = match route.kind {
        RouteKind::Unicast => format!("route {}", route.to),
        kind => format!("route {} {}", kind.as_str(), route.to),
    };
    words += &route.via.map(|via| format!(" via {via}")).unwrap_or_default();
    words += &route.dev.as_ref().map(|dev| format!(" dev {dev}")).unwrap_or_default();
    words += &route.table.map(|table| format!(" table {table}")).unwrap_or_default();
    words
}

/// Whether a rule that is there agrees in all that is said of the one that is looked for.
fn is_rule(wanted: &Rule, own: &ObservedRule) -> bool {
    let name = |wanted: &Option<_>, own: &Option<String>| {
        wanted
            .as_ref()
            .is_none_or(|name: &twinax_topology::IfName| own.as_deref() == Some(name.as_str()))
    };
    let action = match wanted.action {
        RuleAction::Table(table) => own.action == "lookup" && own.table == table,
        RuleAction::Blackhole => own.action == "blackhole",
        RuleAction::Prohibit => own.action == "prohibit",
        RuleAction::Unreachable => own.action == "unreachable",
    };
    action
        && wanted.family.as_str() == own.family
        && wanted.not == own.not
        && wanted.priority.is_none_or(|priority| own.priority == priority)
        && wanted.from.is_none_or(|from| own.from == Some(from))
        && wanted.to.is_none_or(|to| own.to == Some(to))
        && name(&wanted.iif, &own.iif)
        && name(&wanted.oif, &own.oif)
        && wanted.fwmark.is_none_or(|fwmark| own.mark == Some(fwmark.mark))
}

fn rule_in_words(rule: &Rule) -> String {
    let add = twinax_topology::Change::AddRule("node".parse().expect("a name"), rule.clone());
    let command = twinax_plan::command(&twinax_plan::Step::Change(add));
    command.split_once("rule add ").map_or(command.clone(), |(_, words)| format!("rule {words}"))
}
