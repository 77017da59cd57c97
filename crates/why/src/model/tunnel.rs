//! The tunnel: what goes out of its device goes on in a packet of the same node, and comes out of the device
//! of the other end.
//!
//! The outer packet has stages like any other, from the node's output on. Where it has come to the node that it
//! is for, a device has to be there that takes it: one that is up, of the same kind, port and network, and
//! between the same ends where that counts (`vxlan_rcv`, `drivers/net/vxlan`; `geneve_lookup`,
//! `drivers/net/geneve.c`; `ip_tunnel_lookup`, `net/ipv4/ip_tunnel.c`).

use std::net::IpAddr;

use twinax_kernel::FdbEntry;
use twinax_kernel::ask::Tunnel;
use twinax_topology::NodeName;

use super::{Case, Found, Header, device, observed, output};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::{At, Sight, What};

/// The tunnel that a device is an end of.
pub fn of(case: Case<'_>, at: &At) -> Result<Option<Tunnel>, twinax_kernel::Error> {
    let all = case.facts.tunnels(&at.node)?;
    Ok(all.iter().find(|own| own.device == at.device).cloned())
}

/// What can stop a packet that went out of a tunnel's device, before it goes out again in another.
pub fn enter(case: Case<'_>, sight: &Sight, tunnel: &Tunnel) -> Found {
    if tunnel.external {
        return Ok(Vec::new());
    }
    let destinations = tunnel.destinations(sight.to_mac().map(|mac| mac.0));
    let mut found = Vec::new();
    if destinations.is_empty() {
        found.push(leads_nowhere(case, sight, tunnel)?);
    }
    for to in destinations.into_iter().filter(|to| !to.is_multicast()) {
        found.extend(output::output(case, &sight.at.node, outer(tunnel, to, sight))?);
    }
    found.iter_mut().for_each(|suspect| suspect.evidence.insert(0, observed(sight)));
    Ok(found)
}

/// The packet in which a tunnel sends another to one of its ends.
fn outer(tunnel: &Tunnel, to: IpAddr, inner: &Sight) -> Header {
    let header = if to.is_ipv4() { 20 } else { 40 };
    let (protocol, own) = match &*tunnel.kind {
        "vxlan" | "geneve" => (17, 16),
        "ipip" => (4, 0),
        "sit" => (41, 0),
        "ip6tnl" => {
            (if inner.packet().source().is_some_and(|from| from.is_ipv4()) { 4 } else { 41 }, 0)
        }
        _ => (47, 4),
    };
    Header {
        source: tunnel.local,
        destination: to,
        protocol,
        ports: tunnel.port.map(|port| (0, port)),
        ttl: None,
        length: inner.length + header + own,
        dont_fragment: false,
        is_reply: inner.what == What::Reply,
        is_outer: true,
    }
}

/// A tunnel without an end for this.
fn leads_nowhere(
    case: Case<'_>,
    sight: &Sight,
    tunnel: &Tunnel,
) -> Result<Suspect, twinax_kernel::Error> {
    let At { node, device } = &sight.at;
    let says = format!("{node}:{device} knows no other end of its tunnel to which to send this.");
    let cause = Cause::new(Kind::NotConnected, node, says).at(device).by("remote", "none");
    let suspect = Suspect::new(cause).because(leads(sight, tunnel)).certain_if(true);
    Ok(other_ends(case, &sight.at, tunnel)?
        .fold(suspect, |suspect, to| suspect.mended_by(led(&sight.at, tunnel, to, None))))
}

/// Addresses of nodes where another end of a tunnel is.
fn other_ends(
    case: Case<'_>,
    at: &At,
    tunnel: &Tunnel,
) -> Result<impl Iterator<Item = IpAddr> + use<>, twinax_kernel::Error> {
    /// More are not tried.
    const MOST: usize = 3;
    let mut found = Vec::new();
    for node in case.facts.names().filter(|node| **node != at.node) {
        for own in case.facts.tunnels(node)?.iter() {
            let fits = is_like(&tunnel.kind, &own.kind)
                && (tunnel.sends, tunnel.port) == (own.takes, own.port);
            if !fits || own.external {
                continue;
            }
            // What is within the tunnel does not lead to its end.
            let links = case.facts.links(node).iter();
            let outside = links.filter(|link| link.name != own.device && link.name != "lo");
            let all = outside.flat_map(|link| &link.addresses).map(|of| of.address.addr());
            found.extend(own.local.into_iter().chain(all));
        }
    }
    let is_usable = |to: &IpAddr| !matches!(to, IpAddr::V6(to) if to.is_unicast_link_local());
    found.retain(is_usable);
    Ok(found.into_iter().take(MOST))
}

/// A VXLAN sends what it knows no end for to this address, and nothing to that one any more.
fn led(at: &At, tunnel: &Tunnel, to: IpAddr, no_more: Option<IpAddr>) -> Option<Remedy> {
    if tunnel.kind != "vxlan" {
        return None;
    }
    let op = |entry, there| Op::Entry { at: at.clone(), entry, there };
    let wrong = tunnel.entries.iter().filter(|(_, own)| Some(*own) == no_more);
    let wrong = wrong.map(|(mac, own)| op(FdbEntry::leads_to(*mac, *own), false));
    let right = op(FdbEntry::leads_to([0; 6], to), true);
    Some(Remedy { ops: std::iter::once(right).chain(wrong).collect() })
}

/// Where a tunnel sends a frame that went out of its device, as evidence.
fn leads(sight: &Sight, tunnel: &Tunnel) -> Evidence {
    let at = &sight.at;
    let all = tunnel.destinations(sight.to_mac().map(|mac| mac.0));
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    let all = if all.is_empty() { "nowhere".to_owned() } else { all.join(", ") };
    let text = format!("the tunnel {at} ({}) leads to {all}", in_words(tunnel, tunnel.sends));
    let command = match &*tunnel.kind {
        "vxlan" => format!("bridge -n {} fdb show dev {}", at.node, at.device),
        _ => shown(at),
    };
    Evidence::new(Mark::Observed, text).with(command)
}

fn shown(at: &At) -> String {
    format!("ip -n {} -d link show dev {}", at.node, at.device)
}

/// A tunnel with its network: `vxlan 5`.
fn in_words(tunnel: &Tunnel, network: Option<u32>) -> String {
    match network {
        Some(network) => format!("{} {network}", tunnel.kind),
        None => tunnel.kind.clone(),
    }
}

/// What keeps the other end of a tunnel from taking a packet of it that has come to the node.
pub fn leave(case: Case<'_>, sight: &Sight, header: Header) -> Found {
    let Some((from, sender)) = entrance(case, sight)? else { return Ok(Vec::new()) };
    let node = &sight.at.node;
    let all = case.facts.tunnels(node)?;
    let of_kind: Vec<&Tunnel> = all.iter().filter(|own| is_like(&own.kind, &sender.kind)).collect();
    if of_kind.iter().any(|own| own.external) {
        return Ok(Vec::new());
    }
    let at = |tunnel: &Tunnel| At::new(node, &tunnel.device);
    let fitting: Vec<&Tunnel> =
        of_kind.iter().copied().filter(|own| differs(&sender, own, header).is_none()).collect();
    let is_up = |tunnel: &&Tunnel| case.facts.link(&at(tunnel)).is_some_and(|link| link.up);
    if fitting.iter().any(is_up) {
        return Ok(Vec::new());
    }
    if !fitting.is_empty() {
        return Ok(fitting.into_iter().map(|tunnel| device::is_down(&at(tunnel))).collect());
    }
    if of_kind.is_empty() {
        return Ok(vec![no_other_end(node, from, &sender)]);
    }
    let strangers = of_kind.into_iter().filter_map(|tunnel| {
        let what = differs(&sender, tunnel, header)?;
        Some(strange(&at(tunnel), from, tunnel, &sender, &what))
    });
    Ok(strangers.collect())
}

/// Whether what a device of one kind sends is taken by one of the other.
fn is_like(one: &str, other: &str) -> bool {
    one == other || matches!((one, other), ("ipip", "ip6tnl") | ("ip6tnl", "ipip"))
}

/// Where the packet went out of a tunnel's device that is within the one that was seen, and that tunnel.
fn entrance<'a>(
    case: Case<'a>,
    sight: &Sight,
) -> Result<Option<(&'a Sight, Tunnel)>, twinax_kernel::Error> {
    let before = case.seen.journey(sight.journey).filter(|own| own.hop < sight.hop && own.is_out());
    let mut last = None;
    for own in before.filter(|own| !own.wrapped) {
        last = of(case, &own.at)?.map(|tunnel| (own, tunnel)).or(last);
    }
    Ok(last)
}

/// In what a tunnel's end is not the other of the one that has sent a packet: what it should be, and what
/// it is.
struct Difference {
    what: &'static str,
    sends: String,
    takes: String,
}

/// What keeps an end from taking what the other has sent.
fn differs(sender: &Tunnel, taker: &Tunnel, header: Header) -> Option<Difference> {
    let number = |number: Option<u32>| number.map_or("none".to_owned(), |own| own.to_string());
    let differ = |what, sends, takes| Some(Difference { what, sends, takes });
    if let (Some(sends), Some(takes)) = (sender.port, taker.port)
        && sends != takes
    {
        return differ("port", sends.to_string(), takes.to_string());
    }
    if sender.sends != taker.takes {
        return differ("network", number(sender.sends), number(taker.takes));
    }
    // A VXLAN takes from everybody, and at all addresses.
    if taker.kind == "vxlan" {
        return None;
    }
    let pairs =
        [("remote", header.source, taker.remote), ("local", Some(header.destination), taker.local)];
    for (what, sent, own) in pairs {
        if let (Some(sent), Some(own)) = (sent, own)
            && sent != own
        {
            return differ(what, sent.to_string(), own.to_string());
        }
    }
    None
}

/// A node to which a tunnel leads, and in which no tunnel ends.
fn no_other_end(node: &NodeName, entered: &Sight, sender: &Tunnel) -> Suspect {
    let from = &entered.at;
    let kind = &sender.kind;
    let says = format!(
        "{from} sends to {node}, and {node} has no device of kind {kind} that would take it."
    );
    let cause = Cause::new(Kind::NotConnected, node, says).by("kind", kind.as_str());
    let seen = Evidence::new(Mark::Observed, format!("{node} has no device of kind {kind}"))
        .with(format!("ip -n {node} -d link show type {kind}"));
    Suspect::new(cause).because(leads(entered, sender)).because(seen).certain_if(true)
}

/// An end of a tunnel that is not the other end of the one that has sent.
fn strange(at: &At, entered: &Sight, tunnel: &Tunnel, sender: &Tunnel, of: &Difference) -> Suspect {
    let from = &entered.at;
    let Difference { what, sends, takes } = of;
    let says = match *what {
        "network" => format!(
            "{from} and {at} are no ends of one tunnel: the network of what is sent is {sends}, and {at} \
             takes only {takes}."
        ),
        "port" => format!(
            "{from} and {at} are no ends of one tunnel: {from} sends to port {sends}, and {at} takes from \
             port {takes}."
        ),
        _ => format!(
            "{from} and {at} are no ends of one tunnel: the {what} address for {at} would be {sends}, and is {takes}."
        ),
    };
    let cause =
        Cause::new(Kind::NotConnected, &at.node, says).at(&at.device).by(*what, takes.as_str());
    let seen = format!("{at} takes {}", in_words(tunnel, tunnel.takes));
    let seen = Evidence::new(Mark::Observed, seen).with(shown(at));
    Suspect::new(cause).because(leads(entered, sender)).because(seen).certain_if(true)
}

/// The tunnel's packet is for an address that nobody has: the tunnel leads to the wrong place.
pub fn misled(case: Case<'_>, to: IpAddr) -> Found {
    let is_it = |sight: &&Sight| {
        sight.wrapped && Header::of(sight).is_some_and(|own| own.destination == to)
    };
    let Some(sight) = case.seen.sights.iter().find(is_it) else { return Ok(Vec::new()) };
    let Some((entered, tunnel)) = entrance(case, sight)? else { return Ok(Vec::new()) };
    let at = &entered.at;
    let says = format!("The tunnel {at} leads to {to}, and nobody in the lab has this address.");
    let cause = Cause::new(Kind::AddressMissing, &at.node, says)
        .at(&at.device)
        .by("remote", to.to_string());
    let suspect = Suspect::new(cause).because(leads(entered, &tunnel)).certain_if(true);
    let remedies = other_ends(case, at, &tunnel)?.map(|end| led(at, &tunnel, end, Some(to)));
    Ok(vec![remedies.fold(suspect, Suspect::mended_by)])
}
