//! Broadcast domains: what links, wires and bridges join is one segment, and nothing may be twice on it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::ops::Range;

use super::state::Kind;
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic};
use crate::lower::{Declared, Device, Parts};
use crate::model::{IfName, Mac, Place};

/// Reports addresses and MACs of new interfaces that another one of their segment has, be it new
/// or there already.
pub(super) fn check(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    let mut segments = Segments::default();
    // First, so that what a wire joins is known by it.
    for (number, (wire, _)) in (parts.declared.len()..).zip(&parts.wires) {
        segments.explore(&wire.a, number, world);
    }
    for (number, one) in parts.declared.iter().enumerate() {
        if world.has(one) {
            segments.explore(&one.interface.place, number, world);
        }
    }
    let mut addresses: HashMap<(usize, IpAddr), Seen> = HashMap::new();
    let mut macs: HashMap<(usize, Mac), Seen> = HashMap::new();
    for (segment, place) in segments.old {
        let Some(node) = world.nodes.get(&place.node).filter(|node| !node.wild) else { continue };
        let state = &node.interfaces[&place.interface];
        let seen = Seen {
            span: state.at.clone(),
            bridge: state.kind == Kind::Bridge,
            master: state.master.clone(),
            place,
        };
        let wire = segment.checked_sub(parts.declared.len()).map(|wire| &parts.wires[wire]);
        let mut joined = |clash: Option<(Seen, Seen)>, what: String| {
            if let (Some((first, second)), Some((_, keys))) = (clash, wire)
                && first.place.node != second.place.node
            {
                to.push(first.clash_by_wire(&second, &what, keys.span.clone()));
            }
        };
        for net in &state.addresses {
            let clash = meet(&mut addresses, (segment, net.addr()), seen.clone());
            joined(clash, format!("`{}`", net.addr()));
        }
        if let Some(mac) = state.mac {
            joined(meet(&mut macs, (segment, mac), seen), format!("the MAC `{mac}`"));
        }
    }
    for one in &parts.declared {
        let Some(&segment) = segments.of.get(&one.interface.place).filter(|_| world.has(one))
        else {
            continue;
        };
        for (number, net) in one.interface.addresses.iter().enumerate() {
            let seen = Seen::new(one, one.address_at(number));
            if let Some((first, second)) = meet(&mut addresses, (segment, net.addr()), seen)
                // Twice in one node is said elsewhere, with other exceptions.
                && first.place.node != second.place.node
            {
                to.push(first.clash(&second, &format!("`{}`", net.addr())));
            }
        }
        if let Some(mac) = one.interface.mac {
            let seen = Seen::new(one, one.key(|keys| &keys.mac));
            if let Some((first, second)) = meet(&mut macs, (segment, mac), seen)
                && !first.is_port_of(&second)
                && !second.is_port_of(&first)
            {
                to.push(first.clash(&second, &format!("the MAC `{mac}`")));
            }
        }
    }
}

/// An interface that has something, and where it is said.
#[derive(Clone)]
struct Seen {
    place: Place,
    span: Range<usize>,
    bridge: bool,
    master: Option<IfName>,
}

impl Seen {
    fn new(one: &Declared<'_>, span: Range<usize>) -> Self {
        Self {
            place: one.interface.place.clone(),
            span,
            bridge: one.device == Device::Bridge,
            master: one.interface.master.clone(),
        }
    }

    fn clash(&self, second: &Self, what: &str) -> Diagnostic {
        let (here, there) = (&second.place, &self.place);
        Diagnostic::new(second.span.clone(), format!("{what} twice on one segment"))
            .label(format!("`{here}` has it"))
            .also(self.span.clone(), format!("and `{there}`"))
            .help(ONE_SEGMENT)
    }

    /// Both were there, and now there is a wire between them.
    fn clash_by_wire(&self, second: &Self, what: &str, wire: Range<usize>) -> Diagnostic {
        let (here, there) = (&second.place, &self.place);
        Diagnostic::new(wire, format!("{what} twice on one segment"))
            .label("joined by this wire")
            .also(second.span.clone(), format!("`{here}` has it"))
            .also(self.span.clone(), format!("and `{there}`"))
            .help(ONE_SEGMENT)
    }

    /// A bridge and its own port may share a MAC: the bridge takes that of a port by itself.
    fn is_port_of(&self, bridge: &Self) -> bool {
        bridge.bridge
            && self.place.node == bridge.place.node
            && self.master.as_ref() == Some(&bridge.place.interface)
    }
}

const ONE_SEGMENT: &str = "what links, wires and bridges join is one segment";

/// Enters something; gives both, if it was there before.
fn meet<K: Eq + Hash>(map: &mut HashMap<K, Seen>, key: K, seen: Seen) -> Option<(Seen, Seen)> {
    match map.get(&key) {
        Some(first) => Some((first.clone(), seen)),
        None => {
            map.insert(key, seen);
            None
        }
    }
}

/// Which interfaces are on one segment.
#[derive(Default)]
struct Segments {
    of: HashMap<Place, usize>,
    /// Those that were there before the new ones, with the number of their segment.
    old: Vec<(usize, Place)>,
}

impl Segments {
    /// Gives this number to all that is on one segment with an interface, unless it has one.
    fn explore(&mut self, from: &Place, number: usize, world: &mut World) {
        let mut next = vec![from.clone()];
        while let Some(place) = next.pop() {
            let Some(node) = world.nodes.get(&place.node) else { continue };
            let Some(state) = node.interfaces.get(&place.interface) else { continue };
            if self.of.contains_key(&place) {
                continue;
            }
            if state.round != world.round {
                if world.patience == 0 {
                    return;
                }
                world.patience -= 1;
                self.old.push((number, place.clone()));
            }
            let beside = |interface: &IfName| Place {
                node: place.node.clone(),
                interface: interface.clone(),
            };
            if let Some(link) = state.link {
                next.extend(world.ends(link).iter().filter(|end| **end != place).cloned());
            }
            next.extend(world.wire_of(&place).map(|wired| wired.other.clone()));
            if let Some(master) = &state.master
                && node.interfaces.get(master).is_some_and(|master| master.kind == Kind::Bridge)
            {
                next.push(beside(master));
            }
            if state.kind == Kind::Bridge {
                next.extend(node.ports(&place.interface).map(beside));
            }
            self.of.insert(place, number);
        }
    }
}
