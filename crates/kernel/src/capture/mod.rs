//! Packet sockets with memory that is shared with the kernel (`packet(7)`,
//! `Documentation/networking/packet_mmap.rst`): every frame of every device of a namespace.

mod backlog;
pub mod block;
mod hardware;
mod ring;

pub use backlog::Backlog;
pub use block::{RawFrame, Rest};
pub(crate) use hardware::link_type;
pub use ring::{Block, Counts, Ring, RingOptions};
