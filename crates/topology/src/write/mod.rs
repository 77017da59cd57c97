//! The way back: a [`Topology`] as the text of a lab file, as a person would write it.

pub(crate) mod document;
mod network;
mod step;
mod string;

use document::{Table, Value};
pub(crate) use network::sysctl_value;

use crate::model::{Interface, Link, NodeKind, Tap, TapMode, Topology};

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
                nodes.set(node.name.as_str(), Value::Section(network::node(node)));
            }
            lab.set("node", Value::Group(nodes));
        }
        let sections = |lab: &mut Table, key, tables: Vec<Table>| {
            if !tables.is_empty() {
                lab.set(key, Value::Sections(tables));
            }
        };
        sections(&mut lab, "link", self.links.iter().map(|link| self.link(link)).collect());
        sections(&mut lab, "tap", self.taps.iter().map(|tap| self.tap(tap)).collect());
        sections(&mut lab, "step", self.steps.iter().map(step::step).collect());
        lab.to_document()
    }

    fn link(&self, link: &Link) -> Table {
        let mut table = Table::default();
        for (key, interface) in [("a", &link.a), ("b", &link.b)] {
            let end = self.interface(interface);
            let value = end.only("at").cloned();
            table.set(key, value.unwrap_or(Value::Table(end)));
        }
        table
    }

    fn tap(&self, tap: &Tap) -> Table {
        let mut table = self.interface(&tap.interface);
        if tap.mode != TapMode::default() {
            table.set("mode", Value::text(tap.mode.as_str()));
        }
        table
    }

    fn interface(&self, interface: &Interface) -> Table {
        let mut table = Table::default();
        table.set("at", Value::text(&interface.place));
        network::interface(&mut table, interface);
        let node = self.node(&interface.place.node);
        let bridges = node
            .filter(|node| node.kind == NodeKind::Bridge)
            .map_or(&[][..], |node| &node.bridges[..]);
        let is_implied = match bridges {
            [] => interface.master.is_none(),
            [only] => interface.master.as_ref() == Some(&only.interface.place.interface),
            // Of several bridges none is implied, nor is that it is of none.
            _ => false,
        };
        if !is_implied {
            table.set("master", network::master(interface.master.as_ref()));
        }
        table.set_table("port", network::port(&interface.port));
        table
    }
}
