//! A lab, running: the sandbox it lives in, how it is built there, and what can be done with it.

pub mod apply;
pub mod nodes;
pub mod probe;
pub mod sandbox;
