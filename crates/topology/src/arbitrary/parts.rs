//! What steps add and remove: nodes on a link to one that is there, and the same again; wires.

use super::pick;
use crate::model::*;

/// What was added and is still there, and what of the lab's own is not.
#[derive(Default)]
pub(super) struct Parts {
    count: u8,
    there: Vec<Added>,
    /// How many of the lab's own wires were removed.
    unplugged: usize,
}

struct Added {
    node: NodeName,
    /// The ends of its link, while that is there.
    link: Option<[Place; 2]>,
    /// An end of the wire that is in it, while that is there.
    wire: Option<Place>,
}

fn place(node: &NodeName, name: &str, number: u8) -> Place {
    let interface = format!("{name}{number}").parse().expect("it is a name");
    Place { node: node.clone(), interface }
}

impl Parts {
    pub(super) fn is_empty(&self) -> bool {
        self.there.is_empty()
    }

    /// A node and its link to one of the lab, in a subnet that nobody else has.
    pub(super) fn add(
        &mut self,
        picks: &[u8; 6],
        switches: &[bool; 4],
        lab: &Topology,
        taps: bool,
    ) -> Addition {
        let number = self.count;
        self.count += 1;
        let name: NodeName = format!("added.{number}").parse().expect("it is a name");
        let mut node = Node::new(name.clone());
        node.kind = [NodeKind::Host, NodeKind::Router, NodeKind::Bridge][usize::from(picks[0]) % 3];
        if node.kind == NodeKind::Bridge {
            let named = picks[1].is_multiple_of(2);
            let device = if named { place(&name, "sw", number) } else { place(&name, "br", 0) };
            let mut bridge = Bridge::new(device);
            bridge.stp = switches[0];
            node.bridges.push(bridge);
        }
        let mut a = Interface::new(place(&name, "up", number));
        a.master = master(&node, picks[2]);
        let other = pick(&lab.nodes, picks[3]).expect("a lab has a node");
        let mut b = Interface::new(place(&other.name, "down", number));
        b.master = master(other, picks[4]);
        for (end, host) in [(&mut a, 1), (&mut b, 2)] {
            if end.master.is_none() {
                end.addresses = vec![format!("10.251.{number}.{host}/24").parse().expect("one")];
            }
        }
        if switches[1] {
            a.mac = Mac::new([0x02, 0, 0, 1, 0, number]).ok();
        } else if !a.addresses.is_empty() {
            let via = format!("10.251.{number}.2").parse().expect("it is an address");
            let to = "0.0.0.0/0".parse().expect("it is a prefix");
            let route = Route { via: Some(via), ..Route::of_kind(RouteKind::Unicast, to) };
            node.routes.push(route);
        }
        if switches[2] {
            node.listeners.push(Listener::Tcp { port: 80, say: String::new() });
        }
        let mut addition = Addition::default();
        let mut wire = None;
        if taps && switches[3] {
            let mut interface = Interface::new(place(&name, "tap", number));
            interface.master = master(&node, picks[5]);
            interface.up = switches[0];
            let a = interface.place.clone();
            addition.taps.push(Tap { interface, mode: TapMode::Tap });
            if switches[2] {
                // No port: with two of them it would be a loop.
                let other = Interface::new(self::place(&name, "other", number));
                let b = other.place.clone();
                addition.taps.push(Tap { interface: other, mode: TapMode::Tap });
                wire = Some(b.clone());
                addition.wires.push(Wire { a, b });
            }
        }
        let link = Some([a.place.clone(), b.place.clone()]);
        self.there.push(Added { node: name, link, wire });
        addition.nodes.push(node);
        addition.links.push(Link { a, b });
        addition
    }

    /// A wire of the lab's own, or something that was added: a wire, a node, or its link by one of
    /// the ends.
    pub(super) fn remove(&mut self, picks: &[u8; 6], lab: &Topology) -> Option<Vec<Removed>> {
        if let Some(wire) = lab.wires.get(self.unplugged).filter(|_| picks[4].is_multiple_of(2)) {
            self.unplugged += 1;
            return Some(vec![Removed::Wire(wire.b.clone())]);
        }
        let mut wires = self.there.iter_mut().map(|added| &mut added.wire);
        if let Some(end) = wires.find_map(|wire| wire.take_if(|_| picks[3] % 4 != 3)) {
            return Some(vec![Removed::Wire(end)]);
        }
        let index = usize::from(picks[0]).checked_rem(self.there.len())?;
        let link = self.there[index].link.take();
        let Some(ends) = link.filter(|_| !picks[1].is_multiple_of(3)) else {
            let Added { node, .. } = self.there.remove(index);
            return Some(vec![Removed::Spot(Spot { node, interface: None })]);
        };
        let Place { node, interface } = ends[usize::from(picks[2]) % 2].clone();
        Some(vec![Removed::Spot(Spot { node, interface: Some(interface) })])
    }
}

/// One of the bridges of a node, mostly; every fourth time none.
fn master(node: &Node, which: u8) -> Option<IfName> {
    let bridge = pick(&node.bridges, which / 4).filter(|_| which % 4 != 3)?;
    Some(bridge.interface.place.interface.clone())
}

/// A node of the lab goes, perhaps to come back with nothing in it. Afterwards nothing more is
/// said of it.
pub(super) fn last(lab: &Topology, which: u8, again: bool) -> Vec<Action> {
    let Some(node) = pick(&lab.nodes, which) else { return Vec::new() };
    let spot = Spot { node: node.name.clone(), interface: None };
    let mut actions = vec![Action::Remove(vec![Removed::Spot(spot)])];
    if again {
        let nodes = vec![Node::new(node.name.clone())];
        actions.push(Action::Add(Addition { nodes, ..Addition::default() }));
    }
    actions
}
