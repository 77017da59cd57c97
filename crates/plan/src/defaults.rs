//! What the kernel gives a device of which nothing is said, and when two words for one thing are
//! the same.

use ipnet::IpNet;
use twinax_topology::{
    Bridge, Family, Interface, PortAttributes, Route, Rule, RuleAction, Span, TABLE_MAIN,
};

/// The MTU of a veth end, a TAP, and a bridge without ports (`ETH_DATA_LEN`).
pub(crate) const MTU: u32 = 1500;

/// The metric of an IPv6 route of which none is said (`IP6_RT_PRIO_USER`).
const IPV6_METRIC: u32 = 1024;

/// The attributes of a bridge as numbers, in the order of the fields (`br_dev_setup` in
/// `net/bridge/br_device.c`); times in hundredths of a second.
pub(crate) fn bridge(bridge: &Bridge) -> [u128; 5] {
    [
        bridge.stp.into(),
        bridge.ageing.map_or(30_000, hundredths),
        bridge.forward_delay.map_or(1500, hundredths),
        bridge.priority.unwrap_or(32_768).into(),
        bridge.multicast_snooping.unwrap_or(true).into(),
    ]
}

/// Whether two bridges have the same attributes. A time may have lost a hundredth: a kernel that
/// ticks 250 times a second keeps 10.03 s as 10.02 s.
pub(crate) fn same_bridge(one: &Bridge, other: &Bridge) -> bool {
    let (one, other) = (bridge(one), bridge(other));
    (0..5).all(|field| {
        let tolerance = if matches!(field, 1 | 2) { 1 } else { 0 };
        one[field].abs_diff(other[field]) <= tolerance
    })
}

/// Spans are kept by bridges in hundredths of a second (`USER_HZ`).
pub(crate) fn hundredths(span: Span) -> u128 {
    span.0.as_millis() / 10
}

/// What a fresh port is like (`new_nbp` in `net/bridge/br_if.c`). The cost is that of a link of 10
/// Gbit/s, which a veth end claims to be.
pub(crate) const PORT: PortAttributes = PortAttributes {
    isolated: Some(false),
    hairpin: Some(false),
    learning: Some(true),
    flood: Some(true),
    mcast_flood: Some(true),
    bcast_flood: Some(true),
    guard: Some(false),
    root_block: Some(false),
    neigh_suppress: Some(false),
    cost: Some(2),
    priority: Some(32),
};

/// The cost of a TAP, which claims 10 Mbit/s before Linux 6.4; then it is that of a veth end.
pub(crate) const OLD_TAP_COST: u16 = 100;

/// Which attributes of a port differ, with the values that are wanted.
pub(crate) fn port_difference(now: &PortAttributes, wanted: &PortAttributes) -> PortAttributes {
    fn of<T: PartialEq + Copy>(now: Option<T>, wanted: Option<T>, fresh: Option<T>) -> Option<T> {
        wanted.or(fresh).filter(|wanted| now.or(fresh) != Some(*wanted))
    }
    let usual = |cost: Option<u16>| cost.is_none_or(|c| PORT.cost == Some(c) || c == OLD_TAP_COST);
    let cost = match (now.cost, wanted.cost) {
        (now, None) if usual(now) => None,
        (now, wanted) => of(now, wanted, PORT.cost),
    };
    PortAttributes {
        isolated: of(now.isolated, wanted.isolated, PORT.isolated),
        hairpin: of(now.hairpin, wanted.hairpin, PORT.hairpin),
        learning: of(now.learning, wanted.learning, PORT.learning),
        flood: of(now.flood, wanted.flood, PORT.flood),
        mcast_flood: of(now.mcast_flood, wanted.mcast_flood, PORT.mcast_flood),
        bcast_flood: of(now.bcast_flood, wanted.bcast_flood, PORT.bcast_flood),
        guard: of(now.guard, wanted.guard, PORT.guard),
        root_block: of(now.root_block, wanted.root_block, PORT.root_block),
        neigh_suppress: of(now.neigh_suppress, wanted.neigh_suppress, PORT.neigh_suppress),
        cost,
        priority: of(now.priority, wanted.priority, PORT.priority),
    }
}

/// The metric that a route has.
pub(crate) fn metric(route: &Route) -> u32 {
    match (Family::of_net(&route.to), route.metric.unwrap_or(0)) {
        (Family::Ipv6, 0) => IPV6_METRIC,
        (_, metric) => metric,
    }
}

/// Whether a route that is there is the one that is wanted. Without a device in what is wanted (or
/// in what is there), any will do: then the kernel chose it.
pub(crate) fn is_route(now: &Route, wanted: &Route) -> bool {
    let table = |route: &Route| route.table.unwrap_or(TABLE_MAIN);
    let any_dev = now.dev.is_none() || wanted.dev.is_none();
    now.kind == wanted.kind
        && now.to == wanted.to
        && table(now) == table(wanted)
        && metric(now) == metric(wanted)
        && now.via == wanted.via
        && now.src == wanted.src
        && now.onlink == wanted.onlink
        && (any_dev || now.dev == wanted.dev)
}

/// Whether a rule that is there is the one that is wanted. Without a priority in what is wanted,
/// any will do: then the kernel chose it.
pub(crate) fn is_rule(now: &Rule, wanted: &Rule) -> bool {
    let any_priority = now.priority.is_none() || wanted.priority.is_none();
    let net = |net: Option<IpNet>| net.filter(|net| net.prefix_len() > 0);
    now.family == wanted.family
        && now.not == wanted.not
        && net(now.from) == net(wanted.from)
        && net(now.to) == net(wanted.to)
        && now.iif == wanted.iif
        && now.oif == wanted.oif
        && now.fwmark == wanted.fwmark
        && now.action == wanted.action
        && (any_priority || now.priority == wanted.priority)
}

/// The rules that every namespace has: all packets to `local`, then `main`, then (of IPv4)
/// `default`.
pub(crate) fn is_default_rule(rule: &Rule) -> bool {
    let table = match (rule.priority, rule.family) {
        (Some(0), _) => 255,
        (Some(32_766), _) => 254,
        (Some(32_767), Family::Ipv4) => 253,
        _ => return false,
    };
    *rule == Rule { priority: rule.priority, ..Rule::new(rule.family, RuleAction::Table(table)) }
}

/// The device by which a route leaves: the one that it names, or the one whose subnet has its
/// gateway.
pub(crate) fn dev_of<'a>(
    route: &'a Route,
    interfaces: impl Iterator<Item = &'a Interface>,
) -> Option<&'a twinax_topology::IfName> {
    let via = match (&route.dev, route.via) {
        (Some(dev), _) => return Some(dev),
        (None, via) => via?,
    };
    let nets = interfaces.flat_map(|own| own.addresses.iter().map(move |net| (net, own)));
    nets.filter(|(net, _)| net.contains(&via))
        .max_by_key(|(net, _)| net.prefix_len())
        .map(|(_, interface)| &interface.place.interface)
}

/// The values of a sysctl as the kernel would read them: words, numbers whatever their base.
pub(crate) fn same_value(one: &str, other: &str) -> bool {
    let number = |word: &str| match word.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    };
    let same = |(one, other): (&str, &str)| {
        one == other || number(one).is_some_and(|one| number(other) == Some(one))
    };
    one.split_whitespace().count() == other.split_whitespace().count()
        && one.split_whitespace().zip(other.split_whitespace()).all(same)
}

/// Which of the things that are there go, and which of the wanted ones come, by index. `is_exact`
/// says of which wanted ones there can be only one: they choose first.
pub(crate) fn unmatched<T>(
    now: &[T],
    wanted: &[T],
    same: impl Fn(&T, &T) -> bool,
    is_exact: impl Fn(&T) -> bool,
) -> Matched {
    let mut pairs = vec![None; wanted.len()];
    let mut taken = vec![false; now.len()];
    for exact in [true, false] {
        for (index, wanted) in wanted.iter().enumerate().filter(|(_, w)| is_exact(w) == exact) {
            // Mostly both are in the same order.
            let from = index.min(now.len());
            let order = (from..now.len()).chain(0..from);
            let found = order.into_iter().find(|&n| !taken[n] && same(&now[n], wanted));
            if let Some(n) = found {
                taken[n] = true;
                pairs[index] = Some(n);
            }
        }
    }
    Matched { taken, pairs }
}

/// What [`unmatched`] found.
pub(crate) struct Matched {
    /// Whether each of the things that are there is a wanted one.
    pub(crate) taken: Vec<bool>,
    /// For each wanted one which it is of those that are there.
    pub(crate) pairs: Vec<Option<usize>>,
}
