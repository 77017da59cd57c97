//! Interfaces: names that clash, bridges and their ports, MTUs, MACs.

use std::ops::Range;

use super::state::{IfState, Kind};
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::named;
use crate::lower::{Declared, Device, Parts};
use crate::model::{Family, IfName, Place, SysctlFamily};

/// The most ports of a bridge (`BR_MAX_PORTS`, `net/bridge/br_private.h`; number 0 is not used).
const MAX_PORTS: usize = 1023;

/// The smallest MTU with which an interface has IPv6 (`IPV6_MIN_MTU`).
pub(super) const IPV6_MIN_MTU: u32 = 1280;

/// Puts what is declared into the world, and reports what can't be there.
pub(super) fn declare(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    for one in &parts.declared {
        let home = world.name(one);
        let Place { node, interface } = &one.interface.place;
        let state = world.nodes.get(node);
        own_words(one, state.and_then(|state| state.no_ipv6.as_ref()), to);
        let Some(state) = state else {
            world.no_node(node, one.at.clone(), to);
            continue;
        };
        if one.device == Device::Bridge && !world.is_new(node) {
            // The node's name is taken, and that has been said.
            continue;
        }
        match state.interfaces.get(interface) {
            Some(other) if other.kind == Kind::Loopback => {
                let title = "`lo` is the node's loopback device";
                let diagnostic = Diagnostic::new(one.at.clone(), title);
                to.push(diagnostic.help("give the interface another name"));
                continue;
            }
            Some(other) if !state.wild => {
                let title = format!("two interfaces of the name `{interface}` in node `{node}`");
                to.push(
                    Diagnostic::new(one.at.clone(), title)
                        .label("the second one")
                        .also(other.at.clone(), "the first one"),
                );
                continue;
            }
            _ => {}
        }
        let (kind, link) = match one.device {
            Device::Bridge => (Kind::Bridge, None),
            Device::Veth { link } => (Kind::Veth, Some(link)),
            Device::Tap(mode) => (mode.into(), None),
        };
        let state = IfState {
            kind,
            up: one.interface.up,
            // What it is given is checked first.
            addresses: Vec::new(),
            master: None,
            mtu: one.interface.mtu,
            mac: one.interface.mac,
            link,
            at: one.at.clone(),
            round: world.round,
            home: Some(home),
        };
        world.put(one.interface.place.clone(), state);
    }
}

/// What is wrong with an interface by itself.
fn own_words(one: &Declared<'_>, node_disabled: Option<&Range<usize>>, to: &mut Collector<'_>) {
    let interface = &one.interface;
    if matches!(one.device, Device::Tap(crate::model::TapMode::Tun)) && interface.mac.is_some() {
        let title = "a tun device has no MAC: it carries packets, not frames";
        to.push(Diagnostic::new(one.key(|keys| &keys.mac), title).help("write `mode = \"tap\"`"));
    }
    if let (Device::Tap(mode), Some(mtu)) = (one.device, interface.mtu)
        && let Some(diagnostic) = too_large(mode.into(), mtu, one.key(|keys| &keys.mtu))
    {
        to.push(diagnostic);
    }
    let v6 = interface.addresses.iter().position(|net| Family::of_net(net) == Family::Ipv6);
    let Some(first) = v6 else { return };
    if let Some(mtu) = interface.mtu.filter(|&mtu| mtu < IPV6_MIN_MTU) {
        let title = format!("an interface with MTU {mtu} has no IPv6");
        to.push(
            Diagnostic::new(one.key(|keys| &keys.mtu), title)
                .label(format!("IPv6 needs at least {IPV6_MIN_MTU}"))
                .also(one.address_at(first), "this address can't be there"),
        );
    }
    let own = interface.sysctls.iter().zip(&one.sysctls).rev().find(|(sysctl, _)| {
        sysctl.family == SysctlFamily::Ipv6Conf && sysctl.knob == "disable_ipv6"
    });
    let disabled = match own {
        Some((sysctl, place)) => (sysctl.value.trim() != "0").then_some(place),
        None => node_disabled,
    };
    if let Some(place) = disabled {
        to.push(
            Diagnostic::new(one.address_at(first), "an IPv6 address where IPv6 is disabled")
                .label("the kernel refuses it")
                .also(place.clone(), "disabled here"),
        );
    }
}

/// The largest MTU of a TAP device: `MAX_MTU` of `drivers/net/tun.c` less the Ethernet header.
const TAP_MAX_MTU: u32 = 65_521;

/// An MTU that a device of this kind can't have.
pub(super) fn too_large(kind: Kind, mtu: u32, at: Range<usize>) -> Option<Diagnostic> {
    (kind == Kind::Tap && mtu > TAP_MAX_MTU).then(|| {
        Diagnostic::new(at, "the MTU is too large for a TAP device")
            .label(format!("at most {TAP_MAX_MTU} is possible"))
    })
}

/// Bridges and their ports.
pub(super) fn ports(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    for one in &parts.declared {
        let interface = &one.interface.place.interface;
        match &one.interface.master {
            Some(master) => {
                let kind = match one.device {
                    Device::Tap(mode) => mode.into(),
                    _ => Kind::Veth,
                };
                let place = &one.interface.place;
                let good = check_master(world, place, kind, master, &one.master, to);
                if world.has(one) {
                    enslave(place, master, good, &one.at, world, to);
                }
            }
            None => {
                if let Some(place) = &one.port
                    && !one.interface.port.is_empty()
                {
                    let title = format!("`{interface}` is no port of a bridge");
                    to.push(
                        Diagnostic::new(place.clone(), title)
                            .label("attributes of a port")
                            .help("say whose port it is: `master = \"br0\"`"),
                    );
                }
            }
        }
    }
    for (node, marks) in &parts.nodes {
        for bridge in &node.bridges {
            let keys = named(&marks.keys.bridge)
                .iter()
                .find(|(name, _)| name.value.0 == bridge.interface.place.interface.as_str());
            if let Some((_, keys)) = keys {
                bridge_times(bridge, &keys.value, to);
            }
        }
    }
}

/// Makes an interface a port; where the bridge can have ports, reports one too many.
pub(super) fn enslave(
    place: &Place,
    master: &IfName,
    good: bool,
    span: &Range<usize>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    let Place { node, interface } = place;
    let Some(state) = world.nodes.get_mut(node) else { return };
    let ports = state.set_master(interface, Some(master.clone()));
    if good && ports == MAX_PORTS + 1 && !state.wild {
        let title = format!("bridge `{master}` of node `{node}` has too many ports");
        let label = format!("a bridge has at most {MAX_PORTS}");
        to.push(Diagnostic::new(span.clone(), title).label(label));
    }
}

fn bridge_times(
    bridge: &crate::model::Bridge,
    keys: &crate::file::BridgeKeys,
    to: &mut Collector<'_>,
) {
    for (name, field) in [("ageing", &keys.ageing), ("forward_delay", &keys.forward_delay)] {
        let Some(span) = field.get() else { continue };
        let nanos = span.value.0.as_nanos();
        if !nanos.is_multiple_of(10_000_000) {
            let title = format!("`{name}` is kept in hundredths of a second");
            to.push(Diagnostic::new(span.span.clone(), title).label("finer than that"));
        } else if nanos / 10_000_000 > u128::from(u32::MAX / 100) {
            let title = format!("`{name}` is too long for the kernel");
            to.push(Diagnostic::new(span.span.clone(), title));
        }
    }
    if let Some(delay) = keys.forward_delay.get()
        && bridge.stp
        && !(2.0..=30.0).contains(&delay.value.0.as_secs_f64())
    {
        let title = "with `stp`, `forward_delay` is from 2s to 30s";
        to.push(Diagnostic::new(delay.span.clone(), title).label("out of range"));
    }
}

/// Whether an interface can be a port of a bridge; reports where not.
pub(super) fn check_master(
    world: &World,
    place: &Place,
    kind: Kind,
    master: &IfName,
    span: &Range<usize>,
    to: &mut Collector<'_>,
) -> bool {
    let Place { node, interface } = place;
    let Some(state) = world.nodes.get(node) else { return false };
    let cant = match kind {
        Kind::Tun => Some("a tun device carries packets, a bridge frames"),
        Kind::Bridge => Some("a bridge can't be a port of a bridge"),
        Kind::Loopback => Some("the loopback device can't be a port of a bridge"),
        Kind::Veth | Kind::Tap => None,
    };
    if let Some(why) = cant {
        let title = format!("`{interface}` can't be a port of bridge `{master}`");
        let help =
            (kind == Kind::Tun).then(|| "write `mode = \"tap\"`, or `master = false`".to_owned());
        to.push(Diagnostic::new(span.clone(), title).label(why).maybe_help(help));
        return false;
    }
    match state.interfaces.get(master) {
        Some(found) if found.kind == Kind::Bridge => true,
        Some(found) => {
            let title = format!("`{master}` is no bridge");
            to.push(
                Diagnostic::new(span.clone(), title)
                    .label("not a bridge")
                    .also(found.at.clone(), "declared here"),
            );
            false
        }
        None if state.wild || !world.whole.interfaces => false,
        None => {
            let bridges = state.interfaces.iter().filter(|(_, state)| state.kind == Kind::Bridge);
            let names: Vec<&str> = bridges.map(|(name, _)| name.as_str()).collect();
            let help = to
                .meant(master.as_str(), names.iter().copied())
                .or_else(|| Some(format!("declare it: [node.{node}.bridge.{master}]")));
            let title = format!("no bridge `{master}` in node `{node}`");
            to.push(Diagnostic::new(span.clone(), title).label("no such bridge").maybe_help(help));
            false
        }
    }
}
