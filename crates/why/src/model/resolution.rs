//! Resolution: a node is asked for an address of its own, and answers or keeps silent.
//!
//! `arp_process` (`net/ipv4/arp.c`) answers only what it would take a packet from: the question's source is
//! validated like a packet's. Then `arp_ignore` and `arp_filter` decide. `ndisc_recv_ns`
//! (`net/ipv6/ndisc.c`) answers for addresses of the device that are not tentative.

use std::net::IpAddr;

use twinax_kernel::ask::{Asked, RouteQuery};
use twinax_plan::ObservedAddress;
use twinax_topology::Change;

use super::knob::Knob;
use super::{Case, Found, Header, device, observed, routes};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::{At, Sight, What};

/// What keeps a node silent that was asked for an address.
pub fn resolution(case: Case<'_>, owner: &At, ask: &Sight, target: IpAddr) -> Found {
    let mut found = Vec::from_iter(device::takes(case, &ask.at));
    let by = match ask.what {
        What::Ask { by, .. } => by,
        _ => None,
    };
    // The device that takes it: of a port of a bridge, the bridge.
    let input = case.facts.bridge_of(&ask.at).unwrap_or_else(|| ask.at.clone());
    if let (IpAddr::V4(_), Some(by)) = (target, by) {
        found.extend(validated(case, &input, by, target)?);
        found.extend(ignored(case, &input, owner, by, target));
        found.extend(filtered(case, &input, by, target)?);
    }
    found.extend(without_arp(case, &input));
    if target.is_ipv6() {
        found.extend(tentative(case, owner, target));
        found.extend(without_ipv6(case, owner));
    }
    found.extend(crate::firewall::drops_neighbour(case, &input.node, target)?);
    found.iter_mut().for_each(|suspect| suspect.evidence.insert(0, observed(ask)));
    Ok(found)
}

/// What keeps an answer from being taken that has come back.
pub fn taken(case: Case<'_>, out: &At, answer: &Sight, target: IpAddr) -> Found {
    let mut found = crate::firewall::drops_neighbour(case, &out.node, target)?;
    found.iter_mut().for_each(|suspect| suspect.evidence.insert(0, observed(answer)));
    Ok(found)
}

/// Whether the kernel takes anything from who asks, for this address.
fn validated(case: Case<'_>, input: &At, by: IpAddr, target: IpAddr) -> Found {
    let query =
        RouteQuery { from: Some(by), iif: Some(input.device.clone()), ..RouteQuery::to(target) };
    match case.facts.route(&input.node, &query)? {
        Asked::Route(_) => Ok(Vec::new()),
        Asked::Refused(errno) => {
            let header = Header {
                source: Some(by),
                destination: target,
                protocol: 0,
                ports: None,
                ttl: None,
                length: 0,
                dont_fragment: false,
                is_reply: false,
                is_outer: false,
            };
            routes::refused_in(case, input, header, &query, errno, "the ARP request")
        }
    }
}

/// `arp_ignore`: for which addresses there is an answer (`arp_ignore`, `net/ipv4/arp.c`).
fn ignored(case: Case<'_>, input: &At, owner: &At, by: IpAddr, target: IpAddr) -> Vec<Suspect> {
    let knob = Knob::of(case, input, "arp_ignore");
    let here = case
        .facts
        .link(input)
        .is_some_and(|link| link.addresses.iter().any(|own| own.address.addr() == target));
    let on_subnet = case.facts.link(owner).is_some_and(|link| {
        link.addresses.iter().any(|own| own.address.addr() == target && own.address.contains(&by))
    });
    let silent = match knob.value() {
        1 => !here,
        2 => !here || !on_subnet,
        3 => case.facts.link(owner).is_some_and(|link| {
            link.addresses.iter().any(|own| own.address.addr() == target && own.scope == "host")
        }),
        8 => true,
        _ => false,
    };
    if !silent {
        return Vec::new();
    }
    let says = format!(
        "{} does not answer ARP requests for {target} that come in on {}: {} is {}.",
        input.node,
        input.device,
        knob.decides(),
        knob.value()
    );
    let cause = Cause::new(Kind::ArpIgnore, &input.node, says)
        .at(&input.device)
        .by(knob.decides(), knob.value().to_string());
    vec![Suspect::new(cause).because(knob.seen()).mended_by(knob.off())]
}

/// `arp_filter`: an answer only where the way back to who asks is by the device that he asked at.
fn filtered(case: Case<'_>, input: &At, by: IpAddr, target: IpAddr) -> Found {
    let knob = Knob::of(case, input, "arp_filter");
    if knob.value() == 0 {
        return Ok(Vec::new());
    }
    let query = RouteQuery { from: Some(target), ..RouteQuery::to(by) };
    let back = case.facts.route(&input.node, &query)?;
    let by_what = match &back {
        Asked::Route(route) => route.dev.clone().unwrap_or_default(),
        Asked::Refused(refusal) => refusal.to_string(),
    };
    if by_what == input.device {
        return Ok(Vec::new());
    }
    let says = format!(
        "{} does not answer the ARP request that came in on {}: {} is {}, and its way to {by} is by \
         another device.",
        input.node,
        input.device,
        knob.decides(),
        knob.value()
    );
    let cause = Cause::new(Kind::ArpFilter, &input.node, says)
        .at(&input.device)
        .by(knob.decides(), knob.value().to_string());
    let asked = Evidence::new(Mark::Asked, format!("the way from {target} to {by}: {by_what}"))
        .with(routes::command(&input.node, &query));
    Ok(vec![Suspect::new(cause).because(asked).mended_by(knob.off())])
}

/// A device with ARP turned off takes no questions (`arp_rcv`).
pub fn without_arp(case: Case<'_>, at: &At) -> Vec<Suspect> {
    if !case.facts.link(at).is_some_and(|link| link.noarp) {
        return Vec::new();
    }
    let says = format!("ARP is turned off on {at} (NOARP).");
    let cause = Cause::new(Kind::NoArp, &at.node, says).at(&at.device).by("arp", "off");
    let seen = Evidence::new(Mark::Observed, format!("{at} has the flag NOARP"))
        .with(format!("ip -n {} link show dev {}", at.node, at.device));
    let on = Remedy { ops: vec![Op::Arp { at: at.clone(), on: true }] };
    vec![Suspect::new(cause).because(seen).certain_if(true).mended_by(on)]
}

/// An IPv6 address that is not usable yet, or has been refused, is not answered for.
fn tentative(case: Case<'_>, owner: &At, target: IpAddr) -> Vec<Suspect> {
    let Some(link) = case.before.link(owner) else { return Vec::new() };
    let of = link.addresses.iter().filter(|own| own.address.addr() == target && own.tentative);
    of.map(|own| {
        let says = format!(
            "{} does not answer for {target} on {}: the address is tentative.",
            owner.node, owner.device
        );
        is_tentative(owner, own, says)
    })
    .collect()
}

/// That an address is not usable yet, which means this.
pub fn is_tentative(at: &At, own: &ObservedAddress, says: String) -> Suspect {
    let cause = Cause::new(Kind::TentativeAddress, &at.node, says)
        .at(&at.device)
        .by(own.address.to_string(), "tentative");
    let seen = Evidence::new(Mark::Observed, format!("{} is tentative", own.address.addr()))
        .with(format!("ip -n {} -6 addr show dev {}", at.node, at.device));
    Suspect::new(cause).because(seen).certain_if(true).mended_by(anew(at, own))
}

/// An address is set once more, without being asked for by others first (`nodad`). One of the link comes to be
/// usable by itself.
fn anew(at: &At, own: &ObservedAddress) -> Option<Remedy> {
    let place = crate::remedy::place(at).filter(|_| own.scope != "link")?;
    let gone = Change::DelAddress(place.clone(), own.address);
    Some(Remedy::of([gone, Change::AddAddress(place, own.address)]))
}

/// A device on which IPv6 is turned off has no neighbours, nor has one whose MTU is too small for it.
pub fn without_ipv6(case: Case<'_>, at: &At) -> Vec<Suspect> {
    let path = format!("net/ipv6/conf/{}/disable_ipv6", at.device);
    if case.facts.number(&at.node, &path) == 0 {
        return too_narrow(case, at).into_iter().collect();
    }
    let knob = path.replace('/', ".");
    let says = format!("IPv6 is turned off on {at}: {knob} is 1.");
    let cause = Cause::new(Kind::Ipv6Off, &at.node, says).at(&at.device).by(knob.as_str(), "1");
    let seen = Evidence::sysctl(&at.node, &knob, 1);
    vec![
        Suspect::new(cause)
            .because(seen)
            .certain_if(true)
            .mended_by(Remedy::sysctls(&at.node, [(path.as_str(), "0")])),
    ]
}

/// A device through which less fits than every IPv6 link must carry has no IPv6 (RFC 8200, 5): the kernel takes its
/// addresses and routes away (`addrconf_notify`, `net/ipv6/addrconf.c`).
fn too_narrow(case: Case<'_>, at: &At) -> Option<Suspect> {
    let link = case.facts.link(at).filter(|link| link.mtu < IPV6_MIN_MTU)?;
    let says = format!(
        "There is no IPv6 on {at}: its MTU is {}, and that of a link with IPv6 is {IPV6_MIN_MTU} at least.",
        link.mtu
    );
    let cause =
        Cause::new(Kind::Ipv6Off, &at.node, says).at(&at.device).by("mtu", link.mtu.to_string());
    let seen = Evidence::new(Mark::Observed, format!("{at} has an MTU of {}", link.mtu))
        .with(format!("ip -n {} link show dev {}", at.node, at.device));
    let larger = crate::remedy::place(at).map(|place| Change::Mtu(place, USUAL_MTU).into());
    Some(Suspect::new(cause).because(seen).certain_if(true).mended_by(larger))
}

/// `IPV6_MIN_MTU`, `linux/ipv6.h`.
const IPV6_MIN_MTU: u32 = 1280;
/// `ETH_DATA_LEN`, `linux/if_ether.h`.
const USUAL_MTU: u32 = 1500;
