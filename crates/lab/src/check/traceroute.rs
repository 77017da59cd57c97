//! A step that finds out by which routers a packet goes.

use std::net::IpAddr;

use twinax_topology::{Topology, Traceroute, TracerouteExpect};

use super::{Outcome, StepError, address, called, netns};
use crate::lab::Lab;
use crate::probe::{Echo, Hop, trace};
use crate::report::Check;

pub(super) fn carry_out(
    lab: &Lab,
    asked: &Traceroute,
    expect: &TracerouteExpect,
) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let netns = netns(lab, &asked.from)?;
    let echo = Echo::one(&netns, to, asked.timeout.0);
    let done = format!("traceroute {} → {}", asked.from, called(&asked.to, to));
    let hops = trace(&echo, asked.max_hops)
        .map_err(|source| StepError::Kernel { what: done.clone(), source })?;
    let checks = checks(lab.topology(), expect, &hops, to);
    Ok(Outcome { done: vec![done], checks, ..Outcome::default() })
}

fn checks(lab: &Topology, expect: &TracerouteExpect, hops: &[Hop], to: IpAddr) -> Vec<Check> {
    let reached = hops.last().is_some_and(|hop| hop.by == Some(to) && hop.told.is_none());
    let seen = in_words(lab, hops);
    let mut checks = Vec::new();
    if let Some(wanted) = &expect.hops {
        let held = hops.iter().map(|hop| hop.by).eq(wanted.iter().copied().map(Some));
        let expected = match wanted.is_empty() {
            true => "no answer".to_owned(),
            false => wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        checks.push(Check { expected, seen: seen.clone(), held });
    }
    let by_default = expect.hops.is_none().then_some(true);
    if let Some(wanted) = expect.reachable.or(by_default) {
        let expected = if wanted { "reaches" } else { "does not reach" };
        let expected = format!("{expected} {to}");
        checks.push(Check { expected, seen, held: reached == wanted });
    }
    checks
}

/// The hops on one line; a node is named where only one has the address.
fn in_words(lab: &Topology, hops: &[Hop]) -> String {
    let words = hops.iter().map(|hop| {
        let who = match hop.by {
            Some(by) => owner(lab, by).map_or(by.to_string(), |node| format!("{node} ({by})")),
            None => "*".to_owned(),
        };
        let told = hop.told.map(|told| format!(" \"{told}\"")).unwrap_or_default();
        format!("{}. {who}{told}", hop.ttl)
    });
    match words.collect::<Vec<_>>().join(", ") {
        words if words.is_empty() => "no answer".to_owned(),
        words => words,
    }
}

fn owner(lab: &Topology, address: IpAddr) -> Option<String> {
    let has = |interface: &&twinax_topology::Interface| {
        interface.addresses.iter().any(|own| own.addr() == address)
    };
    let mut owners = lab.interfaces().filter(has).map(|interface| &interface.place.node);
    let first = owners.next()?;
    owners.all(|other| other == first).then(|| first.to_string())
}
