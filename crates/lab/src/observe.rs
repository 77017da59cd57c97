//! What the kernel reports of the nodes of a lab, in the sandbox of the calling process.

use twinax_kernel::Error;
use twinax_kernel::observe::{What, lab};
use twinax_plan::Observed;
use twinax_topology::NodeName;

use crate::nodes;

/// What is asked for of these nodes, in this order.
pub fn nodes(names: Vec<NodeName>, what: &What<'_>) -> Result<Observed, Error> {
    let seen = lab(&names, &|index| nodes::open(&names[index]), what)?;
    Ok(Observed { nodes: names.into_iter().zip(seen).collect() })
}
