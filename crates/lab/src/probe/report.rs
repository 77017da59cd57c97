//! What became of packets that are to be answered.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinax_topology::Told;

/// An answer: an echo reply, or a datagram that has come back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The number of what it answers, from 1.
    pub sequence: u16,
    /// From the one's sending to the other's coming.
    pub time: Duration,
    /// Its TTL or hop limit when it came in, where that is known.
    pub ttl: Option<u8>,
}

/// What the sender was told about one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The number of the packet, from 1.
    pub sequence: u16,
    /// What it was told.
    pub told: Told,
    /// By whom; `None`: by its own kernel, as the result of the call.
    pub from: Option<IpAddr>,
    /// From the packet's sending to the word of it.
    pub time: Duration,
}

/// What became of a series of packets: echo requests, or datagrams that are to come back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EchoReport {
    /// How many were sent, those that the kernel refused included.
    pub sent: u16,
    /// The answers, the first to each packet, in the order in which they came.
    pub replies: Vec<Reply>,
    /// The errors, the first about each packet (and the first redirect), in the order in which they
    /// came.
    pub words: Vec<Word>,
    /// How many answers came more than once.
    pub duplicates: u16,
}

impl EchoReport {
    /// How many were answered.
    pub fn received(&self) -> u16 {
        self.replies.len() as u16
    }

    /// How many were not answered.
    pub fn lost(&self) -> u16 {
        self.sent - self.received()
    }
}
