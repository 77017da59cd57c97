//! Routes and policy rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::route::{RouteMessage, RouteProtocol, RouteType};
use netlink_packet_route::rule::{RuleAction, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use twinax_plan::{ObservedRoute, ObservedRule};

use super::link::Names;
use super::{Reader, Routes, scope};
use crate::attributes::{INET, INET6, Value, attributes, header, number};
use crate::error::Error;

/// `RTA_…`, `RTM_F_…`, `RTNH_F_…` and `RTPROT_…`, `linux/rtnetlink.h`.
mod rta {
    pub const DST: u16 = 1;
    pub const OIF: u16 = 4;
    pub const GATEWAY: u16 = 5;
    pub const PRIORITY: u16 = 6;
    pub const PREFSRC: u16 = 7;
    pub const MULTIPATH: u16 = 9;
    pub const TABLE: u16 = 15;
    pub const VIA: u16 = 18;
    pub const NH_ID: u16 = 30;
    /// `RTM_F_CLONED`: an entry of the cache.
    pub const CLONED: u32 = 0x200;
    /// `RTNH_F_ONLINK`.
    pub const ONLINK: u8 = 4;
    /// `RTPROT_KERNEL`.
    pub const KERNEL: u8 = 2;
}

/// The routes of all tables. One family after the other: a dump of all families at once keeps the
/// lock of all that netlink changes (`rtnl_dump_all`).
pub(super) fn routes(
    reader: &mut Reader,
    names: &Names<'_>,
    which: Routes,
) -> Result<Vec<ObservedRoute>, Error> {
    let mut routes = Vec::new();
    for (family, number) in [(AddressFamily::Inet, INET), (AddressFamily::Inet6, INET6)] {
        let mut ask = RouteMessage::default();
        ask.header.address_family = family;
        let ask = RouteNetlinkMessage::GetRoute(ask);
        let found = reader.list("listing routes", libc::RTM_NEWROUTE, &ask, |message| {
            // A kernel without the family lists all that it has.
            let name = |index| names.of(index);
            (*message.first()? == number).then(|| route(message, &name, which)).flatten()
        })?;
        routes.extend(found.into_iter().flatten());
    }
    Ok(routes)
}

/// A route: as many as it has next hops, but at least one. `None` for what isn't asked for, for an
/// entry of the cache, and for what is neither IPv4 nor IPv6. `name` has the names of devices by
/// their index.
pub(crate) fn route(
    message: &[u8],
    name: &dyn Fn(u32) -> String,
    which: Routes,
) -> Option<Vec<ObservedRoute>> {
    // struct rtmsg: family, prefix length of destination and source, TOS, table, protocol, scope,
    // type, flags.
    let (header, attributes) = header::<12>(message)?;
    let [family, prefix_length, _, _, table, by, own_scope, own_kind, ..] = *header;
    let flags = number(header, 8);
    if flags & rta::CLONED != 0 || which == Routes::Made && by == rta::KERNEL {
        return None;
    }
    let mut route = ObservedRoute {
        table: table.into(),
        kind: kind(own_kind.into()),
        to: IpNet::new(any(family)?, 0).ok()?,
        via: None,
        dev: None,
        src: None,
        metric: 0,
        scope: scope(own_scope),
        protocol: protocol(by.into()),
        // What is said of next hops is in the lower octet.
        onlink: flags as u8 & rta::ONLINK != 0,
        nexthop: None,
    };
    let mut next_hops = None;
    for (attribute, value) in attributes {
        match attribute {
            rta::TABLE => route.table = value.u32()?,
            rta::PRIORITY => route.metric = value.u32()?,
            rta::DST => route.to = IpNet::new(value.ip()?, prefix_length).ok()?,
            rta::PREFSRC => route.src = value.ip(),
            rta::MULTIPATH => next_hops = Some(value),
            rta::NH_ID => route.nexthop = value.u32(),
            other => way(other, value, &mut route, name),
        }
    }
    let by_hops = next_hops.map(|hops| by_next_hops(hops, &route, name)).unwrap_or_default();
    Some(if by_hops.is_empty() { vec![route] } else { by_hops })
}

/// The same route by each of its next hops (`struct rtnexthop`: length, flags, weight, index, then
/// attributes).
fn by_next_hops(
    hops: Value<'_>,
    route: &ObservedRoute,
    name: &dyn Fn(u32) -> String,
) -> Vec<ObservedRoute> {
    let mut rest = hops.0;
    let by = std::iter::from_fn(|| {
        let header: &[u8; 8] = rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let own = attributes(rest.get(8..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        let mut route = route.clone();
        route.dev = Some(name(number(header, 4)));
        route.onlink = header[2] & rta::ONLINK != 0;
        own.for_each(|(attribute, value)| way(attribute, value, &mut route, name));
        Some(route)
    });
    by.collect()
}

/// What an attribute says of gateway and device.
fn way(attribute: u16, value: Value<'_>, route: &mut ObservedRoute, name: &dyn Fn(u32) -> String) {
    match attribute {
        rta::GATEWAY => route.via = value.ip(),
        rta::VIA => route.via = other_family(value),
        rta::OIF => route.dev = value.u32().map(name),
        _ => {}
    }
}

/// A gateway of the other family (`struct rtvia`: family, then the address).
pub(crate) fn other_family(via: Value<'_>) -> Option<IpAddr> {
    via.0.get(2..).and_then(|address| Value(address).ip())
}

/// The address of all zeros of an IP family; `None` for any other family.
pub(crate) fn any(family: u8) -> Option<IpAddr> {
    match family {
        INET => Some(Ipv4Addr::UNSPECIFIED.into()),
        INET6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

/// The word that `ip route` has for a type of route.
pub(crate) fn kind(kind: RouteType) -> String {
    let word = match kind {
        RouteType::Unspec => "none",
        RouteType::Unicast => "unicast",
        RouteType::Local => "local",
        RouteType::Broadcast => "broadcast",
        RouteType::Anycast => "anycast",
        RouteType::Multicast => "multicast",
        RouteType::BlackHole => "blackhole",
        RouteType::Unreachable => "unreachable",
        RouteType::Prohibit => "prohibit",
        RouteType::Throw => "throw",
        RouteType::Nat => "nat",
        RouteType::ExternalResolve => "xresolve",
        other => return u8::from(other).to_string(),
    };
    word.to_owned()
}

/// The word that `ip route` has for who made a route (`/etc/iproute2/rt_protos`).
fn protocol(protocol: RouteProtocol) -> String {
    match protocol {
        RouteProtocol::IcmpRedirect => "redirect".to_owned(),
        RouteProtocol::Mrt => "mrt".to_owned(),
        RouteProtocol::DnRouted => "dnrouted".to_owned(),
        RouteProtocol::Ntk => "ntk".to_owned(),
        RouteProtocol::Dhcp => "dhcp".to_owned(),
        RouteProtocol::Mrouted => "mrouted".to_owned(),
        RouteProtocol::KeepAlived => "keepalived".to_owned(),
        RouteProtocol::Other(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// `FRA_…` and `FIB_RULE_…`, `linux/fib_rules.h`.
mod fra {
    pub const DST: u16 = 1;
    pub const SRC: u16 = 2;
    pub const IIFNAME: u16 = 3;
    pub const GOTO: u16 = 4;
    pub const PRIORITY: u16 = 6;
    pub const FWMARK: u16 = 10;
    pub const FLOW: u16 = 11;
    pub const TUN_ID: u16 = 12;
    pub const SUPPRESS_IFGROUP: u16 = 13;
    pub const SUPPRESS_PREFIXLEN: u16 = 14;
    pub const TABLE: u16 = 15;
    pub const FWMASK: u16 = 16;
    pub const OIFNAME: u16 = 17;
    pub const PAD: u16 = 18;
    pub const L3MDEV: u16 = 19;
    pub const UID_RANGE: u16 = 20;
    pub const PROTOCOL: u16 = 21;
    pub const IP_PROTO: u16 = 22;
    pub const SPORT_RANGE: u16 = 23;
    pub const DPORT_RANGE: u16 = 24;
    /// `FIB_RULE_INVERT`.
    pub const INVERT: u32 = 2;
}

/// All policy rules of IPv4, then those of IPv6, each in the order in which they are tried.
pub(super) fn rules(reader: &mut Reader) -> Result<Vec<ObservedRule>, Error> {
    let ask = RouteNetlinkMessage::GetRule(RuleMessage::default());
    reader.list("listing rules", libc::RTM_NEWRULE, &ask, rule)
}

/// A rule; `None` where it is not one of IPv4 or IPv6 (multicast routing has rules of its own).
fn rule(message: &[u8]) -> Option<ObservedRule> {
    // struct fib_rule_hdr: family, prefix length of destination and source, TOS, table, two that
    // are unused, action, flags.
    let (header, attributes) = header::<12>(message)?;
    let [family, to_length, from_length, tos, table, _, _, own_action, ..] = *header;
    let family = match family {
        INET => "ipv4",
        INET6 => "ipv6",
        _ => return None,
    };
    let mut rule = ObservedRule {
        family: family.to_owned(),
        priority: 0,
        not: number(header, 8) & fra::INVERT != 0,
        from: None,
        to: None,
        iif: None,
        oif: None,
        mark: None,
        mask: None,
        action: action(own_action.into()),
        table: table.into(),
        beyond: Vec::new(),
    };
    if tos != 0 {
        rule.beyond.push("TOS".to_owned());
    }
    for (attribute, value) in attributes {
        match attribute {
            fra::PRIORITY => rule.priority = value.u32()?,
            fra::SRC => rule.from = IpNet::new(value.ip()?, from_length).ok(),
            fra::DST => rule.to = IpNet::new(value.ip()?, to_length).ok(),
            fra::IIFNAME => rule.iif = Some(value.text()),
            fra::OIFNAME => rule.oif = Some(value.text()),
            fra::FWMARK => rule.mark = value.u32(),
            fra::FWMASK => rule.mask = value.u32(),
            fra::TABLE => rule.table = value.u32()?,
            other => rule.beyond.extend(beyond(other, value).map(str::to_owned)),
        }
    }
    if rule.mask.is_some() {
        // A mark of 0 is not reported, but it counts where there is a mask (`fib_rules.c`).
        rule.mark.get_or_insert(0);
    }
    Some(rule)
}

/// The name of an attribute of a rule that a lab file has no words for; `None` where it says
/// nothing: that no prefix length is suppressed (-1), and who made the rule.
fn beyond(attribute: u16, value: Value<'_>) -> Option<&'static str> {
    match attribute {
        fra::PROTOCOL | fra::PAD => None,
        fra::SUPPRESS_PREFIXLEN | fra::SUPPRESS_IFGROUP if value.u32() == Some(u32::MAX) => None,
        fra::L3MDEV if value.u8() == Some(0) => None,
        fra::GOTO => Some("GOTO"),
        fra::FLOW => Some("FLOW"),
        fra::TUN_ID => Some("TUN_ID"),
        fra::SUPPRESS_IFGROUP => Some("SUPPRESS_IFGROUP"),
        fra::SUPPRESS_PREFIXLEN => Some("SUPPRESS_PREFIXLEN"),
        fra::L3MDEV => Some("L3MDEV"),
        fra::UID_RANGE => Some("UID_RANGE"),
        fra::IP_PROTO => Some("IP_PROTO"),
        fra::SPORT_RANGE => Some("SPORT_RANGE"),
        fra::DPORT_RANGE => Some("DPORT_RANGE"),
        _ => Some("an attribute that is not known"),
    }
}

/// The word that `ip rule` has for an action.
fn action(action: RuleAction) -> String {
    let word = match action {
        RuleAction::ToTable => "lookup",
        RuleAction::Goto => "goto",
        RuleAction::Nop => "nop",
        RuleAction::Blackhole => "blackhole",
        RuleAction::Unreachable => "unreachable",
        RuleAction::Prohibit => "prohibit",
        other => return u8::from(other).to_string(),
    };
    word.to_owned()
}
