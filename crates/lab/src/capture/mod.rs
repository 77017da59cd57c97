//! Every frame that crosses any device of a lab, in one stream.
//!
//! ```text
//!   node 1 ── ring ──┐  blocks, as the kernel hands them over
//!   node 2 ── ring ──┼──▶ merge ──▶ frames in the order of their time, each with its device
//!   …                │      ▲
//!   all nodes ── devices: which device has which index, name, peer, bridge
//! ```
//!
//! One thread does all of it: sockets stay in the namespaces in which they were opened. Only to open and
//! close them takes many threads, because the kernel makes each wait for itself.

mod devices;
mod error;
mod file;
pub mod filter;
mod merge;
mod session;
mod size;
mod together;
mod wiring;

pub use devices::Devices;
pub use error::CaptureError;
pub use file::CaptureFile;
pub use session::{Options, Session};
pub use size::Memory;
