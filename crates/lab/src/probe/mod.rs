//! Probes: packets of our own that find out who reaches whom, and what a sender is told.

mod icmp;
mod ping;
mod tcp;
mod traceroute;

pub use ping::{Echo, EchoReport, Reply, Word, ping};
pub use tcp::{TcpReport, connect};
pub use traceroute::{Hop, trace};
