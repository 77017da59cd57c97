//! From a [`Topology`](twinax_topology::Topology) to ordered [`Step`]s, as data.
//!
//! Planning touches nothing. A plan can be printed ([`script`]), counted, compared, replayed; only
//! `twinax-lab` carries it out. Here is also [`Observed`], the words for what the kernel reports:
//! plan and observation share a vocabulary, so that one can be compared with the other.

mod build;
pub mod firewall;
mod observed;
mod script;
mod step;

pub use build::build;
pub use observed::*;
pub use script::{command, script};
pub use step::{Device, Step};
