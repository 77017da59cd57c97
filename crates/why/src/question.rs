//! What is asked: which packet, from where to where.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinax_lab::explain::Unanswered;
use twinax_topology::{Action, IfName, LabStep, NodeName, Ping, Span};

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

    /// The packet of a step that was not answered; `None` where the step sends none. A lab file may have
    /// an answer waited for shorter than here: of what is late, it is told that it comes.
    pub fn of_step(step: &LabStep, unanswered: &Unanswered) -> Option<Self> {
        let Unanswered { from, to } = unanswered;
        let asked = Self::new(from.clone(), *to);
        Some(match &step.action {
            Action::Ping(ping, _) => Self {
                size: ping.size,
                ttl: ping.ttl,
                dont_fragment: ping.dont_fragment,
                source: ping.source,
                interface: ping.interface.clone(),
                timeout: asked.timeout.max(ping.timeout.0),
                ..asked
            },
            Action::Tcp(tcp, _) => {
                Self { protocol: Protocol::Tcp, port: tcp.port, size: 0, ..asked }
            }
            Action::Udp(udp, _) => Self {
                protocol: Protocol::Udp,
                port: udp.port,
                size: udp.size,
                ttl: udp.ttl,
                timeout: asked.timeout.max(udp.timeout.0),
                ..asked
            },
            Action::Reach(_) => asked,
            _ => return None,
        })
    }

    /// The `twinax why` that asks this of a running lab; the destination in these words.
    pub fn asks(&self, lab: &NodeName, to: &str) -> String {
        let mut words = format!("twinax why {lab} {}", self.from);
        if let Some(interface) = &self.interface {
            words += &format!(":{interface}");
        }
        words += &format!(" {to}");
        if self.protocol != Protocol::Icmp {
            words += &format!(" --proto {} --port {}", self.protocol.as_str(), self.port);
        }
        let of_size = self.protocol != Protocol::Tcp && self.size != Ping::SIZE;
        if of_size {
            words += &format!(" --size {}", self.size);
        }
        match (self.protocol, self.dont_fragment) {
            (Protocol::Icmp, false) if of_size => words += " --fragment",
            (Protocol::Icmp, true) if !of_size => words += " --dont-fragment",
            _ => {}
        }
        if let Some(ttl) = self.ttl {
            words += &format!(" --ttl {ttl}");
        }
        if let Some(source) = self.source {
            words += &format!(" --source {source}");
        }
        if self.timeout != Self::TIMEOUT {
            words += &format!(" --timeout {}", Span(self.timeout));
        }
        words
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

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question::new("h1".parse().expect("a name"), "10.1.2.2".parse().expect("an address"))
    }

    #[test]
    fn asked_of_a_running_lab() {
        let lab = "two".parse().expect("a name");
        let asks = |question: &Question| question.asks(&lab, "h2");
        assert_eq!(asks(&question()), "twinax why two h1 h2");
        let tcp = Question { protocol: Protocol::Tcp, port: 80, size: 0, ..question() };
        assert_eq!(asks(&tcp), "twinax why two h1 h2 --proto tcp --port 80");
        let udp =
            Question { protocol: Protocol::Udp, port: 7, size: 9, ttl: Some(2), ..question() };
        assert_eq!(asks(&udp), "twinax why two h1 h2 --proto udp --port 7 --size 9 --ttl 2");
        // A size alone would mean that nobody may fragment it.
        let large = Question { size: 2000, ..question() };
        assert_eq!(asks(&large), "twinax why two h1 h2 --size 2000 --fragment");
        let whole = Question { dont_fragment: true, ..large };
        assert_eq!(asks(&whole), "twinax why two h1 h2 --size 2000");
        let small = Question { dont_fragment: true, ..question() };
        assert_eq!(asks(&small), "twinax why two h1 h2 --dont-fragment");
        let out_of = Question {
            interface: Some("e0".parse().expect("a name")),
            source: Some("10.9.9.9".parse().expect("an address")),
            timeout: Duration::from_secs(5),
            ..question()
        };
        assert_eq!(asks(&out_of), "twinax why two h1:e0 h2 --source 10.9.9.9 --timeout 5s");
    }
}
