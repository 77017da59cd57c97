//! The way back: a [`Topology`] as the text of a lab file, as a person would write it.

pub(crate) mod document;
mod network;
mod packets;
mod probes;
mod step;
mod string;

use document::{Table, Value};
pub(crate) use network::sysctl_value;

use crate::bridges::Bridges;
use crate::model::{Interface, Link, Tap, TapMode, Topology, Wire};

impl Topology {
    /// The lab as a lab file. What is the default is not written; parsing the text gives the same
    /// lab again. What the file had besides, comments and lay-out, is not in the lab and so not in
    /// the text.
    pub fn to_toml(&self) -> String {
        let mut lab = Table::default();
        lab.set("name", Value::text(&self.name));
        if !self.about.is_empty() {
            lab.set("about", Value::Prose(self.about.clone()));
        }
        if !self.nodes.is_empty() {
            let mut nodes = Table::default();
            for node in &self.nodes {
                nodes.add(node.name.as_str(), Value::Section(network::node(node)));
            }
            lab.set("node", Value::Group(nodes));
        }
        let mut bridges = Bridges::default();
        self.nodes.iter().for_each(|node| bridges.add(node));
        let sections = |lab: &mut Table, key, tables: Vec<Table>| {
            if !tables.is_empty() {
                lab.set(key, Value::Sections(tables));
            }
        };
        sections(&mut lab, "link", self.links.iter().map(|each| link(each, &bridges)).collect());
        sections(&mut lab, "tap", self.taps.iter().map(|each| tap(each, &bridges)).collect());
        sections(&mut lab, "wire", self.wires.iter().map(wire).collect());
        let steps = self.steps.iter().map(|step| step::step(step, &mut bridges));
        sections(&mut lab, "step", steps.collect());
        lab.to_document()
    }
}

fn link(link: &Link, bridges: &Bridges) -> Table {
    let mut table = Table::default();
    for (key, end) in [("a", &link.a), ("b", &link.b)] {
        let end = interface(end, bridges);
        let short = end.only("at").cloned();
        table.set(key, short.unwrap_or(Value::Table(end)));
    }
    table
}

fn tap(tap: &Tap, bridges: &Bridges) -> Table {
    let mut table = interface(&tap.interface, bridges);
    if tap.mode != TapMode::default() {
        table.set("mode", Value::text(tap.mode.as_str()));
    }
    table
}

fn wire(wire: &Wire) -> Table {
    let mut table = Table::default();
    table.set("a", Value::text(&wire.a));
    table.set("b", Value::text(&wire.b));
    table
}

fn interface(interface: &Interface, bridges: &Bridges) -> Table {
    let mut table = Table::default();
    table.set("at", Value::text(&interface.place));
    network::interface(&mut table, interface);
    let is_implied = match bridges.of(&interface.place.node) {
        [] => interface.master.is_none(),
        [only] => interface.master.as_ref() == Some(only),
        // Of several bridges none is implied, nor is that it is of none.
        _ => false,
    };
    if !is_implied {
        table.set("master", network::master(interface.master.as_ref()));
    }
    table.set_table("port", network::port(&interface.port));
    table
}
