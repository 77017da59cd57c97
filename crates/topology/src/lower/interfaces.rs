//! Bridges, ends of links, and TUN/TAP devices.

use std::ops::Range;

use super::{Before, Parts, knobs};
use crate::bridges::Bridges;
use crate::diagnostic::{Collector, Diagnostic, quoted};
use crate::file::{
    self, At, BridgeKeys, End, EndKeys, Field, InterfaceKeys, PartsKeys, PortKeys, Setting,
    TapKeys, Text, each, named,
};
use crate::model::{
    Bridge, DEFAULT_BRIDGE, IfName, Interface, InterfaceSysctl, Link, NodeKind, Place,
    PortAttributes, Tap, TapMode,
};

/// An interface that the lab declares, with the places of its words.
pub(crate) struct Declared<'k> {
    pub interface: Interface,
    pub device: Device,
    /// Where its name (`node:interface`) stands.
    pub at: Range<usize>,
    pub keys: Option<&'k InterfaceKeys>,
    /// Where its bridge is named, or else where it stands itself.
    pub master: Range<usize>,
    /// Where its attributes as a port are.
    pub port: Option<Range<usize>>,
    /// The key of each sysctl.
    pub sysctls: Vec<Range<usize>>,
}

/// What kind of interface it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    Bridge,
    /// The end of a link; of the ends of one link the second follows the first.
    Veth {
        link: usize,
    },
    Tap(TapMode),
}

impl Declared<'_> {
    /// Where the address of this number stands.
    pub(crate) fn address_at(&self, index: usize) -> Range<usize> {
        let listed = self.keys.and_then(|keys| each(&keys.ip).get(index));
        listed.map_or_else(|| self.at.clone(), |at| at.span.clone())
    }

    /// Where a key's value stands, or else the interface.
    pub(crate) fn key<T>(&self, field: impl Fn(&InterfaceKeys) -> &Field<T>) -> Range<usize> {
        let value = self.keys.and_then(|keys| field(keys).get());
        value.map_or_else(|| self.at.clone(), |at| at.span.clone())
    }
}

pub(super) fn lower<'k>(
    parts: &mut Parts<'k>,
    keys: &'k PartsKeys,
    before: &mut Before,
    to: &mut Collector<'_>,
) {
    for index in 0..parts.nodes.len() {
        lower_bridges(parts, index, to);
        before.bridges.add(&parts.nodes[index].0);
    }
    for link in each(&keys.link) {
        let device = Device::Veth { link: before.links };
        before.links += 1;
        let mut end = |field: &'k Field<End>, to: &mut Collector<'_>| {
            let end = field.get();
            let lowered =
                end.and_then(|end| lower_end(parts, &end.value.0, device, &before.bridges, to));
            parts.whole.interfaces &= lowered.is_some();
            lowered
        };
        let a = end(&link.value.a, to);
        let b = end(&link.value.b, to);
        if let (Some(a), Some(b)) = (a, b) {
            parts.links.push(Link { a, b });
        }
    }
    for tap in each(&keys.tap) {
        let TapKeys { end, mode } = &tap.value;
        let mode = mode.value().unwrap_or_default();
        match lower_end(parts, end, Device::Tap(mode), &before.bridges, to) {
            Some(interface) => parts.taps.push(Tap { interface, mode }),
            None => parts.whole.interfaces = false,
        }
    }
}

fn lower_bridges(parts: &mut Parts<'_>, index: usize, to: &mut Collector<'_>) {
    let (node, marks) = &parts.nodes[index];
    let (name, kind, node_at, keys) =
        (node.name.clone(), node.kind, marks.name.clone(), marks.keys);
    let mut made = Vec::new();
    for (key, bridge_keys) in named(&keys.bridge) {
        let Some(interface) = file::read_key::<IfName>(key, to) else {
            parts.whole.interfaces = false;
            continue;
        };
        let place = Place { node: name.clone(), interface };
        let (interface, sysctls) = common(parts, place, &bridge_keys.common, to);
        made.push(bridge(interface, bridge_keys));
        let at = key.span.clone();
        parts.declared.push(Declared {
            interface: made.last().expect("just pushed").interface.clone(),
            device: Device::Bridge,
            at: at.clone(),
            keys: Some(&bridge_keys.value.common),
            master: at,
            port: None,
            sysctls,
        });
    }
    if kind == NodeKind::Bridge && made.is_empty() && !keys.bridge.is_bad() {
        let interface: IfName = DEFAULT_BRIDGE.parse().expect("a valid name");
        let bridge = Bridge::new(Place { node: name.clone(), interface });
        parts.declared.push(Declared {
            interface: bridge.interface.clone(),
            device: Device::Bridge,
            at: node_at.clone(),
            keys: None,
            master: node_at,
            port: None,
            sysctls: Vec::new(),
        });
        made.push(bridge);
    }
    parts.nodes[index].0.bridges = made;
}

fn bridge(interface: Interface, keys: &At<BridgeKeys>) -> Bridge {
    Bridge {
        interface,
        stp: keys.stp.value().unwrap_or(false),
        ageing: keys.ageing.value(),
        forward_delay: keys.forward_delay.value(),
        priority: keys.priority.value().map(|priority| priority.0 as u16),
        multicast_snooping: keys.multicast_snooping.value(),
    }
}

fn lower_end<'k>(
    parts: &mut Parts<'k>,
    keys: &'k EndKeys,
    device: Device,
    bridges: &Bridges,
    to: &mut Collector<'_>,
) -> Option<Interface> {
    let at = keys.at.get()?;
    let (mut interface, sysctls) = common(parts, at.value.clone(), &keys.common, to);
    interface.master = match keys.master.get() {
        Some(master) => master.value.0.clone(),
        None if keys.master.is_bad() => None,
        None => match bridges.of(&interface.place.node) {
            [] => None,
            [only] => Some(only.clone()),
            several => {
                let node = &interface.place.node;
                let names: Vec<_> = several.iter().map(|name| quoted(name.as_str())).collect();
                let title = format!("node `{node}` has several bridges; whose port is this?");
                let help = format!("write `master = …`: {}, or false", names.join(", "));
                to.push(Diagnostic::new(at.span.clone(), title).help(help));
                None
            }
        },
    };
    interface.port = keys.port.get().map(port_attributes).unwrap_or_default();
    let place = at.span.clone();
    parts.declared.push(Declared {
        interface: interface.clone(),
        device,
        master: keys.master.get().map_or_else(|| place.clone(), |master| master.span.clone()),
        at: place,
        keys: Some(&keys.common),
        port: keys.port.key(),
        sysctls,
    });
    Some(interface)
}

fn common(
    parts: &mut Parts<'_>,
    place: Place,
    keys: &InterfaceKeys,
    to: &mut Collector<'_>,
) -> (Interface, Vec<Range<usize>>) {
    parts.whole.addresses &= file::whole(&keys.ip);
    let mut interface = Interface::new(place);
    interface.mac = keys.mac.value();
    interface.mtu = keys.mtu.value().map(|mtu| mtu.0 as u32);
    interface.addresses = each(&keys.ip).iter().map(|ip| ip.value.0).collect();
    interface.up = keys.up.value().unwrap_or(true);
    let mut places = Vec::new();
    for (key, value) in named(&keys.sysctl) {
        if let Some(sysctl) = interface_sysctl(key, value, to) {
            interface.sysctls.push(sysctl);
            places.push(key.span.clone());
        }
    }
    (interface, places)
}

pub(super) fn port_attributes(keys: &At<PortKeys>) -> PortAttributes {
    PortAttributes {
        isolated: keys.isolated.value(),
        hairpin: keys.hairpin.value(),
        learning: keys.learning.value(),
        flood: keys.flood.value(),
        mcast_flood: keys.mcast_flood.value(),
        bcast_flood: keys.bcast_flood.value(),
        guard: keys.guard.value(),
        root_block: keys.root_block.value(),
        neigh_suppress: keys.neigh_suppress.value(),
        cost: keys.cost.value().map(|cost| cost.0 as u16),
        priority: keys.priority.value().map(|priority| priority.0 as u8),
    }
}

/// A sysctl of an interface.
pub(super) fn interface_sysctl(
    key: &At<Text>,
    value: &At<Setting>,
    to: &mut Collector<'_>,
) -> Option<InterfaceSysctl> {
    let name = &key.value.0;
    if let Ok(sysctl) = InterfaceSysctl::new(name, value.value.0.clone()) {
        let Some(meant) = knobs::meant(sysctl.family, &sysctl.knob) else { return Some(sysctl) };
        let title = format!("there is no sysctl {}", quoted(name));
        let meant = InterfaceSysctl { knob: meant.to_owned(), ..sysctl };
        let help = format!("did you mean `{}`?", meant.key());
        to.push(Diagnostic::new(key.span.clone(), title).help(help));
        return None;
    }
    let shorter = shorter(name).filter(|short| InterfaceSysctl::new(short, "").is_ok());
    let help = match shorter {
        Some(short) => format!("write {}: whose it is, is known here", quoted(&short)),
        None => "write `ipv4.KNOB`, `ipv6.KNOB`, `ipv4.neigh.KNOB` or `ipv6.neigh.KNOB`".to_owned(),
    };
    let title = format!("{} is no sysctl of an interface", quoted(name));
    to.push(Diagnostic::new(key.span.clone(), title).help(help));
    None
}

/// `ipv4.rp_filter` for `net.ipv4.conf.eth0.rp_filter`.
fn shorter(name: &str) -> Option<String> {
    let (family, rest) = name.strip_prefix("net.")?.split_once('.')?;
    let (group, rest) = rest.split_once('.')?;
    let (_, knob) = rest.rsplit_once('.')?;
    match group {
        "conf" => Some(format!("{family}.{knob}")),
        "neigh" => Some(format!("{family}.neigh.{knob}")),
        _ => None,
    }
}
