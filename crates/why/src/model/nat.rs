//! Translation (NAT): nftables and connection tracking change addresses and ports before a node looks for its
//! route (`prerouting`) and when all else is done (`postrouting`).
//!
//! What a node made of a packet that goes on is seen where it goes on. Of one that does not, the kernel is
//! heard while it does it. All stages behind it are asked about what it has become.

use std::net::IpAddr;

use ipnet::IpNet;
use twinax_packet::journey::Change;
use twinax_topology::{Change as Deed, NodeName, Route};

use super::{Case, Found, Header, observed};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::firewall;
use crate::remedy::Remedy;
use crate::seen::{Flow, Sight, What};

/// What a packet that has come in at a node is once it has been translated there.
pub fn entering(case: Case<'_>, sight: &Sight) -> Option<Header> {
    let header = Header::of(sight)?;
    let Some(after) = translated(case, sight) else { return Some(header) };
    let has_ports = header.ports.is_some();
    Some(Header {
        source: Some(after.source),
        destination: after.destination,
        ports: has_ports.then_some((after.from, after.to)),
        ..header
    })
}

/// What a node has made of a packet that has come in, where that is something else.
fn translated(case: Case<'_>, sight: &Sight) -> Option<Flow> {
    let none = case.seen.translations.is_empty();
    if none || sight.is_out() || case.facts.bridge_of(&sight.at).is_some() {
        return None;
    }
    let before = Flow::of(&sight.packet())?;
    let mut all = case.seen.translations.iter();
    all.find(|own| own.node == sight.at.node && own.before == before).map(|own| own.after)
}

/// That a packet has been translated where it came in, as evidence.
pub fn seen(case: Case<'_>, sight: &Sight) -> Option<Evidence> {
    let after = translated(case, sight)?;
    let before = Flow::of(&sight.packet())?;
    let node = &sight.at.node;
    let text = format!("{node} translates {} to {}", in_words(&before), in_words(&after));
    Some(Evidence::new(Mark::Observed, text).with(ruleset(node)))
}

fn ruleset(node: &NodeName) -> String {
    format!("ip netns exec {node} nft list ruleset")
}

/// From where to where: `10.0.0.1.80 > 10.0.0.2.8080`, as tcpdump has it.
fn in_words(flow: &Flow) -> String {
    if flow.is_echo() {
        return format!("{} > {}", flow.source, flow.destination);
    }
    format!("{}.{} > {}.{}", flow.source, flow.from, flow.destination, flow.to)
}

/// Where the packet was translated on its way: the sight of it as it went on, and what had changed.
fn changed<T>(case: Case<'_>, is: impl Fn(&Change) -> Option<T>) -> Option<(&Sight, T)> {
    case.seen.requests().find_map(|sight| {
        let journey = case.seen.journeys.iter().find(|own| own.number == sight.journey)?;
        let changes = &journey.hops.get(sight.hop)?.changes;
        Some((sight, changes.iter().find_map(&is)?))
    })
}

/// What stops an answer; or first, where it goes to an address that nobody has, that a translation made that the
/// packet's source. Whoever does not know the way there is not to blame then.
///
/// Where what stops it is not that nobody knows the address, the translation may be right.
pub fn or_unknown_source(case: Case<'_>, to: IpAddr, mut stopped: Vec<Suspect>) -> Found {
    let mut found = unknown_source(case, to, &stopped)?;
    if !found.is_empty() {
        stopped.iter_mut().for_each(|suspect| suspect.certain = false);
    }
    found.extend(stopped);
    Ok(found)
}

fn unknown_source(case: Case<'_>, to: IpAddr, stopped: &[Suspect]) -> Found {
    let is_unknown = |suspect: &Suspect| {
        matches!(suspect.cause.kind, Kind::NoRoute | Kind::NoWayBack | Kind::AddressMissing)
    };
    if stopped.is_empty() || !stopped.iter().all(is_unknown) || !case.facts.owners(to).is_empty() {
        return Ok(Vec::new());
    }
    let made = |change: &Change| match change {
        Change::Source(from, made) if made.address == to => Some(from.address),
        _ => None,
    };
    let Some((sight, from)) = changed(case, made) else { return Ok(Vec::new()) };
    let node = &sight.at.node;
    let says = format!(
        "{node} translates the source {from} to {to}, which nobody in the lab has: no answer finds its way back."
    );
    let cause = Cause::new(Kind::Nat, node, says).at(&sight.at.device).by("source", to.to_string());
    let rules = Evidence::new(Mark::Observed, format!("{node} translates {from} to {to}"));
    let suspect = Suspect::new(cause)
        .because(observed(sight))
        .because(rules.with(ruleset(node)))
        .certain_if(true);
    let others = stopped.iter().flat_map(|own| own.evidence.clone());
    let suspect = others.fold(suspect, Suspect::because);
    let own = crate::remedy::place(&sight.at)
        .map(|place| Remedy::from(Deed::AddAddress(place, IpNet::from(to))));
    let without = firewall::untranslated(case, node)?;
    Ok(vec![suspect.mended_by(own).mended_by(without)])
}

/// The answer has come to who has asked, but not from whom he asked: who translated the packet has not had
/// the answer, and so has not translated it back.
pub fn goes_around(case: Case<'_>, reply: &Sight) -> Found {
    let asked = case.seen.requests().find(|sight| sight.at.node == case.question.from);
    let Some(asked) = asked.and_then(|sight| Flow::of(&sight.packet())) else {
        return Ok(Vec::new());
    };
    let came = Flow::of(&reply.packet());
    let Some(came) = translated(case, reply).or(came).filter(|came| *came != asked.turned()) else {
        return Ok(Vec::new());
    };
    let made = |change: &Change| match change {
        Change::Destination(from, made) => Some((from.address, made.address)),
        _ => None,
    };
    let Some((sight, (from, made))) = changed(case, made) else { return Ok(Vec::new()) };
    let node = &sight.at.node;
    let passes = |own: &Sight| own.at.node == *node && own.what == What::Reply;
    if case.seen.replies().any(passes) {
        return Ok(Vec::new());
    }
    let asker = &case.question.from;
    let says = format!(
        "{node} translates the destination {from} to {made}, and the answer goes to {asker} without passing \
         {node}: it comes from {}, whom {asker} has not asked.",
        came.source
    );
    let cause =
        Cause::new(Kind::Nat, node, says).at(&sight.at.device).by("destination", made.to_string());
    let suspect =
        Suspect::new(cause).because(observed(sight)).because(observed(reply)).certain_if(true);
    let through = through(case, sight, asked.source);
    Ok(vec![suspect.mended_by(through).mended_by(firewall::untranslated(case, node)?)])
}

/// Whoever got a packet that a node has translated answers by that node.
fn through(case: Case<'_>, sight: &Sight, asker: IpAddr) -> Option<Remedy> {
    let last = super::last(case, What::Request)?;
    let link = case.facts.link(&sight.at)?;
    let taker = case.facts.link(&last.at)?;
    let gate = link.addresses.iter().map(|own| own.address.addr()).find(|own| {
        own.is_ipv4() == asker.is_ipv4()
            && taker.addresses.iter().any(|net| net.address.contains(own))
    })?;
    let route = Route::via(IpNet::from(asker), gate);
    Some(Remedy::from(Deed::AddRoute(last.at.node.clone(), route)))
}
