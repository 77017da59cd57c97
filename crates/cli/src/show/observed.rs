//! What the kernel reports of a lab, on one page: a block for each node.

mod json;
mod lines;

use twinax_lab::wanted::{State, What};
use twinax_plan::{ObservedLink, ObservedNode};
use twinax_topology::{NodeName, Place, Wire};

use super::run::counted;
use super::table::{Align, table};
use super::{BOLD, styled};

/// What is shown of a lab.
pub struct Page<'a> {
    /// Its name.
    pub lab: &'a NodeName,
    /// Its nodes, in the order in which they are shown.
    pub nodes: &'a [(NodeName, ObservedNode)],
    /// Whether it is one node alone, with all that there is in it.
    pub deep: bool,
    /// Whether that is shown, too, which the kernel makes by itself.
    pub all: bool,
    /// The wires of the lab.
    pub wires: &'a [Wire],
    /// What listens and runs in the node, and which wires end there that are called by it, by name.
    pub services: Vec<(String, What, Option<State>)>,
}

impl Page<'_> {
    /// As text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.deep {
            let count = counted(self.nodes.len(), "node");
            text = format!("{}: {count}\n", styled(BOLD, self.lab));
        }
        let mut interfaces = self.interfaces().into_iter();
        for (name, node) in self.nodes {
            let title = if self.deep { format!("{}/{name}", self.lab) } else { name.to_string() };
            text += &format!("{}\n", styled(BOLD, title));
            text += &interfaces.next().unwrap_or_default();
            if self.deep {
                text += &self.in_depth(node);
            } else {
                for route in node.routes.iter().filter(|route| self.all || lines::is_of_note(route))
                {
                    text += &format!("  {}\n", lines::route(route));
                }
            }
        }
        text
    }

    /// The lines of the interfaces of each node; on the whole page the columns are as wide.
    fn interfaces(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let mut counts = Vec::new();
        for (name, node) in self.nodes {
            let shown = node.links.iter().filter(|link| self.is_shown(link));
            let before = rows.len();
            rows.extend(shown.map(|link| {
                let wire = self.wire(name, link);
                lines::interface(name, node, link, wire, self.all)
            }));
            counts.push(rows.len() - before);
        }
        let text = table(&rows, &[Align::Left; lines::COLUMNS]);
        let mut lines = text.lines();
        let indented = |lines: &mut std::str::Lines<'_>, count| {
            lines.take(count).map(|line| format!("  {line}\n")).collect::<String>()
        };
        counts.into_iter().map(|count| indented(&mut lines, count)).collect()
    }

    /// The device at the other end of the wire of a device.
    fn wire(&self, node: &NodeName, link: &ObservedLink) -> Option<&Place> {
        let place = Place { node: node.clone(), interface: link.name.parse().ok()? };
        self.wires.iter().find_map(|wire| wire.other_end(&place))
    }

    /// A loopback device as every node has it tells nothing, nor does a device that a kernel module
    /// makes in each namespace.
    fn is_shown(&self, link: &ObservedLink) -> bool {
        let is_usual = match link.name.as_str() {
            "lo" => link.up && lines::addresses(link, false).is_empty(),
            _ => !link.up && link.addresses.is_empty(),
        };
        self.all || self.deep || !(link.is_native() && is_usual)
    }

    fn in_depth(&self, node: &ObservedNode) -> String {
        let ports = node.links.iter().filter_map(lines::port).collect();
        let routes = node.routes.iter().filter(|route| self.all || lines::is_of_note(route));
        let rules = node.rules.iter().filter(|rule| self.all || !lines::is_default(rule));
        let neighbours = node.neighbours.iter().filter(|own| self.all || lines::is_neighbour(own));
        let fdb = node.fdb.iter().filter(|entry| self.all || lines::is_station(entry));
        let services = self.services.iter();
        let sections: [(&str, Vec<String>); 7] = [
            ("ports", ports),
            ("routes", routes.map(lines::route).collect()),
            ("rules", rules.map(lines::rule).collect()),
            ("neighbours", neighbours.map(lines::neighbour).collect()),
            ("forwarding database", fdb.map(lines::fdb).collect()),
            ("nftables", node.tables.iter().map(|table| format!("table {table}")).collect()),
            (
                "services",
                services
                    .map(|(name, what, state)| lines::service(name, what, state.as_ref()))
                    .collect(),
            ),
        ];
        let mut text = String::new();
        for (title, lines) in sections.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            text += &format!("  {}\n", styled(BOLD, title));
            text.extend(lines.into_iter().map(|line| format!("    {}\n", super::printable(&line))));
        }
        text
    }
}
