//! A step that finds out who reaches whom.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use twinax_topology::{Family, NodeName, Reach, Spot};

use super::{Outcome, StepError, netns};
use crate::explain::Unanswered;
use crate::lab::Lab;
use crate::probe::{Echo, ping};
use crate::report::Check;

/// An ordered pair of nodes: from, to.
type Pair<'a> = (&'a NodeName, &'a NodeName);

pub(super) fn carry_out(lab: &Lab, asked: &Reach) -> Result<Outcome, StepError> {
    let family = asked.family.unwrap_or_else(|| family(lab));
    let nodes = nodes(lab, asked, family);
    let mut addresses = HashMap::new();
    for node in &nodes {
        let spot = Spot { node: (*node).clone(), interface: None };
        let address = lab.topology().address_of(&spot, Some(family));
        let address = address
            .ok_or_else(|| StepError::NoAddress { spot: node.to_string(), family: Some(family) })?;
        addresses.insert(*node, address);
    }
    let pairs: Vec<Pair<'_>> = nodes
        .iter()
        .flat_map(|from| nodes.iter().map(move |to| (*from, *to)))
        .filter(|(from, to)| from != to)
        .collect();
    let reached = reached(lab, asked, &pairs, &addresses)?;
    let wanted = wanted(asked);
    let (wanted, others): (Vec<_>, Vec<_>) = pairs.iter().partition(|pair| wanted.contains(*pair));
    let unanswered = wanted
        .iter()
        .find(|pair| !reached.contains(**pair))
        .map(|(from, to)| Unanswered { from: (*from).clone(), to: addresses[to] });
    let mut checks = Vec::new();
    if !wanted.is_empty() {
        checks.push(check(&wanted, &reached, true));
    }
    if !others.is_empty() {
        checks.push(check(&others, &reached, false));
    }
    let done = format!("ping of {}, each from each, over {}", listed(&nodes), family.as_str());
    Ok(Outcome { done: vec![done], checks, unanswered, ..Outcome::default() })
}

/// IPv4, unless only IPv6 is there.
fn family(lab: &Lab) -> Family {
    let has_v4 = lab.topology().interfaces().any(|interface| {
        interface.addresses.iter().any(|address| Family::of_net(address) == Family::Ipv4)
    });
    if has_v4 { Family::Ipv4 } else { Family::Ipv6 }
}

/// The nodes that are asked about, in the order of the file.
fn nodes<'a>(lab: &'a Lab, asked: &Reach, family: Family) -> Vec<&'a NodeName> {
    let named: HashSet<&NodeName> = asked
        .groups
        .iter()
        .flatten()
        .chain(asked.also.iter().flat_map(|(from, to)| [from, to]))
        .chain(asked.among.iter().flatten())
        .collect();
    let has_address: HashSet<&NodeName> = lab
        .topology()
        .interfaces()
        .filter(|i| i.addresses.iter().any(|address| Family::of_net(address) == family))
        .map(|interface| &interface.place.node)
        .collect();
    let all = asked.among.is_none();
    let names = lab.topology().nodes.iter().map(|node| &node.name);
    names.filter(|name| named.contains(name) || (all && has_address.contains(name))).collect()
}

/// The pairs of which the first is to reach the second.
fn wanted(asked: &Reach) -> HashSet<Pair<'_>> {
    let within = asked.groups.iter().flat_map(|group| {
        group.iter().flat_map(move |from| group.iter().map(move |to| (from, to)))
    });
    within.chain(asked.also.iter().map(|(from, to)| (from, to))).collect()
}

fn reached<'a>(
    lab: &Lab,
    asked: &Reach,
    pairs: &[Pair<'a>],
    addresses: &HashMap<&NodeName, IpAddr>,
) -> Result<HashSet<Pair<'a>>, StepError> {
    let mut nodes = HashMap::new();
    for (from, _) in pairs {
        if !nodes.contains_key(from) {
            nodes.insert(*from, netns(lab, from)?);
        }
    }
    let series: Vec<Echo<'_>> = pairs
        .iter()
        .map(|(from, to)| Echo::one(&nodes[from], addresses[to], asked.timeout.0))
        .collect();
    let what = || "pinging each from each".to_owned();
    let reports = ping(&series).map_err(|source| StepError::Kernel { what: what(), source })?;
    let answered = pairs.iter().zip(&reports).filter(|(_, report)| report.received() > 0);
    Ok(answered.map(|(pair, _)| *pair).collect())
}

/// At most so many pairs are named in a check.
const NAMED: usize = 12;

fn check(pairs: &[&Pair<'_>], reached: &HashSet<Pair<'_>>, wanted: bool) -> Check {
    let wrong: Vec<&&Pair<'_>> =
        pairs.iter().filter(|pair| reached.contains(**pair) != wanted).collect();
    let count = pairs.len();
    let expected = match (wanted, count) {
        (true, _) => format!("all {count} ways open, {}", summed_up(pairs)),
        (false, _) => format!("none of the {count} ways open that are to be closed"),
    };
    let seen = if wrong.is_empty() {
        expected.clone()
    } else {
        let named: Vec<String> =
            wrong.iter().take(NAMED).map(|(from, to)| format!("{from} → {to}")).collect();
        let more = wrong.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let verb = if wanted { "not open" } else { "open" };
        format!("{verb}: {}{more}", named.join(", "))
    };
    Check { expected, seen, held: wrong.is_empty() }
}

/// Ordered pairs on one line: each sender with all whom it is to reach.
fn summed_up(pairs: &[&Pair<'_>]) -> String {
    let names: BTreeSet<&NodeName> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    match names.len() {
        0..=NAMED => format!("between {}", listed(&names.into_iter().collect::<Vec<_>>())),
        more => format!("between {more} nodes"),
    }
}

fn listed(nodes: &[&NodeName]) -> String {
    let names: Vec<String> = nodes.iter().take(NAMED).map(ToString::to_string).collect();
    match nodes.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
