//! Whose port an interface is where nothing is said: that of the one bridge of its node, where the
//! node is of kind `bridge`. So it must be known which bridges such nodes have, at each step.

use std::collections::HashMap;

use crate::model::{IfName, Node, NodeKind, NodeName, Spot};

/// The bridges of the nodes of kind `bridge`.
#[derive(Debug, Default)]
pub(crate) struct Bridges(HashMap<NodeName, Vec<IfName>>);

impl Bridges {
    /// A node comes into the lab.
    pub(crate) fn add(&mut self, node: &Node) {
        if node.kind == NodeKind::Bridge {
            let names = node.bridges.iter().map(|bridge| &bridge.interface.place.interface);
            self.0.insert(node.name.clone(), names.cloned().collect());
        }
    }

    /// A node or a device leaves it.
    pub(crate) fn remove(&mut self, spot: &Spot) {
        match &spot.interface {
            None => {
                self.0.remove(&spot.node);
            }
            Some(device) => {
                if let Some(bridges) = self.0.get_mut(&spot.node) {
                    bridges.retain(|bridge| bridge != device);
                }
            }
        }
    }

    /// Those of a node; none where it is of another kind.
    pub(crate) fn of(&self, node: &NodeName) -> &[IfName] {
        self.0.get(node).map_or(&[], Vec::as_slice)
    }
}
