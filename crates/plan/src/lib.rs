//! From a [`Topology`](twinax_topology::Topology) to ordered [`Step`]s, as data.
//!
//! Planning touches nothing. A plan can be printed ([`script`]), counted, compared, replayed; only
//! `twinax-lab` carries it out. Here is also [`Observed`], the words for what the kernel reports:
//! plan and observation share a vocabulary, so that one can be compared with the other.

mod build;
mod defaults;
mod difference;
pub mod firewall;
mod found;
mod observed;
mod remove;
mod script;
mod services;
mod step;

pub use build::{add, build, sysctls_before_devices};
pub use difference::{difference, sets_others};
pub use found::{Beyond, Found, Purpose, found, found_route, found_rule};
pub use observed::*;
pub use remove::remove;
pub use script::{command, route_words, rule_words, script, wire_command};
pub use services::{Turnover, listeners, services, wires};
pub use step::{Device, Step};
