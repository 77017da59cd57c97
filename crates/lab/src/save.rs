//! A running lab, written back as a lab file that builds the same.

use twinax_plan::Beyond;
use twinax_topology::{NodeName, Topology};

use crate::converge::ConvergeError;
use crate::{found, memory};

/// What a running lab is as a file.
#[derive(Debug)]
pub struct Saved {
    /// The lab.
    pub topology: Topology,
    /// What it has that a lab file has no words for.
    pub beyond: Vec<Beyond>,
    /// Whether steps that were applied are left out, because the lab has been changed in such a way
    /// that they could not be done any more.
    pub without_steps: bool,
}

/// The lab in the sandbox of the calling process, under this name.
pub fn save(name: &NodeName) -> Result<Saved, ConvergeError> {
    let known = memory::remembered()
        .map_err(twinax_kernel::Error::io("reading what was applied last"))
        .map_err(ConvergeError::Look)?;
    let found = found::to_save(name, known.as_ref()).map_err(ConvergeError::Look)?;
    let mut topology = found.topology;
    let steps = known.map(|known| known.steps).unwrap_or_default();
    let with_steps = Topology { steps, ..topology.clone() };
    let can_be_done = twinax_topology::parse(&with_steps.to_toml(), "the saved lab").is_ok();
    let without_steps = !can_be_done && !with_steps.steps.is_empty();
    if can_be_done {
        topology = with_steps;
    }
    Ok(Saved { topology, beyond: found.beyond, without_steps })
}
