//! A lab, running: the sandbox it lives in, how it is built there, and what can be done with it.
//!
//! ```text
//!  run ──▶ sandbox ──▶ lab ──▶ apply ──▶ kernel
//!             │         │└───▶ check ──▶ probe, exec, kernel::observe
//!             │         └────▶ service ──▶ wanted ──▶ holder
//!             └── events ──▶ report
//! ```

pub mod apply;
pub mod ask;
pub mod capture;
pub mod check;
pub mod converge;
pub mod copy;
pub mod doctor;
pub mod down;
pub mod enter;
pub mod exec;
pub mod explain;
pub mod export;
mod firewalls;
pub mod found;
pub mod hint;
pub mod holder;
pub mod hosts;
pub mod lab;
pub mod log;
pub mod memory;
pub mod nodes;
pub mod observe;
pub mod owners;
pub mod probe;
pub mod processes;
mod programs;
pub mod record;
pub mod registry;
mod remedy;
pub mod report;
pub mod requirements;
pub mod run;
pub mod sandbox;
pub mod save;
pub mod service;
pub mod up;
pub mod wanted;
pub mod wire;

pub use lab::{Lab, LabError};
pub use run::run;
