//! Validation: whether a node takes a packet from this source at this device, and whether it passes packets on.

use std::net::IpAddr;

use ipnet::IpNet;
use twinax_kernel::ask::{Asked, RouteQuery};
use twinax_topology::{Change, NodeName, Route, RouteKind};

use super::input::capital;
use super::knob::Knob;
use super::routes::command;
use super::{Case, Found, Header};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;
use crate::seen::At;

/// The node does not forward.
pub fn forwarding_off(case: Case<'_>, input: &At, header: Header) -> Vec<Suspect> {
    let node = &input.node;
    let (paths, sentence) = match header.v4() {
        true => (["net/ipv4/ip_forward", "net/ipv4/conf/DEV/forwarding"], "net.ipv4.ip_forward"),
        false => (
            ["net/ipv6/conf/all/forwarding", "net/ipv6/conf/DEV/forwarding"],
            "net.ipv6.conf.all.forwarding",
        ),
    };
    let own = paths[1].replace("DEV", &input.device);
    if case.facts.number(node, &own) != 0 {
        return Vec::new();
    }
    // It is where it should be, and not to be passed on.
    if !header.is_reply && case.question.whose.as_ref() == Some(node) {
        return Vec::new();
    }
    // Whoever is on the link where it came in is not reached by passing it on there.
    let onward = case.facts.route(node, &RouteQuery::to(header.destination));
    if let Ok(Asked::Route(way)) = onward
        && way.via.is_none()
        && way.dev.as_deref() == Some(&input.device)
    {
        return Vec::new();
    }
    let all = case.facts.number(node, paths[0]);
    let (knob, path) = match all {
        0 => (sentence.to_owned(), paths[0].to_owned()),
        _ => (own.replace('/', "."), own.clone()),
    };
    let says = format!(
        "{} for {} comes in at {input}, but {node} does not forward: {knob} is 0.",
        capital(header.name()),
        header.destination
    );
    let cause =
        Cause::new(Kind::ForwardingOff, node, says).at(&input.device).by(knob.as_str(), "0");
    let seen = Evidence::sysctl(node, &knob, 0);
    vec![Suspect::new(cause).because(seen).mended_by(Remedy::sysctls(node, [(path.as_str(), "1")]))]
}

/// What is for a loopback address does not come from outside (`ip_route_input_slow`), unless it is said that it
/// may.
pub fn destination(case: Case<'_>, input: &At, header: Header, name: &str) -> Vec<Suspect> {
    let to = header.destination;
    if !header.v4() || !to.is_loopback() || input.device == "lo" {
        return Vec::new();
    }
    let route_localnet = Knob::of(case, input, "route_localnet");
    if route_localnet.value() != 0 {
        return Vec::new();
    }
    let says = format!(
        "{} does not take {name} that came in at {input}: it is for {to}, and {} is 0.",
        input.node,
        route_localnet.decides()
    );
    let cause = Cause::new(Kind::Martian, &input.node, says)
        .at(&input.device)
        .by(route_localnet.decides(), "0");
    let suspect = Suspect::new(cause).because(route_localnet.seen());
    vec![suspect.mended_by(Remedy::knob(input, "ipv4.route_localnet", "1"))]
}

/// No packet with a loopback address as its source goes out of another device (`__mkroute_output`), unless it is
/// said that it may.
pub fn own_source(case: Case<'_>, node: &NodeName, header: Header, query: &RouteQuery) -> Found {
    let Some(source) = header.source.filter(|own| own.is_loopback() && header.v4()) else {
        return Ok(Vec::new());
    };
    let Asked::Route(way) = case.facts.route(node, &RouteQuery { from: None, ..query.clone() })?
    else {
        return Ok(Vec::new());
    };
    let Some(dev) = way.dev.filter(|dev| way.kind == "unicast" && dev != "lo") else {
        return Ok(Vec::new());
    };
    let out = At::new(node, &dev);
    let route_localnet = Knob::of(case, &out, "route_localnet");
    if route_localnet.value() != 0 {
        return Ok(Vec::new());
    }
    let says = format!(
        "{node} does not send from {source} out of {out}: that is an address for the node itself alone."
    );
    let cause = Cause::new(Kind::Martian, node, says).at(&dev).by("source", source.to_string());
    let asked =
        Evidence::new(Mark::Asked, format!("with another source {node} has a way, by {dev}"));
    let asked = asked.with(command(node, &RouteQuery { from: None, ..query.clone() }));
    let suspect = Suspect::new(cause).because(asked).because(route_localnet.seen());
    Ok(vec![suspect.certain_if(true)])
}

/// What source validation has against a packet (`fib_validate_source`, `net/ipv4/fib_frontend.c`).
pub fn source(case: Case<'_>, input: &At, header: Header, name: &str) -> Found {
    let Some(source) = header.source else { return Ok(Vec::new()) };
    let (node, dev) = (&input.node, &input.device);
    let rp_filter = Knob::of(case, input, "rp_filter");
    let mut found = Vec::new();
    if martian(source) {
        let says = format!(
            "{node} does not take {name} that came in at {input}: nobody can have the source {source}."
        );
        let cause = Cause::new(Kind::Martian, node, says).at(dev).by("source", source.to_string());
        let mut suspect = Suspect::new(cause);
        if let IpAddr::V4(v4) = source
            && v4.is_loopback()
        {
            suspect = suspect.mended_by(Remedy::knob(input, "ipv4.route_localnet", "1"));
        }
        found.push(suspect);
        return Ok(found);
    }
    if case.facts.has_address(node, source) && header.v4() {
        found.push(local_source(case, input, source, name, &rp_filter));
        return Ok(found);
    }
    if rp_filter.value() > 0 && header.v4() {
        let (knob, value) = (rp_filter.decides(), rp_filter.value());
        let query = RouteQuery::to(source);
        let back = case.facts.route(node, &query)?;
        let dev_back = match &back {
            Asked::Route(route) => route.dev.clone(),
            Asked::Refused(_) => None,
        };
        if dev_back.as_ref() == Some(dev) {
            return Ok(found);
        }
        let leads = match &dev_back {
            Some(other) => format!("the way back to {source} is by {other}"),
            None => format!("there is no way back to {source}"),
        };
        let says = format!(
            "{node} does not take {name} that came in on {dev}: its sender is {source}, {leads}, and {knob} is {value}."
        );
        let cause =
            Cause::new(Kind::ReversePath, node, says).at(dev).by(knob.as_str(), value.to_string());
        let asked =
            Evidence::new(Mark::Asked, format!("of {node}, {leads}")).with(command(node, &query));
        let mut suspect = Suspect::new(cause).because(asked).mended_by(rp_filter.off());
        if let Ok(device) = dev.parse() {
            let back = Route {
                dev: Some(device),
                ..Route::of_kind(RouteKind::Unicast, IpNet::from(source))
            };
            suspect = suspect.mended_by(Remedy::from(Change::AddRoute(node.clone(), back)));
        }
        found.push(suspect.not_by(Remedy::knob(input, "ipv4.accept_local", "1")));
    }
    Ok(found)
}

fn martian(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_multicast(),
    }
}

/// The packet's source is one of the receiver's own addresses.
fn local_source(
    case: Case<'_>,
    input: &At,
    source: IpAddr,
    name: &str,
    rp_filter: &Knob<'_>,
) -> Suspect {
    let (node, dev) = (&input.node, &input.device);
    let path = format!("net/ipv4/conf/{dev}/accept_local");
    let (knob, own) = (path.replace('/', "."), case.facts.number(node, &path));
    let says = format!(
        "{node} ignores {name} that came in on {dev}: its sender {source} is an address of {node} itself, and \
         {knob} is {own}."
    );
    let cause = Cause::new(Kind::LocalSource, node, says).at(dev).by(knob, own.to_string());
    let seen = Evidence::new(Mark::Observed, format!("{source} is an address of {node}"))
        .with(format!("ip -n {node} addr"));
    let suspect = Suspect::new(cause).because(seen);
    let accept = Remedy::knob(input, "ipv4.accept_local", "1");
    if rp_filter.value() == 0 {
        return suspect.mended_by(accept);
    }
    let no_filter = rp_filter.off();
    let both = accept.clone().map(|accept| no_filter.ops.iter().cloned().fold(accept, Remedy::and));
    suspect.mended_by(both).not_by(accept).not_by(no_filter)
}
