//! A lab, running: the sandbox it lives in, how it is built there, and what can be done with it.
//!
//! ```text
//!  run ──▶ sandbox ──▶ lab ──▶ apply ──▶ kernel
//!             │          └───▶ check ──▶ probe, exec, kernel::observe
//!             └── events ──▶ report
//! ```

pub mod apply;
pub mod check;
pub mod doctor;
pub mod exec;
pub mod hint;
pub mod lab;
pub mod nodes;
pub mod probe;
mod programs;
mod remedy;
pub mod report;
pub mod requirements;
pub mod run;
pub mod sandbox;
pub mod service;

pub use lab::{Lab, LabError};
pub use run::run;
