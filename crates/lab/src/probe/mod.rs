//! Probes: packets of our own that find out who reaches whom, and what a sender is told.
//!
//! ```text
//!  ping ─┐             ┌─ series ──┐
//!  udp ──┼─ exchange ──┤           ├── flight: one thread, many sockets
//!  trace ┘             └─ trace ───┤
//!  tcp ────────────────────────────┘
//! ```

mod exchange;
mod flight;
mod icmp;
mod ping;
mod report;
mod series;
mod tcp;
mod told;
mod traceroute;
mod udp;

pub use ping::{Echo, ping};
pub use report::{EchoReport, Reply, Word};
pub use tcp::{Connection, TcpReport, connect};
pub use told::{told_v4, told_v6};
pub use traceroute::{Hop, HopAnswer, Trace, trace};
pub use udp::{UdpEcho, udp_echo};
