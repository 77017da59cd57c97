//! The tests of this crate: one binary, one file for each feature.

mod corpus;
mod roundtrip;
