//! What an expression of our own words says, as a tree.

use std::net::IpAddr;

/// Which frames are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// All of them: the empty expression.
    Everything,
    /// Those of a protocol.
    Protocol(Protocol),
    /// Those from or to these addresses.
    Address {
        /// Which of a frame's addresses is meant.
        side: Side,
        /// In which protocol; `None`: in any.
        within: Option<Family>,
        /// The addresses.
        net: Net,
    },
    /// Those from or to a port.
    Port {
        /// Which of a frame's ports is meant.
        side: Side,
        /// Of which protocol; `None`: of TCP, UDP or SCTP.
        within: Option<Transport>,
        /// The port.
        port: u16,
    },
    /// Those that the other one does not want.
    Not(Box<Expression>),
    /// Those that both want.
    And(Box<Expression>, Box<Expression>),
    /// Those that one of them wants.
    Or(Box<Expression>, Box<Expression>),
}

/// A word that stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `arp`, `ip`, `ip6`.
    Family(Family),
    /// `icmp`: that of IPv4.
    Icmp,
    /// `icmp6`.
    Icmp6,
    /// `tcp`, `udp`.
    Transport(Transport),
}

/// In which protocol an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `arp`: the protocol addresses of sender and target.
    Arp,
    /// `ip`
    Ipv4,
    /// `ip6`
    Ipv6,
}

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
}

/// Which of the two is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `src`
    Source,
    /// `dst`
    Destination,
    /// One of them: `src or dst`, and where nothing is said.
    Either,
    /// Both: `src and dst`.
    Both,
}

/// Addresses with the same first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// The first of them.
    pub address: IpAddr,
    /// How many bits they have in common.
    pub length: u8,
}
