//! The neighbour: the next hop's MAC address, known or asked for (`net/core/neighbour.c`).
//!
//! The request is a packet of its own, with stages of its own: it crosses cables and bridges, and whoever has
//! the address may keep silent; the answer goes the same way back.

use std::net::IpAddr;

use ipnet::IpNet;
use twinax_packet::Mac;
use twinax_plan::ObservedNeighbour;
use twinax_topology::{Change, NeighbourKey, NodeName};

use super::{Case, Found, Header, detour, follow, furthest, observed, resolution, tunnel};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::{At, Sight, What};

/// What keeps a node from knowing where on the link of `out` the next hop is, or gives it a wrong place.
pub fn neighbour(case: Case<'_>, out: &At, via: Option<IpAddr>, header: Header) -> Found {
    let next = via.unwrap_or(header.destination);
    if next.is_multicast() || next.is_unspecified() {
        return Ok(Vec::new());
    }
    let owners = owners(case, out, next);
    let near = near(case, out, &owners);
    let node = case.facts.node(&out.node)?;
    let known = node.neighbours.iter().find(|own| own.dev == out.device && own.to == next);
    let mut found = Vec::new();
    if let Some(entry) = known.filter(|own| is_static(own)) {
        found.extend(static_entry(case, out, entry, &near));
    }
    let asks: Vec<&Sight> = case.seen.asks(out, next).collect();
    let Some(first) = asks.first() else {
        if next.is_ipv6() {
            found.extend(speechless(case, out));
        }
        if near.is_empty() && known.is_none_or(|own| own.state != "PERMANENT") {
            found.extend(nobody(case, out, via, header, &owners)?);
        }
        return Ok(found);
    };
    if near.is_empty() && may_go_on(case, out) {
        found.extend(followed(case, out, next)?);
        return Ok(found);
    }
    if near.is_empty() {
        let mut nobody = nobody(case, out, via, header, &owners)?;
        nobody.iter_mut().for_each(|suspect| suspect.evidence.push(observed(first)));
        found.extend(nobody);
        return Ok(found);
    }
    for (owner, path) in &near {
        found.extend(asked(case, out, next, owner, path)?);
    }
    if let [(one, _), (other, _), ..] = &near[..] {
        found.push(twice(case, next, [one, other], Some(out)));
    }
    Ok(found)
}

/// The devices by which nodes that have an address are asked for it.
fn owners(case: Case<'_>, out: &At, address: IpAddr) -> Vec<At> {
    let all = case.facts.owners(address).into_iter().filter(|owner| owner != out);
    all.map(|owner| entrance(case, out, &owner)).collect()
}

/// Those of them that are on the link of `out`, and the way there.
fn near<'a>(case: Case<'_>, out: &At, owners: &'a [At]) -> Vec<(&'a At, Vec<At>)> {
    let segment = case.facts.segment(out);
    owners.iter().filter_map(|owner| Some((owner, segment.path(owner)?))).collect()
}

/// Whether somebody has set an entry, or the kernel without asking anybody.
pub fn is_static(entry: &ObservedNeighbour) -> bool {
    matches!(&*entry.state, "PERMANENT" | "NOARP")
}

/// The entries by which a packet was sent to a MAC at whose node nobody has the address that was meant.
pub fn misled(case: Case<'_>, out: &At, to: Mac, taker: &NodeName) -> Found {
    let node = case.facts.node(&out.node)?;
    let entries = node.neighbours.iter().filter(|own| {
        let is_to = own.mac.is_some_and(|mac| Mac(mac.octets()) == to);
        own.dev == out.device && is_to && is_static(own)
    });
    let wrong = entries.filter(|own| !case.facts.has_address(taker, own.to));
    let each = wrong.flat_map(|entry| {
        let owners = owners(case, out, entry.to);
        static_entry(case, out, entry, &near(case, out, &owners))
    });
    Ok(each.collect())
}

/// The device by which a node is asked for an address that it has: an IPv4 address is the node's, on
/// whatever device it is (RFC 1122, 3.3.4.2, the weak model).
fn entrance(case: Case<'_>, out: &At, owner: &At) -> At {
    let segment = case.facts.segment(out);
    let is_v4 = case
        .facts
        .link(owner)
        .is_some_and(|link| link.addresses.iter().any(|own| own.address.addr().is_ipv4()));
    if !is_v4 || owner.node == out.node || segment.has(owner) {
        return owner.clone();
    }
    let devices = case.facts.links(&owner.node).iter();
    let mut devices = devices.map(|link| At::new(&owner.node, &link.name));
    devices.find(|at| segment.has(at)).unwrap_or_else(|| owner.clone())
}

/// Those on the link on whose devices IPv6 is turned off: they have no addresses.
fn silenced(case: Case<'_>, out: &At) -> Vec<Suspect> {
    let segment = case.facts.segment(out);
    let all = case
        .facts
        .names()
        .flat_map(|node| case.facts.links(node).iter().map(move |link| At::new(node, &link.name)));
    let on_link = all.filter(|at| at.node != out.node && segment.has(at));
    on_link.take(16).flat_map(|at| resolution::without_ipv6(case, &at)).collect()
}

/// Who has no link-local address that is usable yet asks nobody (`ndisc_send_ns`, RFC 4861, 7.2.2).
fn speechless(case: Case<'_>, out: &At) -> Vec<Suspect> {
    let Some(link) = case.before.link(out) else { return Vec::new() };
    let tentative = link.addresses.iter().filter(|own| own.scope == "link" && own.tentative);
    tentative
        .map(|own| {
            let says = format!(
                "{} can't ask for its neighbours on {} yet: its link-local address is tentative, until \
                 duplicate address detection has found that nobody else has it.",
                out.node, out.device
            );
            resolution::is_tentative(out, own, says)
        })
        .collect()
}

/// What became of the question for an address, on its way to who has it.
fn asked(case: Case<'_>, out: &At, target: IpAddr, owner: &At, path: &[At]) -> Found {
    let is_ask = |what: &What| matches!(what, What::Ask { target: of, .. } if *of == target);
    let asks: Vec<&Sight> = case.seen.of(is_ask).collect();
    // The last device of the way at which it was seen.
    let reached = path.iter().enumerate().rev().find_map(|(place, at)| {
        let seen = asks.iter().find(|sight| sight.at == *at && fits(place, sight))?;
        Some((place, *seen))
    });
    let Some((place, last)) = reached else { return Ok(Vec::new()) };
    if place + 1 < path.len() {
        return follow(case, last);
    }
    let answers: Vec<&Sight> = case
        .seen
        .of(|what| matches!(what, What::Answer { target: of, .. } if *of == target))
        .collect();
    let mut back = path.to_vec();
    back.reverse();
    let reached = back.iter().enumerate().rev().find_map(|(place, at)| {
        let seen = answers.iter().find(|sight| sight.at == *at && fits(place, sight))?;
        Some((place, *seen))
    });
    match reached {
        None => resolution::resolution(case, owner, last, target),
        Some((place, answer)) if place + 1 < back.len() => follow(case, answer),
        Some((_, answer)) => resolution::taken(case, out, answer, target),
    }
}

/// The same on a link that goes on in tunnels, of which nobody knows who is on it: the question is followed
/// to where it was seen last.
fn followed(case: Case<'_>, out: &At, target: IpAddr) -> Found {
    let own: Vec<u64> = case.seen.asks(out, target).map(|ask| ask.journey).collect();
    let asks = case.seen.of(|what| matches!(what, What::Ask { .. }));
    let asks: Vec<&Sight> = asks.filter(|ask| own.contains(&ask.journey)).collect();
    let has_come = |sight: &Sight, to: &dyn Fn(&At) -> bool| {
        let passes = sight.is_out() || sight.wrapped || case.facts.bridge_of(&sight.at).is_some();
        !passes && to(&sight.at)
    };
    let owners = case.facts.owners(target);
    let owner_at = |at: &At| owners.iter().find(|own| own.node == at.node);
    let arrived = asks.iter().find(|ask| has_come(ask, &|at| owner_at(at).is_some()));
    let Some((ask, owner)) = arrived.and_then(|ask| Some((*ask, owner_at(&ask.at)?))) else {
        return furthest(case, &asks).map_or(Ok(Vec::new()), |ask| follow(case, ask));
    };
    let answers =
        case.seen.of(|own| matches!(own, What::Answer { target: of, .. } if *of == target));
    let answers: Vec<&Sight> = answers.collect();
    if let Some(answer) = answers.iter().find(|answer| has_come(answer, &|at| at.node == out.node))
    {
        return resolution::taken(case, out, answer, target);
    }
    match furthest(case, &answers) {
        Some(answer) => follow(case, answer),
        None => resolution::resolution(case, owner, ask, target),
    }
}

/// At the first device of a way it goes out; it must have come in at the last.
fn fits(place: usize, sight: &Sight) -> bool {
    place != 0 || sight.is_out()
}

/// An entry that somebody has set: it need not be right.
fn static_entry(
    case: Case<'_>,
    out: &At,
    entry: &ObservedNeighbour,
    near: &[(&At, Vec<At>)],
) -> Vec<Suspect> {
    let no_arp = no_arp_entry(case, out, entry);
    if !no_arp.is_empty() {
        return no_arp;
    }
    let Some(mac) = entry.mac.map(|mac| Mac(mac.octets())) else { return Vec::new() };
    let right = |at: &At| {
        case.facts.link(at).and_then(|link| link.mac).is_some_and(|own| own.octets() == mac.0)
    };
    if near.iter().any(|(owner, _)| right(owner)) || near.is_empty() {
        return Vec::new();
    }
    let owner = near[0].0;
    let is = case.facts.link(owner).and_then(|link| link.mac).map(|mac| mac.to_string());
    let says = format!(
        "{} has a static neighbour entry for {} on {} with the MAC {mac}, which is not that of {owner}{}.",
        out.node,
        entry.to,
        out.device,
        is.map(|is| format!(" ({is})")).unwrap_or_default(),
    );
    let cause = Cause::new(Kind::WrongNeighbour, &out.node, says)
        .at(&out.device)
        .by(entry.to.to_string(), mac.to_string());
    let seen = format!("{} lladdr {mac} {}", entry.to, entry.state);
    let command = format!("ip -n {} neigh show dev {}", out.node, out.device);
    let seen = Evidence::new(Mark::Observed, seen).with(command);
    vec![Suspect::new(cause).because(seen).mended_by(forget(out, entry.to))]
}

/// A device without ARP asks nobody, and sends to its own MAC (`arp_constructor`, `net/ipv4/arp.c`).
pub fn no_arp_entry(case: Case<'_>, out: &At, entry: &ObservedNeighbour) -> Vec<Suspect> {
    if entry.state == "NOARP" { resolution::without_arp(case, out) } else { Vec::new() }
}

/// An entry is taken away.
pub fn forget(at: &At, to: IpAddr) -> Option<Remedy> {
    let place = crate::remedy::place(at)?;
    let key = NeighbourKey { dev: place.interface, to };
    Some(Change::DelNeighbour(place.node, key).into())
}

/// Whether the link of a device goes on in a tunnel: then it is longer than cables and bridges say.
fn may_go_on(case: Case<'_>, out: &At) -> bool {
    let segment = case.facts.segment(out);
    case.facts.with_tunnels().any(|at| at == *out || segment.has(&at))
}

/// Nobody on the link has the address of the next hop.
fn nobody(case: Case<'_>, out: &At, via: Option<IpAddr>, header: Header, owners: &[At]) -> Found {
    let next = via.unwrap_or(header.destination);
    if header.is_outer && via.is_none() && owners.is_empty() {
        let misled = tunnel::misled(case, next)?;
        if !misled.is_empty() {
            return Ok(misled);
        }
    }
    // What a tunnel joins is one link, too, and not known here.
    if may_go_on(case, out) {
        return Ok(Vec::new());
    }
    if via.is_none()
        && let Some(owner) = owners.iter().find(|owner| same_subnet(case, out, owner, next))
    {
        return Ok(vec![apart(case, out, owner, next)]);
    }
    let silenced = if next.is_ipv6() { silenced(case, out) } else { Vec::new() };
    if !silenced.is_empty() {
        return Ok(silenced);
    }
    let (cause, certain) = match (via, owners.first()) {
        (None, Some(owner)) => {
            let says = format!(
                "{} takes {next} to be on the link of {}, but it is that of {owner}, on another link: \
                 the route that matches has no gateway.",
                out.node, out.device,
            );
            (Cause::new(Kind::OnLinkRoute, &out.node, says), true)
        }
        (None, None) => {
            let says = format!("Nobody in the lab has the address {next}.");
            (Cause::new(Kind::AddressMissing, &out.node, says), true)
        }
        (Some(via), _) => {
            let says = format!(
                "{} sends {} by the gateway {via} on {}, and nobody on that link has this address.",
                out.node,
                header.name(),
                out.device,
            );
            (Cause::new(Kind::WrongGateway, &out.node, says), true)
        }
    };
    let cause = cause.at(&out.device).by("next hop", next.to_string());
    let mut found = detour::instead(case, out, header, cause)?;
    found.iter_mut().for_each(|suspect| suspect.certain |= certain);
    Ok(found)
}

/// Whether each of two takes the other to be on his link.
fn same_subnet(case: Case<'_>, out: &At, owner: &At, next: IpAddr) -> bool {
    let addresses = |at: &At| -> Vec<IpNet> {
        let link = case.facts.link(at);
        link.iter().flat_map(|link| link.addresses.iter().map(|own| own.address)).collect()
    };
    let theirs = addresses(owner).into_iter().find(|net| net.addr() == next);
    let Some(theirs) = theirs else { return false };
    addresses(out).iter().any(|own| own.contains(&next) && theirs.contains(&own.addr()))
}

/// Two who should be on one link are not.
fn apart(case: Case<'_>, out: &At, owner: &At, next: IpAddr) -> Suspect {
    let says = format!("No cable and no bridge leads from {out} to {owner}, which has {next}.");
    let cause = Cause::new(Kind::NotConnected, &out.node, says).at(&out.device);
    let mut suspect = Suspect::new(cause).certain_if(true);
    // An end of a cable that is no port, in a node in which there is a bridge.
    for end in [out, owner] {
        let Some(far) = case.facts.peer(end) else { continue };
        let bridges = case.facts.links(&far.node).iter().filter(|link| link.kind == "bridge");
        let bare = case.facts.link(&far).is_some_and(|link| link.master.is_none());
        for bridge in bridges.filter(|_| bare) {
            let says = format!(
                "{far}, to which {end} is connected, is no port of the bridge {} of {}.",
                bridge.name, far.node
            );
            suspect.cause = Cause::new(Kind::NotConnected, &far.node, says)
                .at(&far.device)
                .by("master", "none");
            let seen = format!("{far} has no master");
            let command = format!("ip -n {} link show dev {}", far.node, far.device);
            suspect = suspect.because(Evidence::new(Mark::Observed, seen).with(command));
            if let (Some(place), Ok(name)) = (crate::remedy::place(&far), bridge.name.parse()) {
                suspect = suspect.mended_by(Remedy::from(Change::Master(place, Some(name))));
            }
        }
    }
    suspect
}

/// That two nodes have the same address: the second one's is one too many, else the first one's.
///
/// Who has asked for it, by this device, has to ask anew then.
pub fn twice(
    case: Case<'_>,
    address: IpAddr,
    [one, other]: [&At; 2],
    asker: Option<&At>,
) -> Suspect {
    let says = format!("Both {one} and {other} have the address {address}, on the same link.");
    let node: &NodeName = &other.node;
    let cause = Cause::new(Kind::DuplicateAddress, node, says)
        .at(&other.device)
        .by("address", address.to_string());
    let command = format!("ip -n {node} addr show dev {}", other.device);
    let seen = Evidence::new(Mark::Observed, format!("{one} and {other} have {address}"));
    let suspect = Suspect::new(cause).because(seen.with(command));
    let forget = asker.map(|asker| Op::Forget { at: asker.clone(), to: address });
    let taken = [other, one].map(|at| {
        let remedy = without(case, at, address)?;
        Some(forget.iter().cloned().fold(remedy, Remedy::and))
    });
    taken.into_iter().fold(suspect, Suspect::mended_by)
}

/// An address is taken away.
fn without(case: Case<'_>, at: &At, address: IpAddr) -> Option<Remedy> {
    let link = case.facts.link(at)?;
    let own = link.addresses.iter().find(|own| own.address.addr() == address)?;
    Some(Change::DelAddress(crate::remedy::place(at)?, own.address).into())
}

/// The entry of a neighbour that has another MAC now is forgotten.
pub fn stale(at: &At, to: IpAddr) -> Remedy {
    Remedy { ops: vec![Op::Forget { at: at.clone(), to }] }
}
