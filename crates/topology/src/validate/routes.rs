//! Routes: whether the kernel would take them.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use super::addresses::is_link_local;
use super::state::NodeState;
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{At, Field, RouteKeys};
use crate::model::{Family, IfName, NodeName, Place, Route, RouteKind, TABLE_MAIN};

/// The metric that IPv6 routes have unless said (`IP6_RT_PRIO_USER`).
const IPV6_METRIC: u32 = 1024;

/// Checks a route that is added to a node, and enters it.
pub(super) fn check(
    node: &NodeName,
    route: &Route,
    keys: &At<RouteKeys>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    if !world.nodes.contains_key(node) {
        return;
    }
    let dev_good = match keys.dev.get() {
        Some(dev) => check_dev(node, dev, world, to),
        None => true,
    };
    if let Some(via) = route.via
        && dev_good
    {
        let span = place(&keys.via, keys);
        check_gateway(node, route, via, span, world, to);
    }
    let state = world.nodes.get(node).expect("just found");
    if let Some(src) = route.src
        && !state.owns(src)
        && !state.wild
        && world.whole.addresses
        && world.whole.interfaces
    {
        let title = format!("`{src}` is no address of node `{node}`");
        to.push(
            Diagnostic::new(place(&keys.src, keys), title)
                .label("not an address of the node")
                .help("`src` is an address that one of the node's interfaces has"),
        );
    }
    let state = world.nodes.get_mut(node).expect("just found");
    check_twice(node, route, keys, state, to);
    if let (RouteKind::Unicast, None, Some(dev)) = (route.kind, route.via, &route.dev) {
        state.add_device_route(route.to, dev);
    }
}

fn place<T>(field: &Field<T>, keys: &At<RouteKeys>) -> Range<usize> {
    field.get().map_or_else(|| keys.span.clone(), |at| at.span.clone())
}

fn check_dev(node: &NodeName, dev: &At<IfName>, world: &World, to: &mut Collector<'_>) -> bool {
    let at = Place { node: node.clone(), interface: dev.value.clone() };
    if !world.has_interface(&at, &dev.span, to) {
        return false;
    }
    let state = &world.nodes[node];
    let interface = &state.interfaces[&dev.value];
    if !interface.up && !state.wild {
        let title = format!("`{}` is down: the kernel takes no route over it", dev.value);
        to.push(
            Diagnostic::new(dev.span.clone(), title)
                .label("down at this point")
                .also(interface.at.clone(), "declared here"),
        );
        return false;
    }
    true
}

fn check_gateway(
    node: &NodeName,
    route: &Route,
    via: IpAddr,
    span: Range<usize>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let state = &world.nodes[node];
    let impossible = if via.is_unspecified() {
        Some("the unspecified address: it means none")
    } else if via.is_multicast() {
        Some("a multicast address")
    } else if via.is_loopback() {
        Some("a loopback address")
    } else if matches!(via, IpAddr::V4(via) if via.is_broadcast()) {
        Some("the broadcast address")
    } else {
        None
    };
    if let Some(label) = impossible {
        to.push(Diagnostic::new(span, format!("`{via}` can't be a gateway")).label(label));
        return;
    }
    if state.owns(via) {
        let title = format!("the gateway `{via}` is node `{node}` itself");
        to.push(Diagnostic::new(span, title).label("an address of this very node"));
        return;
    }
    if is_link_local(via) {
        if route.dev.is_none() {
            let title = format!("the gateway `{via}` needs a `dev`");
            to.push(
                Diagnostic::new(span, title)
                    .label("a link-local address: it may be on every link")
                    .help("say the interface on whose link it is: `dev = …`"),
            );
        }
        return;
    }
    if (route.onlink && route.dev.is_some()) || state.wild {
        return;
    }
    if !world.whole.addresses || !world.whole.interfaces {
        return;
    }
    match state.subnet_of(via, route.dev.as_ref()) {
        Some(net) => {
            if let (IpNet::V4(net), IpAddr::V4(via)) = (net, via)
                && net.prefix_len() < 31
                && (via == net.network() || via == net.broadcast())
            {
                let what = if via == net.network() {
                    "address of the subnet itself"
                } else {
                    "broadcast address"
                };
                let title = format!("`{via}` can't be a gateway");
                to.push(Diagnostic::new(span, title).label(format!("the {what} ({net})")));
            }
        }
        None => {
            let terse = to.is_crowded() || state.interfaces.len() > 1000;
            to.push(on_no_link(node, route, via, span, state, terse));
        }
    }
}

/// The gateway is on no link: which links there are.
fn on_no_link(
    node: &NodeName,
    route: &Route,
    via: IpAddr,
    span: Range<usize>,
    state: &NodeState,
    terse: bool,
) -> Diagnostic {
    let title = match &route.dev {
        Some(dev) => format!("the gateway `{via}` is not on the link of `{dev}`"),
        None => format!("the gateway `{via}` is on no link of node `{node}`"),
    };
    let diagnostic = Diagnostic::new(span, title).label("unreachable");
    if terse {
        return diagnostic;
    }
    let mut links: Vec<(&IfName, &IpNet, bool)> = state
        .interfaces
        .iter()
        .filter(|(name, _)| name.as_str() != "lo")
        .flat_map(|(name, interface)| {
            interface.addresses.iter().map(move |net| (name, net, interface.up))
        })
        .filter(|(_, net, _)| Family::of_net(net) == Family::of(via))
        .collect();
    links.sort();
    let on = links.iter().find(|(name, net, up)| {
        net.contains(&via) && (!up || route.dev.as_ref().is_some_and(|dev| dev != *name))
    });
    let help = match on {
        Some((name, net, false)) => format!("it is on the link of `{name}` ({net}), which is down"),
        Some((name, net, true)) => format!("it is on the link of `{name}` ({net})"),
        None if links.is_empty() => {
            format!("`{node}` has no {} address at this point", Family::of(via))
        }
        None => {
            let mut shown: Vec<String> =
                links.iter().take(4).map(|(name, net, _)| format!("`{name}` ({net})")).collect();
            if links.len() > 4 {
                shown.push("…".to_owned());
            }
            format!("`{node}` has {}; or say `dev` and `onlink = true`", shown.join(", "))
        }
    };
    diagnostic.help(help)
}

fn check_twice(
    node: &NodeName,
    route: &Route,
    keys: &At<RouteKeys>,
    state: &mut NodeState,
    to: &mut Collector<'_>,
) {
    let table = route.table.unwrap_or(TABLE_MAIN);
    let v6 = Family::of_net(&route.to) == Family::Ipv6;
    let metric = match route.metric {
        None | Some(0) if v6 => IPV6_METRIC,
        metric => metric.unwrap_or(0),
    };
    if !state.unsettled && !state.wild {
        let span = place(&keys.to, keys);
        if let Some(first) = state.routes.get(&(table, route.to, metric)) {
            let title = format!("two routes to `{}` in node `{node}`", route.to);
            to.push(
                Diagnostic::new(span, title)
                    .label("the kernel takes no second one of the same metric")
                    .also(first.clone(), "the first one")
                    .help("say a `metric`, or another `table`"),
            );
            return;
        }
        if !v6
            && table == TABLE_MAIN
            && metric == 0
            && route.to.prefix_len() < 32
            && state.is_connected(&route.to)
        {
            let title = format!("the route to `{}` is there already", route.to);
            to.push(
                Diagnostic::new(span, title)
                    .label("the kernel makes it for the address of an interface")
                    .help("leave it out, or say a `metric`"),
            );
            return;
        }
    }
    state.routes.insert((table, route.to, metric), place(&keys.to, keys));
}
