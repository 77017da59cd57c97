//! Output: a node sends a packet of its own.
//!
//! `ip_route_output_key` chooses route, device and source; then come the hook `output`, the size, the
//! neighbour and the device (`net/ipv4/ip_output.c`, `net/ipv6/ip6_output.c`).

use twinax_kernel::ask::{Asked, RouteQuery};
use twinax_kernel::replay::PolicyDirection;
use twinax_plan::ObservedAddress;
use twinax_topology::{Change, NodeName, Told};

use super::{
    Case, Found, Header, at, device, ipsec, neighbour, resolution, routes, size, validation,
};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;
use crate::seen::At;

/// What can stop a packet that a node sends, before anything was seen of it.
pub fn output(case: Case<'_>, node: &NodeName, header: Header) -> Found {
    let mut found = source(case, node, header);
    let query = query(case, node, header);
    let answer = match case.facts.route(node, &query)? {
        Asked::Refused(errno) => {
            found.extend(validation::own_source(case, node, header, &query)?);
            found.extend(routes::refused(case, node, header, &query, errno)?);
            return Ok(found);
        }
        Asked::Route(answer) => answer,
    };
    found.extend(routes::discards(case, node, header, &query, &answer)?);
    found.extend(ipsec::stops(case, node, header, PolicyDirection::Out)?);
    found.extend(crate::firewall::drops(case, node, header)?);
    let Some(dev) = answer.dev.as_deref() else { return Ok(found) };
    found.extend(fits(case, node, header, dev, answer.mtu.filter(|_| answer.expires.is_none())));
    if answer.kind == "local" {
        found.extend(device::loopback(case, node));
        return Ok(found);
    }
    let out = at(node, dev);
    found.extend(device::sends(case, &out)?);
    found.extend(neighbour::neighbour(case, &out, answer.via, header)?);
    Ok(found)
}

/// The question which way the packet goes.
fn query(case: Case<'_>, node: &NodeName, header: Header) -> RouteQuery {
    let of_asked = !header.is_reply && !header.is_outer && *node == case.question.from;
    let oif = case.question.interface.as_ref().filter(|_| of_asked).map(ToString::to_string);
    RouteQuery {
        from: header.source,
        oif,
        proto: header.ports.map(|_| header.protocol),
        destination_port: header.ports.map(|(_, to)| to).filter(|port| *port != 0),
        mark: crate::firewall::mark(case, node, header, true),
        ..RouteQuery::to(header.destination)
    }
}

/// The source address: it must be the node's own, and usable.
fn source(case: Case<'_>, node: &NodeName, header: Header) -> Vec<Suspect> {
    let mut found = Vec::new();
    let links = case.before.links(node);
    let own = links.iter().flat_map(|link| link.addresses.iter().map(move |own| (link, own)));
    for (link, own) in own {
        let address = own.address.addr();
        let relevant = address.is_ipv4() == header.v4()
            && header.source.map_or(own.scope == "global", |source| source == address);
        if own.tentative && relevant {
            let says = format!(
                "{node} can't send from {address} yet: it is tentative on {}, until duplicate address \
                 detection has found that nobody else has it.",
                link.name
            );
            let out = at(node, &link.name);
            let again = nodad(&out, own);
            found.push(resolution::is_tentative(&out, own, says).mended_by(again));
        }
    }
    if let Some(source) = header.source.filter(|_| !header.is_reply)
        && !case.facts.has_address(node, source)
        && case.seen.was_told(Told::CannotAssignAddress)
    {
        let says = format!("{node} has no address {source} to send from.");
        let cause = Cause::new(Kind::SourceAddress, node, says).by("source", source.to_string());
        let told = format!("the sender was told \"{}\"", Told::CannotAssignAddress);
        let command = format!("ip -n {node} addr");
        let seen = Evidence::new(Mark::Observed, told).with(command);
        found.push(Suspect::new(cause).because(seen).certain_if(true));
    }
    found
}

/// A tentative address is put there once more, without detection.
fn nodad(out: &At, own: &ObservedAddress) -> Option<Remedy> {
    let place = crate::remedy::place(out)?;
    Some(Remedy::of([
        Change::DelAddress(place.clone(), own.address),
        Change::AddAddress(place, own.address),
    ]))
}

/// A packet that may not be fragmented has to fit.
fn fits(
    case: Case<'_>,
    node: &NodeName,
    header: Header,
    dev: &str,
    path: Option<u32>,
) -> Vec<Suspect> {
    let link = case.facts.link(&at(node, dev));
    let mtu = path.into_iter().chain(link.map(|link| link.mtu)).min();
    let Some(mtu) = mtu.filter(|mtu| header.length > *mtu) else { return Vec::new() };
    let refused = case.seen.was_told(Told::MessageTooLong);
    if !header.dont_fragment && !refused {
        return Vec::new();
    }
    vec![size::too_big(case, node, dev, header, mtu).certain_if(refused)]
}
