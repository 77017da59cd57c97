//! What is asked: which packet, from where to where.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinax_topology::{IfName, NodeName, Ping};

/// A packet that is to arrive and be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The node that sends it.
    pub from: NodeName,
    /// The destination.
    pub to: IpAddr,
    /// The node that is meant by it, where one was named.
    pub whose: Option<NodeName>,
    /// What it is.
    pub protocol: Protocol,
    /// The destination's port; 0 of ICMP, which has none.
    pub port: u16,
    /// Bytes of payload behind the ICMP or UDP header; of TCP, which is asked for a connection only, 0.
    pub size: u16,
    /// Its TTL (hop limit); the node's unless said.
    pub ttl: Option<u8>,
    /// Whether nobody may fragment it.
    pub dont_fragment: bool,
    /// Its source address; the kernel chooses unless said.
    pub source: Option<IpAddr>,
    /// The interface that it leaves by, whatever the route says.
    pub interface: Option<IfName>,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// An echo request (RFC 792, RFC 4443); answered by the echo reply.
    #[default]
    Icmp,
    /// A connection (RFC 9293); answered when it comes about.
    Tcp,
    /// A datagram (RFC 768). Not each service answers: it has arrived when somebody who listens got it.
    Udp,
}

impl Protocol {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Its number in an IP header, for a family.
    pub fn number(self, v4: bool) -> u8 {
        match (self, v4) {
            (Self::Icmp, true) => 1,
            (Self::Icmp, false) => 58,
            (Self::Tcp, _) => 6,
            (Self::Udp, _) => 17,
        }
    }
}

impl Question {
    /// How long an answer is waited for unless said.
    pub const TIMEOUT: Duration = Duration::from_secs(1);

    /// An echo request like any other.
    pub fn new(from: NodeName, to: IpAddr) -> Self {
        Self {
            from,
            to,
            whose: None,
            protocol: Protocol::Icmp,
            port: 0,
            size: Ping::SIZE,
            ttl: None,
            dont_fragment: false,
            source: None,
            interface: None,
            timeout: Self::TIMEOUT,
        }
    }

    /// The packet in words: `an echo request from h1 to 10.1.2.2`.
    pub fn in_words(&self) -> String {
        let what = match self.protocol {
            Protocol::Icmp => "an echo request".to_owned(),
            Protocol::Tcp => format!("a TCP connection to port {}", self.port),
            Protocol::Udp => format!("a datagram to UDP port {}", self.port),
        };
        format!("{what} from {} to {}", self.from, self.to)
    }

    /// The command that sends it, for whoever wants to see for himself.
    pub fn command(&self) -> String {
        let Self { from, to, port, .. } = self;
        let inside = format!("ip netns exec {from}");
        match self.protocol {
            Protocol::Icmp => {
                let mut words = format!("{inside} ping -c 1");
                let mut say = |word: String| {
                    words.push(' ');
                    words += &word;
                };
                if let Some(ttl) = self.ttl {
                    say(format!("-t {ttl}"));
                }
                if self.size != Ping::SIZE {
                    say(format!("-s {}", self.size));
                }
                if self.dont_fragment {
                    say("-M do".to_owned());
                }
                if let Some(interface) = &self.interface {
                    say(format!("-I {interface}"));
                }
                if let Some(source) = self.source {
                    say(format!("-I {source}"));
                }
                say(to.to_string());
                words
            }
            Protocol::Tcp => format!("{inside} nc -vz -w 1 {to} {port}"),
            Protocol::Udp => format!("{inside} nc -vzu -w 1 {to} {port}"),
        }
    }
}
