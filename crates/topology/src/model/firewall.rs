//! A node's firewall: short words for the ordinary cases, or a free nftables ruleset.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::IfName;

/// The table (family `inet`) that the short words become.
pub const FIREWALL_TABLE: &str = "twinax";

/// A node's firewall. The short words become one table, `inet twinax`; the free ruleset is loaded
/// after it, by the `nft` program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Firewall {
    /// Interfaces; what leaves by one of them gets its address as source (`masquerade`).
    pub masquerade: Vec<IfName>,
    /// Destinations that are rewritten before routing, in order.
    pub dnat: Vec<Dnat>,
    /// What happens to packets that no filter decides, per chain; `Accept` where not said.
    pub policy: Policies,
    /// Filters, in order; of one chain the first that matches decides.
    pub filters: Vec<Filter>,
    /// A ruleset in the language of `nft(8)`, as a file for `nft -f`.
    pub ruleset: Option<String>,
}

impl Firewall {
    /// Whether nothing at all is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether any of the short words is used, so that the table `inet twinax` is there.
    pub fn has_words(&self) -> bool {
        Self { ruleset: None, ..self.clone() } != Self::default()
    }
}

/// The chain of a filter: where on its way a packet is looked at (`nft(8)`, "hooks").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// Packets for the node itself.
    Input,
    /// Packets that the node passes on.
    Forward,
    /// Packets that the node itself sends.
    Output,
}

impl Chain {
    /// All chains, in the order in which they are made.
    pub const ALL: [Self; 3] = [Self::Input, Self::Forward, Self::Output];

    /// The word for it, in the lab file and in nftables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
        }
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Accept,
    /// It is discarded silently.
    Drop,
    /// It is discarded, and the sender told (port unreachable). Not for a policy.
    Reject,
}

impl Verdict {
    /// The word for it, in the lab file and in nftables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
            Self::Reject => "reject",
        }
    }
}

/// The policies of the filter chains: `Accept` or `Drop`, never `Reject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policies {
    /// Of `input`.
    pub input: Option<Verdict>,
    /// Of `forward`.
    pub forward: Option<Verdict>,
    /// Of `output`.
    pub output: Option<Verdict>,
}

impl Policies {
    /// What is said for this chain.
    pub fn of(&self, chain: Chain) -> Option<Verdict> {
        match chain {
            Chain::Input => self.input,
            Chain::Forward => self.forward,
            Chain::Output => self.output,
        }
    }
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP (for IPv4).
    Icmp,
    /// ICMPv6.
    Icmpv6,
}

impl Protocol {
    /// The word for it, in the lab file and in nftables (`meta l4proto`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
        }
    }

    /// Its number (IANA "Assigned Internet Protocol Numbers").
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmpv6 => 58,
        }
    }

    /// Whether it has ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

/// One filter. What is not said matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Where it looks.
    pub chain: Chain,
    /// What it does with a packet that matches.
    pub verdict: Verdict,
    /// Only packets of connections that are known (`ct state established,related`).
    pub established: bool,
    /// The interface that the packet came in by. Not for `Output`.
    pub iif: Option<IfName>,
    /// The interface that it leaves by. Not for `Input`.
    pub oif: Option<IfName>,
    /// Its source.
    pub from: Option<IpNet>,
    /// Its destination.
    pub to: Option<IpNet>,
    /// Its protocol.
    pub protocol: Option<Protocol>,
    /// Its source port; only with TCP or UDP.
    pub sport: Option<u16>,
    /// Its destination port; only with TCP or UDP.
    pub dport: Option<u16>,
    /// A word for the reader: shown by `nft list ruleset`. See [`check_comment`].
    pub comment: Option<String>,
}

impl Filter {
    /// A filter for everything that passes a chain.
    pub fn new(chain: Chain, verdict: Verdict) -> Self {
        Self {
            chain,
            verdict,
            established: false,
            iif: None,
            oif: None,
            from: None,
            to: None,
            protocol: None,
            sport: None,
            dport: None,
            comment: None,
        }
    }
}

/// What comes in for a port of this node goes to another place (port forwarding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dnat {
    /// The interface it must come in by.
    pub iif: Option<IfName>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port it was sent to.
    pub dport: u16,
    /// Where it goes instead. Its family is the family that the filter is for.
    pub to: SocketAddr,
}

/// The longest comment of a filter: what `nft(8)` takes (`NFTNL_UDATA_COMMENT_MAXLEN` in its
/// library, less the NUL).
pub const MAX_COMMENT: usize = 127;

/// Why a text is no comment of a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommentError {
    /// Longer than `nft` takes.
    #[error("a comment of {length} bytes; at most {MAX_COMMENT} are possible")]
    TooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// A quote or a control character: the language of `nft` has no escapes.
    #[error("{0:?} can't stand in a comment of nftables")]
    Character(char),
}

/// Whether `nft` can write and read this comment of a filter.
pub fn check_comment(text: &str) -> Result<(), CommentError> {
    if let Some(bad) = text.chars().find(|&c| c == '"' || c.is_control()) {
        return Err(CommentError::Character(bad));
    }
    match text.len() {
        length if length > MAX_COMMENT => Err(CommentError::TooLong { length }),
        _ => Ok(()),
    }
}
