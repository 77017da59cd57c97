//! Questions to the kernel about the network namespace of the calling thread that change nothing.
//!
//! - [`route()`]: which way a packet would take, or why none.

mod route;

pub use route::{Asked, RouteAnswer, RouteQuery, route};
