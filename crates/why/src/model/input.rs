//! Input: a packet has come in at a device that is no port of a bridge.
//!
//! `ip_rcv` drops what is addressed to another MAC; then come the hook `prerouting`, the route with source
//! validation (`ip_route_input_slow`, `net/ipv4/route.c`), and, as that says, forwarding (`ip_forward`) or
//! delivery with the hook `input`.

use std::net::IpAddr;

use twinax_kernel::ask::{Asked, RouteQuery};
use twinax_kernel::replay::PolicyDirection;
use twinax_packet::{Direction, Mac};
use twinax_topology::{NodeName, Told};

use super::{
    Case, Found, Header, at, bridge, detour, device, fragments, ipsec, nat, neighbour, observed,
    resolution, routes, size, tunnel, validation,
};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;
use crate::seen::{At, Sight, What};

/// What can stop a packet that has come in.
pub fn input(case: Case<'_>, sight: &Sight) -> Found {
    let Some(header) = nat::entering(case, sight) else { return Ok(Vec::new()) };
    let here = &sight.at;
    let node = &here.node;
    if sight.direction == Direction::OtherHost {
        return match led_astray(case, sight) {
            Some(through) => bridge::bridge(case, through),
            None => Ok(other_mac(case, sight)),
        };
    }
    let mut found = Vec::from_iter(device::takes(case, here));
    found.extend(sent_to_itself(case, here, header)?);
    if let (Some(sender), Some(to)) = (sender(case, sight), sight.to_mac()) {
        found.extend(neighbour::misled(case, &sender.at, to, node)?);
    }
    if !header.v4() {
        found.extend(resolution::without_ipv6(case, here));
    }
    found.extend(without_source(case, here, header));
    found.extend(crate::firewall::drops(case, node, header)?);
    let query = RouteQuery {
        from: header.source,
        iif: Some(here.device.clone()),
        proto: header.ports.map(|_| header.protocol),
        source_port: header.ports.map(|(from, _)| from),
        destination_port: header.ports.map(|(_, to)| to),
        mark: crate::firewall::mark(case, node, header, false),
        ..RouteQuery::to(header.destination)
    };
    match case.facts.route(node, &query)? {
        Asked::Refused(errno) => {
            found.extend(routes::refused_in(case, here, header, &query, errno, header.name())?);
        }
        Asked::Route(answer) if answer.kind == "local" => {
            if header.is_outer {
                found.extend(tunnel::leave(case, sight, header)?);
            }
            found.extend(fragments::are_kept_apart(case, sight));
            found.extend(ipsec::stops(case, node, header, PolicyDirection::In)?);
            found.extend(routes::takes_for_its_own(case, node, header, &query, &answer)?);
        }
        Asked::Route(answer) => {
            found.extend(routes::discards(case, node, header, &query, &answer)?);
            if let Some(dev) = &answer.dev {
                found.extend(forward(case, here, header, &at(node, dev), answer.via, answer.mtu)?);
            }
        }
    }
    let known = [Some(observed(sight)), nat::seen(case, sight)];
    for suspect in &mut found {
        suspect.evidence.splice(0..0, known.iter().flatten().cloned());
    }
    Ok(found)
}

/// What a node sends out of `lo` comes in there, whoever it is for.
fn sent_to_itself(case: Case<'_>, here: &At, header: Header) -> Found {
    let node = &here.node;
    if here.device != "lo" || case.facts.has_address(node, header.destination) {
        return Ok(Vec::new());
    }
    let says = format!(
        "{node} sends {} to itself: by its route to {} it leaves by lo.",
        header.name(),
        header.destination
    );
    let cause = Cause::new(Kind::OnLinkRoute, node, says).at(&here.device);
    detour::instead(case, here, header, cause)
}

/// A sender without a usable IPv6 address of a wider scope takes its link-local one, or `::1`: nobody takes this
/// from a cable (RFC 4291, 2.5.3), and no router passes that on (2.5.6). Of IPv4 it takes 0.0.0.0 (RFC 1122, 3.2.1.3).
fn without_source(case: Case<'_>, here: &At, header: Header) -> Vec<Suspect> {
    let Some(source) = header.source.filter(|_| here.device != "lo") else { return Vec::new() };
    let goes_on = !case.facts.has_address(&here.node, header.destination);
    let is_refused = match source {
        IpAddr::V4(source) => source.is_unspecified(),
        IpAddr::V6(source) => source.is_loopback() || goes_on && source.is_unicast_link_local(),
    };
    if !is_refused || header.is_reply {
        return Vec::new();
    }
    let sender = &case.question.from;
    let links = case.before.links(sender).iter();
    let addresses = links.flat_map(|link| link.addresses.iter().map(move |own| (link, own)));
    let mut tentative = addresses.filter(|(_, own)| own.tentative && own.scope == "global");
    let seen = Evidence::new(Mark::Observed, format!("the source at {here} is {source}"))
        .with(format!("ip -n {sender} addr"));
    let suspect = match tentative.next() {
        Some((link, own)) => {
            let says = format!(
                "{sender} sends from {source}, because its address {} on {} is tentative until duplicate \
                 address detection has ended; what comes from there is not taken at all, or not passed on.",
                own.address, link.name
            );
            resolution::is_tentative(&at(sender, &link.name), own, says)
        }
        None => {
            let says = format!(
                "{sender} sends from {source}, because it has no other address for this; what \
                 comes from there is not taken at all, or not passed on."
            );
            let cause = Cause::new(Kind::SourceAddress, sender, says);
            Suspect::new(cause.by("source", source.to_string())).certain_if(true)
        }
    };
    vec![suspect.because(seen)]
}

/// What can stop a packet that is passed on.
fn forward(
    case: Case<'_>,
    here: &At,
    header: Header,
    out: &At,
    via: Option<IpAddr>,
    mtu: Option<u32>,
) -> Found {
    let node = &here.node;
    let mut found = ipsec::stops(case, node, header, PolicyDirection::Fwd)?;
    found.extend(ipsec::stops(case, node, header, PolicyDirection::Out)?);
    if !header.v4() {
        found.extend(validation::forwarding_off(case, here, header));
    }
    if header.ttl.is_some_and(|ttl| ttl <= 1) {
        match in_circles(case, here, header)? {
            circles if circles.is_empty() => found.push(ttl(case, here, header)),
            circles => found.extend(circles),
        }
    }
    let link = case.facts.link(out).map(|link| link.mtu);
    if let Some(mtu) = mtu.into_iter().chain(link).min().filter(|mtu| header.length > *mtu)
        && (header.dont_fragment || !header.v4())
    {
        let told = case.seen.was_told(Told::TooBig);
        found.push(size::too_big(case, node, &out.device, header, mtu).certain_if(told));
    }
    found.extend(device::sends(case, out)?);
    if case.facts.link(out).is_some_and(|link| link.up) {
        found.extend(neighbour::neighbour(case, out, via, header)?);
    }
    Ok(found)
}

/// Routers send the packet to each other: it has come in at this device before.
fn in_circles(case: Case<'_>, here: &At, header: Header) -> Found {
    let what = if header.is_reply { What::Reply } else { What::Request };
    let way: Vec<&Sight> = case.seen.of(|own| *own == what).collect();
    if way.iter().filter(|sight| sight.at == *here && !sight.is_out()).count() < 2 {
        return Ok(Vec::new());
    }
    // Whoever sends it back to where it came from has the wrong route.
    let turns = way
        .windows(2)
        .find(|pair| !pair[0].is_out() && pair[1].is_out() && pair[0].at == pair[1].at);
    let Some([back, _]) = turns else { return Ok(Vec::new()) };
    let node = &back.at.node;
    let says = format!(
        "{} runs in circles until its TTL has run out: {node} sends it back out of {}, where it came in.",
        capital(header.name()),
        back.at.device
    );
    let cause = Cause::new(Kind::RouteLoop, node, says).at(&back.at.device);
    let mut found = detour::instead(case, &back.at, header, cause)?;
    found.iter_mut().for_each(|suspect| suspect.certain = true);
    Ok(found)
}

/// The TTL has run out.
fn ttl(case: Case<'_>, here: &At, header: Header) -> Suspect {
    let node = &here.node;
    let says = format!(
        "{} comes in at {here} with a TTL of 1, and {node} does not pass on what has none left",
        capital(header.name()),
    );
    let mut suspect = match small_from_the_start(case, header) {
        Some((from, path, own)) => {
            let knob = path.replace('/', ".");
            let says = format!("{says}: {from} sends with {own} ({knob}).");
            let cause = Cause::new(Kind::Ttl, &from, says).by(&*knob, own.to_string());
            Suspect::new(cause)
                .because(Evidence::sysctl(&from, &knob, own))
                .mended_by(Remedy::sysctls(&from, [(&*path, "64")]))
        }
        None => {
            let cause = Cause::new(Kind::Ttl, node, format!("{says}."));
            Suspect::new(cause.at(&here.device).by("ttl", "1"))
        }
    };
    if case.seen.was_told(Told::TtlExceeded) {
        let says = format!("the sender was told \"{}\"", Told::TtlExceeded);
        suspect = suspect.because(Evidence::new(Mark::Observed, says));
    }
    suspect.certain_if(true)
}

/// Who has sent a packet with a TTL that is less than usual because a sysctl says so: his node, the sysctl's path
/// and its value.
fn small_from_the_start(case: Case<'_>, header: Header) -> Option<(NodeName, String, i64)> {
    if case.question.ttl.is_some() && !header.is_reply {
        return None;
    }
    let what = if header.is_reply { What::Reply } else { What::Request };
    let first = case.seen.of(|own| *own == what).find(|sight| sight.is_out())?;
    let At { node, device } = &first.at;
    let path = match header.v4() {
        true => "net/ipv4/ip_default_ttl".to_owned(),
        false => format!("net/ipv6/conf/{device}/hop_limit"),
    };
    let own = case.facts.number(node, &path);
    let sent = Header::of(first)?.ttl.map(i64::from);
    (own < USUAL_TTL && sent == Some(own)).then(|| (node.clone(), path, own))
}

/// `IPDEFTTL`, `net/ip.h`.
const USUAL_TTL: i64 = 64;

/// A word with a capital at its beginning.
pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Where a bridge took in a frame that it gave to somebody for whom it is not: who it is for is elsewhere on
/// the link.
fn led_astray<'a>(case: Case<'a>, sight: &Sight) -> Option<&'a Sight> {
    let to = sight.to_mac()?;
    let before = case.seen.journey(sight.journey).filter(|own| own.hop < sight.hop);
    let through =
        before.filter(|own| !own.is_out() && case.facts.bridge_of(&own.at).is_some()).last()?;
    let whose = case.facts.with_mac(to);
    let is_there =
        |at: &At| case.facts.bridge_of(at).is_none() && case.facts.segment(&through.at).has(at);
    whose.iter().any(is_there).then_some(through)
}

/// Who sent a frame so: the last node out of which it went, where that is no bridge.
pub fn sender<'a>(case: Case<'a>, sight: &Sight) -> Option<&'a Sight> {
    let before = case.seen.journey(sight.journey).filter(|own| own.is_out() && own.hop < sight.hop);
    let before = before.filter(|own| own.wrapped == sight.wrapped);
    let away = before.filter(|own| own.at.node != sight.at.node);
    away.filter(|own| case.facts.bridge_of(&own.at).is_none()).last()
}

/// The frame is addressed to a MAC that is not this device's.
fn other_mac(case: Case<'_>, sight: &Sight) -> Vec<Suspect> {
    let Some(to) = sight.to_mac() else { return Vec::new() };
    let here = &sight.at;
    let own = case.facts.link(here).and_then(|link| link.mac);
    let own = own.map(|own| format!(", not {own}")).unwrap_or_default();
    let Some(sender) = sender(case, sight) else {
        let says = format!("The frame comes in at {here}, but is addressed to {to}{own}.");
        let cause = Cause::new(Kind::OtherMac, &here.node, says).at(&here.device);
        return vec![Suspect::new(cause).because(observed(sight))];
    };
    let node = &sender.at.node;
    let entry = case.facts.node(node).ok().and_then(|seen| {
        let mut entries = seen.neighbours.iter();
        entries
            .find(|own| {
                own.dev == sender.at.device && own.mac.is_some_and(|mac| Mac(mac.octets()) == to)
            })
            .cloned()
    });
    let Some(entry) = entry else {
        let says = format!("{} sends to {to}, which is not the MAC of {here}{own}.", sender.at);
        let cause = Cause::new(Kind::OtherMac, node, says).at(&sender.at.device);
        return vec![Suspect::new(cause).because(observed(sight))];
    };
    let no_arp = neighbour::no_arp_entry(case, &sender.at, &entry);
    if !no_arp.is_empty() {
        return no_arp;
    }
    let is_static = neighbour::is_static(&entry);
    let how = if is_static { "a static" } else { "a learned" };
    let kind = if is_static { Kind::WrongNeighbour } else { Kind::OtherMac };
    let says = format!(
        "{node} has {how} neighbour entry for {} on {} with the MAC {to}; {here} has another one, so it does \
         not take the frame.",
        entry.to, sender.at.device,
    );
    let cause =
        Cause::new(kind, node, says).at(&sender.at.device).by(entry.to.to_string(), to.to_string());
    let seen = Evidence::new(Mark::Observed, format!("{} lladdr {to} {}", entry.to, entry.state))
        .with(format!("ip -n {node} neigh show dev {}", sender.at.device));
    let remedy: Option<Remedy> = match is_static {
        true => neighbour::forget(&sender.at, entry.to),
        false => Some(neighbour::stale(&sender.at, entry.to)),
    };
    // What a neighbour is believed to have is no part of a copy.
    let is_meant = case.facts.has_address(&here.node, entry.to);
    let suspect = Suspect::new(cause).because(observed(sight)).because(seen);
    vec![suspect.mended_by(remedy).certain_if(is_meant)]
}
