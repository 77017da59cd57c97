//! Changes, done in thought one after the other.

use std::ops::Range;

use super::addresses;
use super::interfaces::{IPV6_MIN_MTU, check_master, enslave, too_large};
use super::nodes::{check_firewall, check_neighbour, check_rule, check_sysctl};
use super::routes;
use super::state::Kind;
use super::world::{World, disables_ipv6, moves_ipv6};
use crate::diagnostic::{Collector, Diagnostic};
use crate::lower::ChangeMark;
use crate::model::{Change, Family, IfName, NodeName, Place};

/// Checks a change, and does it.
pub(super) fn check(
    change: &Change,
    mark: &ChangeMark<'_>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    match change {
        Change::Move { at, to: node } => moved(at, node, mark, world, to),
        Change::Sysctl(node, sysctl) => {
            if world.has_node(node, &mark.at, to) {
                check_sysctl(node, &sysctl.key, &mark.value, world, to);
                if let Some(state) = world.nodes.get_mut(node)
                    && let Some(disabled) = disables_ipv6(sysctl)
                {
                    state.no_ipv6 = disabled.then(|| mark.value.clone());
                }
                if moves_ipv6(sysctl.key.path()) {
                    world.loosen(node);
                }
            }
        }
        Change::AddRoute(node, route) => {
            if let Some(keys) = mark.route
                && world.has_node(node, &mark.at, to)
            {
                routes::check(node, route, keys, world, to);
            }
        }
        Change::DelRoute(node, route) => {
            if world.has_node(node, &mark.at, to) {
                has_dev(node, route.dev.as_ref(), mark, world, to);
                if let Some(state) = world.nodes.get_mut(node) {
                    state.unsettled = true;
                }
            }
        }
        Change::AddRule(node, _) | Change::DelRule(node, _) => {
            if let Some(keys) = mark.rule
                && world.has_node(node, &mark.at, to)
            {
                check_rule(node, keys, world, to);
            }
        }
        Change::AddNeighbour(node, _) => {
            if let Some(keys) = mark.neighbour
                && world.has_node(node, &mark.at, to)
            {
                check_neighbour(node, keys, world, to);
            }
        }
        Change::DelNeighbour(node, key) => {
            if world.has_node(node, &mark.at, to) {
                has_dev(node, Some(&key.dev), mark, world, to);
            }
        }
        Change::Firewall(node, _) => {
            if let Some(keys) = mark.firewall
                && world.has_node(node, &mark.at, to)
            {
                check_firewall(node, keys, world, to);
            }
        }
        Change::Up(place, _)
        | Change::Mtu(place, _)
        | Change::Mac(place, _)
        | Change::Master(place, _)
        | Change::Port(place, _)
        | Change::AddAddress(place, _)
        | Change::DelAddress(place, _)
        | Change::InterfaceSysctl(place, _) => {
            if world.has_interface(place, &mark.at, to) {
                of_interface(change, place, mark, world, to);
            }
        }
    }
}

fn has_dev(
    node: &NodeName,
    dev: Option<&IfName>,
    mark: &ChangeMark<'_>,
    world: &World,
    to: &mut Collector<'_>,
) {
    if let Some(dev) = dev {
        let place = Place { node: node.clone(), interface: dev.clone() };
        world.has_interface(&place, &mark.value, to);
    }
}

fn moved(
    at: &Place,
    node: &NodeName,
    mark: &ChangeMark<'_>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    let there = world.has_node(node, &mark.value, to);
    let known = world.has_interface(at, &mark.at, to);
    if !there || !known {
        return;
    }
    let state = &world.nodes[&at.node].interfaces[&at.interface];
    let what = match state.kind {
        Kind::Loopback => Some("the loopback device"),
        Kind::Bridge => Some("a bridge"),
        Kind::Veth | Kind::Tap | Kind::Tun => None,
    };
    if let Some(what) = what {
        let title = format!("`{}` can't be moved: it is {what}", at.interface);
        to.push(Diagnostic::new(mark.at.clone(), title).label("stays where it was made"));
        return;
    }
    if *node == at.node {
        let title = format!("`{}` is in node `{node}` already", at.interface);
        to.push(Diagnostic::new(mark.value.clone(), title));
        return;
    }
    if let Some(other) = world.nodes[node].interfaces.get(&at.interface) {
        let title = format!("node `{node}` has an interface `{}` already", at.interface);
        to.push(
            Diagnostic::new(mark.value.clone(), title)
                .label("the name is taken there")
                .also(other.at.clone(), "by this one"),
        );
        return;
    }
    if let Some(mut state) = world.take(at) {
        state.up = false;
        state.master = None;
        state.addresses.clear();
        let to = Place { node: node.clone(), interface: at.interface.clone() };
        world.move_wire(at, &to);
        world.put(to, state);
    }
}

fn of_interface(
    change: &Change,
    place: &Place,
    mark: &ChangeMark<'_>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    let Place { node, interface: name } = place;
    let state = &world.nodes[node];
    let interface = &state.interfaces[name];
    let wild = state.wild;
    let span = || mark.value.clone();
    match change {
        Change::Up(_, up) => {
            let up = *up;
            world.nodes.get_mut(node).expect("just found").set_up(name, up);
        }
        Change::Mtu(_, mtu) => {
            let v6 = interface
                .addresses
                .iter()
                .any(|net| Family::of_net(net) == Family::Ipv6 && interface.kind != Kind::Loopback);
            if let Some(diagnostic) = too_large(interface.kind, *mtu, span()) {
                to.push(diagnostic);
            }
            if *mtu < IPV6_MIN_MTU && v6 {
                // Legal: the kernel then takes the IPv6 addresses away.
                drop_ipv6(world, place);
            }
            if let Some(interface) =
                world.nodes.get_mut(node).and_then(|state| state.interfaces.get_mut(name))
            {
                interface.mtu = Some(*mtu);
            }
        }
        Change::Mac(..) if interface.kind == Kind::Tun => {
            let diagnostic = Diagnostic::new(span(), format!("`{name}` can't get a MAC"));
            to.push(diagnostic.label("a tun device has no MAC"));
        }
        Change::Mac(_, mac) => {
            if let Some(interface) =
                world.nodes.get_mut(node).and_then(|state| state.interfaces.get_mut(name))
            {
                interface.mac = Some(*mac);
            }
        }
        Change::Master(_, master) => {
            let kind = interface.kind;
            match master {
                Some(master) => {
                    if check_master(world, place, kind, master, &mark.value, to) {
                        enslave(place, master, true, &mark.value, world, to);
                    }
                }
                None => {
                    world.nodes.get_mut(node).expect("just found").set_master(name, None);
                }
            }
        }
        Change::Port(..) if interface.master.is_none() && !wild => {
            let title = format!("`{name}` is no port of a bridge at this point");
            let diagnostic = Diagnostic::new(span(), title).label("attributes of a port");
            to.push(diagnostic.help("say whose port it is: `master = \"br0\"`"));
        }
        Change::AddAddress(_, net) => {
            if !addresses::check(net, interface.kind, &mark.value, to) {
                return;
            }
            if interface.addresses.contains(net) && !wild {
                let title = format!("`{net}` is on `{name}` already");
                to.push(Diagnostic::new(span(), title));
                return;
            }
            if Family::of_net(net) == Family::Ipv6
                && let Some(mtu) = interface.mtu.filter(|&mtu| mtu < IPV6_MIN_MTU)
            {
                let title = format!("an interface with MTU {mtu} has no IPv6");
                let label = format!("IPv6 needs at least {IPV6_MIN_MTU}");
                to.push(Diagnostic::new(span(), title).label(label));
                return;
            }
            world.nodes.get_mut(node).expect("just found").add_address(name, *net);
        }
        Change::DelAddress(_, net) => {
            let there =
                world.nodes.get_mut(node).is_some_and(|state| state.del_address(name, *net));
            if !there && !wild && world.whole.addresses {
                not_there(place, net, span(), world, to);
            }
        }
        Change::InterfaceSysctl(_, sysctl) if moves_ipv6(&sysctl.knob) => world.loosen(node),
        _ => {}
    }
}

fn not_there(
    place: &Place,
    net: &ipnet::IpNet,
    span: Range<usize>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let addresses = &world.nodes[&place.node].interfaces[&place.interface].addresses;
    let title = format!("`{net}` is not on `{}` at this point", place.interface);
    let help = match addresses.iter().find(|have| have.addr() == net.addr()) {
        Some(have) => Some(format!("did you mean `{have}`?")),
        None if addresses.is_empty() => Some("it has no address at this point".to_owned()),
        None => None,
    };
    to.push(Diagnostic::new(span, title).label("no such address").maybe_help(help));
}

fn drop_ipv6(world: &mut World, place: &Place) {
    let Some(state) = world.nodes.get_mut(&place.node) else { return };
    let Some(interface) = state.interfaces.get(&place.interface) else { return };
    for net in interface.addresses.clone() {
        if Family::of_net(&net) == Family::Ipv6 {
            state.del_address(&place.interface, net);
        }
    }
}
