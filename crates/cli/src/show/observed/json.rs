//! What the kernel reports of a lab, as JSON: whatever was asked for, nothing left out.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use twinax_lab::wanted::State;
use twinax_plan::{
    ObservedFdb, ObservedLink, ObservedNeighbour, ObservedNode, ObservedRoute, ObservedRule,
};
use twinax_topology::{NodeName, Wire};

use super::Page;

#[derive(Serialize)]
struct Lab<'a> {
    lab: &'a NodeName,
    #[serde(serialize_with = "as_map")]
    nodes: Vec<(&'a NodeName, Node<'a>)>,
    /// Of the lab, also where one node alone is shown.
    wires: &'a [Wire],
}

#[derive(Serialize)]
struct Node<'a> {
    links: &'a [ObservedLink],
    routes: &'a [ObservedRoute],
    rules: &'a [ObservedRule],
    /// Only of one node alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbours: Option<&'a [ObservedNeighbour]>,
    fdb: &'a [ObservedFdb],
    tables: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<BTreeMap<&'a str, Option<&'a State>>>,
}

fn as_map<S: Serializer>(nodes: &[(&NodeName, Node<'_>)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(nodes.iter().map(|(name, node)| (name, node)))
}

impl Page<'_> {
    /// One document, on one line.
    pub fn json(&self) -> serde_json::Result<String> {
        let nodes = self.nodes.iter().map(|(name, node)| (name, self.node(node))).collect();
        Ok(serde_json::to_string(&Lab { lab: self.lab, nodes, wires: self.wires })? + "\n")
    }

    fn node<'a>(&'a self, node: &'a ObservedNode) -> Node<'a> {
        let services = || {
            let services = self.services.iter();
            services.map(|(name, _, state)| (name.as_str(), state.as_ref())).collect()
        };
        Node {
            links: &node.links,
            routes: &node.routes,
            rules: &node.rules,
            neighbours: self.deep.then_some(&node.neighbours),
            fdb: &node.fdb,
            tables: &node.tables,
            services: self.deep.then(services),
        }
    }
}
