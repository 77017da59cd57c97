//! A step that finds out by which routers a packet goes.

use std::net::IpAddr;

use twinax_topology::{HopExpect, Target, Topology, TraceMethod, Traceroute, TracerouteExpect};

use super::{Outcome, StepError, address, called, netns};
use crate::lab::Lab;
use crate::owners::Owners;
use crate::probe::{Hop, Trace, trace};
use crate::report::Check;

pub(super) fn carry_out(
    lab: &Lab,
    asked: &Traceroute,
    expect: &TracerouteExpect,
) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let traced = Trace {
        netns: &netns(lab, &asked.from)?,
        to,
        method: asked.method,
        probes: asked.probes,
        max_hops: asked.max_hops,
        timeout: asked.timeout.0,
    };
    let done = said(asked, &called(&asked.to, to));
    let hops = trace(&traced).map_err(|source| StepError::Kernel { what: done.clone(), source })?;
    let checks = checks(lab.topology(), expect, &hops, to);
    Ok(Outcome { done: vec![done], checks, ..Outcome::default() })
}

fn said(asked: &Traceroute, to: &str) -> String {
    let mut words = format!("traceroute {} → {to}", asked.from);
    if let TraceMethod::Udp { port } = asked.method {
        words += &format!(", UDP from port {port} on");
    }
    if asked.probes != Traceroute::PROBES {
        words += &format!(", {} of each TTL", asked.probes);
    }
    words
}

fn checks(lab: &Topology, expect: &TracerouteExpect, hops: &[Hop], to: IpAddr) -> Vec<Check> {
    let seen = in_words(&Owners::of(lab), hops);
    let mut checks = Vec::new();
    let mut check = |expected: String, held: bool| {
        checks.push(Check { expected, seen: seen.clone(), held });
    };
    if let Some(wanted) = &expect.hops {
        // What the own kernel says is no hop.
        let others = hops.iter().filter(|hop| hop.is_silent() || hop.is_answered());
        let mut pairs = others.clone().zip(wanted);
        let held =
            others.count() == wanted.len() && pairs.all(|(hop, wanted)| answers(lab, hop, wanted));
        check(wanted_in_words(wanted), held);
    }
    if let Some(told) = expect.told {
        let answers = hops.iter().flat_map(|hop| &hop.answers).flatten();
        let is_told = answers.filter_map(|answer| answer.told).any(|own| own == told);
        check(format!("the sender is told \"{told}\""), is_told);
    }
    let nothing_else = expect.hops.is_none() && expect.told.is_none();
    if let Some(wanted) = expect.reachable.or(nothing_else.then_some(true)) {
        let words = if wanted { "reaches" } else { "does not reach" };
        let reached = hops.last().is_some_and(Hop::is_reached);
        check(format!("{words} {to}"), reached == wanted);
    }
    checks
}

/// Whether those answer of whom that is expected.
fn answers(lab: &Topology, hop: &Hop, wanted: &HopExpect) -> bool {
    let HopExpect::OneOf(all) = wanted else { return hop.is_silent() };
    let is_meant = |by: IpAddr| all.iter().any(|one| has_address(lab, one, by));
    !hop.is_silent() && hop.answers.iter().flatten().all(|answer| answer.by.is_some_and(is_meant))
}

fn has_address(lab: &Topology, target: &Target, address: IpAddr) -> bool {
    match target {
        Target::Address(own) => *own == address,
        Target::Spot(spot) => lab.interfaces_of(&spot.node).any(|interface| {
            spot.interface.as_ref().is_none_or(|name| interface.place.interface == *name)
                && interface.addresses.iter().any(|own| own.addr() == address)
        }),
    }
}

fn wanted_in_words(hops: &[HopExpect]) -> String {
    let target = |target: &Target| match target {
        Target::Address(address) => address.to_string(),
        Target::Spot(spot) => spot.to_string(),
    };
    let hop = |hop: &HopExpect| match hop {
        HopExpect::Silent => "*".to_owned(),
        HopExpect::OneOf(all) => all.iter().map(target).collect::<Vec<_>>().join(" or "),
    };
    match hops {
        [] => "no answer".to_owned(),
        hops => hops.iter().map(hop).collect::<Vec<_>>().join(", "),
    }
}

/// The hops on one line; who answers is named where only one has the address.
fn in_words(owners: &Owners, hops: &[Hop]) -> String {
    let words = hops.iter().map(|hop| {
        let mut all: Vec<String> = Vec::new();
        for answer in hop.answers.iter().flatten() {
            let by = answer.by.map_or("its own kernel".to_owned(), |by| owners.name(by));
            let told = answer.told.map(|told| format!(" \"{told}\"")).unwrap_or_default();
            let words = by + &told;
            if !all.contains(&words) {
                all.push(words);
            }
        }
        let all = if all.is_empty() { "*".to_owned() } else { all.join(" or ") };
        format!("{}. {all}", hop.ttl)
    });
    match words.collect::<Vec<_>>().join(", ") {
        words if words.is_empty() => "no answer".to_owned(),
        words => words,
    }
}
