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
mod bridges;
pub mod builder;
mod diagnostic;
mod file;
mod lower;
pub mod model;
mod reading;
mod schema;
mod validate;
mod write;

pub use diagnostic::{Diagnostic, Diagnostics, Finding};
pub use model::*;
pub use reading::{
    MAX_FILE, MAX_NODES, ReadError, parse, parse_step, parse_step_for, read, read_from,
};
pub use schema::schema;
