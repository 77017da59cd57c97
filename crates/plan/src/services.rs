//! What runs in the nodes of a lab and between them, compared with what shall run.

use std::collections::HashMap;

use twinax_topology::{Command, Listener, Node, NodeName, Place, Topology, Wire};

/// What stops and what starts, each with its node; in the order of the lab that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turnover<'a, T> {
    /// What runs and shall not.
    pub goes: Vec<(&'a NodeName, &'a T)>,
    /// What shall run and does not.
    pub comes: Vec<(&'a NodeName, &'a T)>,
    /// What shall run otherwise: how it runs, and how it shall.
    pub changes: Vec<(&'a NodeName, &'a T, &'a T)>,
}

/// Which commands go, come and change; a command is known by its node and name.
pub fn services<'a>(current: &'a Topology, wanted: &'a Topology) -> Turnover<'a, Command> {
    turnover(current, wanted, |node| &node.commands, |command| command.name.clone())
}

/// Which listeners go, come and change; a listener is known by its node, protocol and
/// port.
pub fn listeners<'a>(current: &'a Topology, wanted: &'a Topology) -> Turnover<'a, Listener> {
    turnover(current, wanted, |node| &node.listeners, Listener::key)
}

/// Which wires go and which come, each in the order of its lab; a wire is known by its two devices,
/// whichever of them is said first.
pub fn wires<'c, 'w>(
    current: &'c Topology,
    wanted: &'w Topology,
) -> (Vec<&'c Wire>, Vec<&'w Wire>) {
    (lacking(&current.wires, &wanted.wires), lacking(&wanted.wires, &current.wires))
}

/// Those of which there is none among the others.
fn lacking<'a>(all: &'a [Wire], others: &[Wire]) -> Vec<&'a Wire> {
    let others: HashMap<&Place, &Wire> = others.iter().map(|wire| (&wire.a, wire)).collect();
    let is_there = |wire: &&Wire| {
        let by_either = [&wire.a, &wire.b].map(|place| others.get(place));
        by_either.into_iter().flatten().any(|other| wire.is_same(other))
    };
    all.iter().filter(|wire| !is_there(wire)).collect()
}

fn turnover<'a, T: PartialEq, K: std::hash::Hash + Eq>(
    current: &'a Topology,
    wanted: &'a Topology,
    of: impl Fn(&'a Node) -> &'a Vec<T>,
    key: impl Fn(&T) -> K,
) -> Turnover<'a, T> {
    let all = |lab: &'a Topology| -> Vec<(&'a NodeName, &'a T)> {
        lab.nodes.iter().flat_map(|node| of(node).iter().map(|own| (&node.name, own))).collect()
    };
    let index = |all: &[(&'a NodeName, &'a T)]| -> HashMap<(&'a NodeName, K), &'a T> {
        all.iter().map(|(node, own)| ((*node, key(own)), *own)).collect()
    };
    let (now, then) = (all(current), all(wanted));
    let (known, wanted) = (index(&now), index(&then));
    let mut turnover = Turnover { goes: Vec::new(), comes: Vec::new(), changes: Vec::new() };
    for (node, own) in now {
        match wanted.get(&(node, key(own))) {
            None => turnover.goes.push((node, own)),
            Some(wanted) if *wanted != own => turnover.changes.push((node, own, wanted)),
            Some(_) => {}
        }
    }
    let is_new = |(node, own): &(&'a NodeName, &'a T)| !known.contains_key(&(*node, key(own)));
    turnover.comes.extend(then.into_iter().filter(is_new));
    turnover
}
