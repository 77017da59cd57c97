//! Capture filters: which frames are wanted, in the words of tcpdump (`pcap-filter(7)`), as programs
//! that the kernel runs on each frame before anybody is given it (classic BPF).
//!
//! ```text
//!  "tcp port 80" ──▶ Program for frames with an Ethernet header ┐
//!   (libpcap, or     Program for those that begin with IP       ┴─▶ Filter ──▶ Program of a socket
//!    own words)                                                       └─────▶ verdict on a frame of a file
//! ```
//!
//! A packet socket sees all devices of its namespace, and their frames do not begin alike. So a
//! [`Filter`] has a program for each kind, and the program for the socket is both of them, with a
//! beginning that tells which of them a frame is for.

mod assemble;
mod check;
mod combine;
mod compile;
mod expression;
mod instruction;
mod mistake;
mod parse;
mod program;
mod run;
mod shorten;
mod tag;
mod value;
mod word;

pub use check::Invalid;
pub use combine::{Filter, TagLost, TooLong};
pub use compile::compile;
pub use expression::{Expression, Family, Net, Protocol, Side, Transport};
pub use instruction::Instruction;
pub use mistake::{ParseError, Problem};
pub use parse::parse;
pub use program::{MAXIMUM, Program};
pub use run::{Ancillary, Tag};

#[cfg(test)]
mod tests;
