//! A plan as a shell script.

use twinax_topology::Topology;

use crate::Step;

/// The `ip`, `bridge`, `sysctl` or `nft` command that does the same as a step.
pub fn command(step: &Step) -> String {
    format!("# {step:?}")
}

/// The whole plan of a lab as a shell script.
pub fn script(lab: &Topology) -> String {
    crate::build(lab).iter().map(|step| command(step) + "\n").collect()
}
