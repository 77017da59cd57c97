//! The tests of this crate: one binary, one file for each feature.

mod additions;
mod corpus;
mod hostile;
mod one_step;
mod packets;
mod removals;
mod rendering;
mod roundtrip;
mod rules;
mod rules_of_nodes;
mod schema;
mod steps;
mod wires;
