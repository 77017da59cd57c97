//! The only crate of twinax that speaks to Linux.
//!
//! It has mechanism and no policy: it does what it is told, in the network namespace of the
//! *calling thread*, and says in the kernel's words why it could not. Whoever calls decides on
//! which thread that is ([`Netns::enter`]).
//!
//! `unsafe` is in the private module `sys` alone, where each block says why it is sound.

mod address;
pub mod ask;
mod attributes;
pub mod bpf;
mod bridge;
pub mod capability;
pub mod capture;
pub mod cleanup;
mod error;
mod fdb;
pub mod filter;
pub mod icmp;
pub mod libpcap;
mod link;
pub mod message;
pub mod mounts;
mod neighbour;
pub mod netlink;
mod netns;
pub mod nft;
pub mod observe;
pub mod process;
pub mod replay;
mod route;
mod rtnl;
mod rule;
mod sys;
pub mod sysctl;
pub mod tcp;
pub mod tun;
pub mod udp;
pub mod watch;

pub use error::{Error, Refusal};
pub use fdb::FdbEntry;
pub use netns::Netns;
pub use rtnl::Rtnl;
