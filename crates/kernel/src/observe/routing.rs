//! Routes and policy rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteNextHopFlags,
    RouteProtocol, RouteType, RouteVia,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use twinax_plan::{ObservedRoute, ObservedRule};

use super::{Names, dump, scope};
use crate::error::Error;
use crate::rtnl::Rtnl;

/// All routes, of all tables.
pub(super) fn routes(rtnl: &mut Rtnl, names: &Names) -> Result<Vec<ObservedRoute>, Error> {
    let ask = RouteNetlinkMessage::GetRoute(RouteMessage::default());
    let routes = dump(rtnl, "listing routes", &ask, |message| match message {
        RouteNetlinkMessage::NewRoute(message) => route(message, names),
        _ => None,
    })?;
    Ok(routes.into_iter().flatten().collect())
}

/// A route: as many as it has next hops, but at least one. `None` for an entry of the cache, and
/// for what is neither IPv4 nor IPv6.
fn route(message: RouteMessage, names: &Names) -> Option<Vec<ObservedRoute>> {
    let header = message.header;
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut route = ObservedRoute {
        table: header.table.into(),
        kind: kind(header.kind),
        to: IpNet::new(any(header.address_family)?, 0).ok()?,
        via: None,
        dev: None,
        src: None,
        metric: 0,
        scope: scope(header.scope.into()),
        protocol: protocol(header.protocol),
        onlink: header.flags.contains(RouteFlags::Onlink),
    };
    let mut next_hops = Vec::new();
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Table(table) => route.table = table,
            RouteAttribute::Priority(metric) => route.metric = metric,
            RouteAttribute::Destination(to) => {
                route.to = IpNet::new(address(&to)?, header.destination_prefix_length).ok()?;
            }
            RouteAttribute::PrefSource(source) => route.src = address(&source),
            RouteAttribute::MultiPath(hops) => next_hops = hops,
            other => way(&other, &mut route, names),
        }
    }
    if next_hops.is_empty() {
        return Some(vec![route]);
    }
    Some(next_hops.iter().map(|hop| by(hop, route.clone(), names)).collect())
}

/// The same route by one of its next hops.
fn by(hop: &RouteNextHop, mut route: ObservedRoute, names: &Names) -> ObservedRoute {
    route.dev = Some(names.of(hop.interface_index));
    route.onlink = hop.flags.contains(RouteNextHopFlags::Onlink);
    for attribute in &hop.attributes {
        way(attribute, &mut route, names);
    }
    route
}

/// What an attribute says of gateway and device.
fn way(attribute: &RouteAttribute, route: &mut ObservedRoute, names: &Names) {
    match attribute {
        RouteAttribute::Gateway(gateway) => route.via = address(gateway),
        RouteAttribute::Via(RouteVia::Inet(gateway)) => route.via = Some((*gateway).into()),
        RouteAttribute::Via(RouteVia::Inet6(gateway)) => route.via = Some((*gateway).into()),
        RouteAttribute::Oif(index) => route.dev = Some(names.of(*index)),
        _ => {}
    }
}

/// The address of all zeros of an IP family; `None` for any other family.
fn any(family: AddressFamily) -> Option<IpAddr> {
    match family {
        AddressFamily::Inet => Some(Ipv4Addr::UNSPECIFIED.into()),
        AddressFamily::Inet6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

fn address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

/// The word that `ip route` has for a type of route.
fn kind(kind: RouteType) -> String {
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

/// All policy rules of IPv4, then those of IPv6, each in the order in which they are tried.
pub(super) fn rules(rtnl: &mut Rtnl) -> Result<Vec<ObservedRule>, Error> {
    let ask = RouteNetlinkMessage::GetRule(RuleMessage::default());
    dump(rtnl, "listing rules", &ask, |message| match message {
        RouteNetlinkMessage::NewRule(message) => rule(message),
        _ => None,
    })
}

/// A rule; `None` where it is not one of IPv4 or IPv6 (multicast routing has rules of its own).
fn rule(message: RuleMessage) -> Option<ObservedRule> {
    let header = message.header;
    let family = match header.family {
        AddressFamily::Inet => "ipv4",
        AddressFamily::Inet6 => "ipv6",
        _ => return None,
    };
    let mut rule = ObservedRule {
        family: family.to_owned(),
        priority: 0,
        not: header.flags.contains(RuleFlags::Invert),
        from: None,
        to: None,
        iif: None,
        oif: None,
        mark: None,
        mask: None,
        action: action(header.action),
        table: header.table.into(),
        beyond: Vec::new(),
    };
    if header.tos != 0 {
        rule.beyond.push("TOS".to_owned());
    }
    for attribute in message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = priority,
            RuleAttribute::Source(from) => rule.from = IpNet::new(from, header.src_len).ok(),
            RuleAttribute::Destination(to) => rule.to = IpNet::new(to, header.dst_len).ok(),
            RuleAttribute::Iifname(name) => rule.iif = Some(name),
            RuleAttribute::Oifname(name) => rule.oif = Some(name),
            RuleAttribute::FwMark(mark) => rule.mark = Some(mark),
            RuleAttribute::FwMask(mask) => rule.mask = Some(mask),
            RuleAttribute::Table(table) => rule.table = table,
            other => rule.beyond.extend(beyond(&other).map(str::to_owned)),
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
fn beyond(attribute: &RuleAttribute) -> Option<&'static str> {
    match attribute {
        RuleAttribute::Protocol(_)
        | RuleAttribute::SuppressPrefixLen(u32::MAX)
        | RuleAttribute::SuppressIfGroup(u32::MAX)
        | RuleAttribute::L3MDev(false) => None,
        RuleAttribute::Goto(_) => Some("GOTO"),
        RuleAttribute::Realm(_) => Some("FLOW"),
        RuleAttribute::TunId(_) => Some("TUN_ID"),
        RuleAttribute::SuppressIfGroup(_) => Some("SUPPRESS_IFGROUP"),
        RuleAttribute::SuppressPrefixLen(_) => Some("SUPPRESS_PREFIXLEN"),
        RuleAttribute::L3MDev(true) => Some("L3MDEV"),
        RuleAttribute::UidRange(_) => Some("UID_RANGE"),
        RuleAttribute::IpProtocol(_) => Some("IP_PROTO"),
        RuleAttribute::SourcePortRange(_) => Some("SPORT_RANGE"),
        RuleAttribute::DestinationPortRange(_) => Some("DPORT_RANGE"),
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
