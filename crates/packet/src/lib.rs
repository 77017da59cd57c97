//! Frames that were captured, and what can be said of them.
//!
//! Everything here is a function of bytes: nothing is opened, and nothing is asked of the kernel.

pub mod decode;
pub mod file;
pub mod filter;
mod frame;
pub mod hardware;
pub mod journey;
pub mod line;
mod pcap;
pub mod pcapng;

pub use decode::Packet;
pub use frame::{Direction, Frame, Interface, InterfaceId, LinkType, Mac, Time};
