//! Broadcast domains: what links and bridges join is one segment, and nothing may be twice on it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::ops::Range;

use crate::diagnostic::{Collector, Diagnostic};
use crate::lower::{Declared, Device, Draft};
use crate::model::{Mac, Place};

/// Reports addresses and MACs that two interfaces of one segment have.
pub(super) fn check(draft: &Draft<'_>, to: &mut Collector<'_>) {
    let segments = Segments::new(&draft.declared);
    let mut addresses: HashMap<(usize, IpAddr), Seen<'_>> = HashMap::new();
    let mut macs: HashMap<(usize, Mac), Seen<'_>> = HashMap::new();
    for (index, one) in draft.declared.iter().enumerate() {
        let segment = segments.of(index);
        for (number, net) in one.interface.addresses.iter().enumerate() {
            let key = (segment, net.addr());
            let seen = Seen { one, span: one.address_at(number) };
            if let Some((first, second)) = meet(&mut addresses, key, seen)
                // Twice in one node is said elsewhere, with other exceptions.
                && first.one.interface.place.node != second.one.interface.place.node
            {
                to.push(first.clash(&second, &format!("`{}`", net.addr())));
            }
        }
        if let Some(mac) = one.interface.mac {
            let seen = Seen { one, span: one.key(|keys| &keys.mac) };
            if let Some((first, second)) = meet(&mut macs, (segment, mac), seen)
                && !are_bridge_and_port(first.one, second.one)
            {
                to.push(first.clash(&second, &format!("the MAC `{mac}`")));
            }
        }
    }
}

/// An interface that has something, and where it is said.
#[derive(Clone)]
struct Seen<'d> {
    one: &'d Declared<'d>,
    span: Range<usize>,
}

impl Seen<'_> {
    fn clash(&self, second: &Self, what: &str) -> Diagnostic {
        let (here, there) = (&second.one.interface.place, &self.one.interface.place);
        Diagnostic::new(second.span.clone(), format!("{what} twice on one segment"))
            .label(format!("`{here}` has it"))
            .also(self.span.clone(), format!("and `{there}`"))
            .help("what links and bridges join is one segment")
    }
}

/// Enters something; gives both, if it was there before.
fn meet<'d, K: Eq + Hash>(
    map: &mut HashMap<K, Seen<'d>>,
    key: K,
    seen: Seen<'d>,
) -> Option<(Seen<'d>, Seen<'d>)> {
    match map.get(&key) {
        Some(first) => Some((first.clone(), seen)),
        None => {
            map.insert(key, seen);
            None
        }
    }
}

/// A bridge and its own port may share a MAC: the bridge takes that of a port by itself.
fn are_bridge_and_port(a: &Declared<'_>, b: &Declared<'_>) -> bool {
    let port_of = |port: &Declared<'_>, bridge: &Declared<'_>| {
        bridge.device == Device::Bridge
            && port.interface.place.node == bridge.interface.place.node
            && port.interface.master.as_ref() == Some(&bridge.interface.place.interface)
    };
    port_of(a, b) || port_of(b, a)
}

/// Which interfaces are on one segment (union-find).
struct Segments {
    parent: Vec<usize>,
}

impl Segments {
    fn new(declared: &[Declared<'_>]) -> Self {
        let mut segments = Self { parent: (0..declared.len()).collect() };
        let mut bridges: HashMap<&Place, usize> = HashMap::new();
        let mut ends: HashMap<usize, usize> = HashMap::new();
        for (index, one) in declared.iter().enumerate() {
            match one.device {
                Device::Bridge => {
                    bridges.entry(&one.interface.place).or_insert(index);
                }
                Device::Veth { link } => {
                    let first = *ends.entry(link).or_insert(index);
                    segments.join(first, index);
                }
                Device::Tap(_) => {}
            }
        }
        for (index, one) in declared.iter().enumerate() {
            let Some(master) = &one.interface.master else { continue };
            let place = Place { node: one.interface.place.node.clone(), interface: master.clone() };
            if let Some(&bridge) = bridges.get(&place) {
                segments.join(bridge, index);
            }
        }
        for index in 0..declared.len() {
            segments.parent[index] = segments.of(index);
        }
        segments
    }

    fn of(&self, mut index: usize) -> usize {
        while self.parent[index] != index {
            index = self.parent[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b)] = a.min(b);
    }

    /// As `of`, and halves the way for the next one.
    fn find(&mut self, mut index: usize) -> usize {
        while self.parent[index] != index {
            self.parent[index] = self.parent[self.parent[index]];
            index = self.parent[index];
        }
        index
    }
}
