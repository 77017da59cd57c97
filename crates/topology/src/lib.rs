//! The lab file: text in, a valid [`Topology`] out, or every error at its place.
//!
//! This crate decides nothing and touches nothing: its only system call is reading the file that
//! it is told to read.
//!
//! ```text
//!  text ──toml──▶ spanned tree ──file──▶ keys ──lower──▶ Topology ──validate──▶ Topology
//!                                  │                │                  │
//!                                  └────────────────┴──── Diagnostics ─┘
//! ```

#[cfg(feature = "arbitrary")]
pub mod arbitrary;
pub mod model;
mod write;

pub use model::*;
