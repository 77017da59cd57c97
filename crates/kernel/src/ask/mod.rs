//! Questions to the kernel about the network namespace of the calling thread that change nothing.
//!
//! - [`route()`]: which way a packet would take, or why none.
//! - [`sockets()`]: which sockets wait for what comes.
//! - [`counters()`], [`statistics()`], [`queues()`]: what the IP stack, devices and their queues have
//!   counted.
//! - [`legacy_tables()`], [`legacy_drops()`]: which tables of the old iptables are in use, and what in them drops.
//! - [`tunnels()`]: which devices carry packets within packets, and where to.

mod counters;
mod legacy;
mod queues;
mod route;
mod sockets;
mod statistics;
mod tunnels;

pub use counters::{Counters, counters};
pub use legacy::{LegacyDrop, legacy_drops, legacy_tables};
pub use queues::{Queue, queues};
pub use route::{Asked, RouteAnswer, RouteQuery, route};
pub use sockets::{Listening, Protocol, listens, sockets, sockets_of_files};
pub use statistics::{Statistics, statistics};
pub use tunnels::{Tunnel, is_tunnel, tunnels};
