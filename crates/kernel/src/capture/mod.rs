//! Packet sockets with memory that is shared with the kernel (`packet(7)`,
//! `Documentation/networking/packet_mmap.rst`): every frame of every device of a namespace.

mod backlog;
mod hardware;
mod ring;

pub use backlog::Backlog;
pub(crate) use hardware::link_type;
pub use ring::{Block, Counts, RawFrame, Ring, RingOptions};
