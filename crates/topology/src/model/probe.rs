//! What probes send, and what is expected of them.

use std::net::IpAddr;
use std::time::Duration;

use super::{Family, IfName, NodeName, Span, Spot, TextExpect, Told};

/// Whom to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This address.
    Address(IpAddr),
    /// The first address (of the family asked for, or of any) that the lab file gives to this
    /// node or interface.
    Spot(Spot),
}

/// Echo requests (ICMP, RFC 792; ICMPv6, RFC 4443) from a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The node that sends.
    pub from: NodeName,
    /// The interface that they leave by, whatever the route says (`ping -I IF`).
    pub interface: Option<IfName>,
    /// The source address (`ping -I ADDRESS`).
    pub source: Option<IpAddr>,
    /// The destination.
    pub to: Target,
    /// The family, where `to` is a node that has addresses of both.
    pub family: Option<Family>,
    /// How many, at least 1.
    pub count: u16,
    /// From one to the next.
    pub interval: Span,
    /// How long to wait for the answer to the last one.
    pub timeout: Span,
    /// The TTL (hop limit); the node's default where not said.
    pub ttl: Option<u8>,
    /// The payload in bytes, after the ICMP header.
    pub size: u16,
    /// Whether a router (and the node itself) may fragment it; `true`: it may not (`ping -M do`).
    pub dont_fragment: bool,
}

impl Ping {
    /// The default of [`count`](Self::count).
    pub const COUNT: u16 = 1;
    /// The default of [`interval`](Self::interval).
    pub const INTERVAL: Span = Span(Duration::from_millis(100));
    /// The default of [`timeout`](Self::timeout).
    pub const TIMEOUT: Span = Span(Duration::from_secs(1));
    /// The default of [`timeout`](Self::timeout) where the sender is expected to be told
    /// something: the kernel asks for a neighbour three times, a second apart, before it says that
    /// the host is unreachable.
    pub const TOLD_TIMEOUT: Span = Span(Duration::from_secs(5));
    /// The default of [`size`](Self::size), that of `ping(8)`.
    pub const SIZE: u16 = 56;

    /// One echo request with everything else at its default.
    pub fn new(from: NodeName, to: Target) -> Self {
        Self {
            from,
            interface: None,
            source: None,
            to,
            family: None,
            count: Self::COUNT,
            interval: Self::INTERVAL,
            timeout: Self::TIMEOUT,
            ttl: None,
            size: Self::SIZE,
            dont_fragment: false,
        }
    }
}

/// What is expected of what is to be echoed: the requests of a ping, the datagrams of a UDP echo.
/// Where nothing is said: each is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EchoExpect {
    /// So many are answered.
    pub received: Option<u16>,
    /// So many are not.
    pub lost: Option<u16>,
    /// At least one is answered (`true`), or none (`false`).
    pub reachable: Option<bool>,
    /// What the sender is told about at least one of them.
    pub told: Option<Told>,
}

impl EchoExpect {
    /// How long is waited for the last answer where nothing is said.
    pub(crate) fn usual_timeout(&self) -> Span {
        if self.told.is_some() { Ping::TOLD_TIMEOUT } else { Ping::TIMEOUT }
    }
}

/// Packets from a node with a TTL (hop limit) of 1, 2, 3 …: each router on the way tells by its
/// error who it is (`traceroute(8)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceroute {
    /// The node that sends.
    pub from: NodeName,
    /// The destination.
    pub to: Target,
    /// The family, where `to` is a node that has addresses of both.
    pub family: Option<Family>,
    /// What is sent.
    pub method: TraceMethod,
    /// How many of each TTL, from 1 to [`MOST_PROBES`](Self::MOST_PROBES).
    pub probes: u8,
    /// The largest TTL that is tried, at least 1.
    pub max_hops: u8,
    /// How long to wait for the answer to each.
    pub timeout: Span,
}

/// What a traceroute sends, and so how the destination answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceMethod {
    /// Echo requests; the destination sends echo replies (`traceroute -I`).
    #[default]
    Icmp,
    /// Datagrams to ports on which nobody listens; the destination tells so (`traceroute -U`).
    Udp {
        /// The port of the first; each that follows has the next. Not 0, and the last one's is at
        /// most 65535.
        port: u16,
    },
}

impl Traceroute {
    /// The default of [`probes`](Self::probes).
    pub const PROBES: u8 = 1;
    /// The most that [`probes`](Self::probes) can be, that of `traceroute(8)`.
    pub const MOST_PROBES: u8 = 10;
    /// The default of [`max_hops`](Self::max_hops), that of `traceroute(8)`.
    pub const MAX_HOPS: u8 = 30;
    /// The default of [`timeout`](Self::timeout).
    pub const TIMEOUT: Span = Span(Duration::from_secs(1));
    /// The default port of [`TraceMethod::Udp`], that of `traceroute(8)`.
    pub const PORT: u16 = 33_434;

    /// One echo request of each TTL, with everything else at its default.
    pub fn new(from: NodeName, to: Target) -> Self {
        Self {
            from,
            to,
            family: None,
            method: TraceMethod::Icmp,
            probes: Self::PROBES,
            max_hops: Self::MAX_HOPS,
            timeout: Self::TIMEOUT,
        }
    }
}

impl TraceMethod {
    /// The word for it in the lab file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Udp { .. } => "udp",
        }
    }
}

/// What is expected of a traceroute. Where nothing is said: that the destination is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TracerouteExpect {
    /// Exactly these answer, in this order: the routers, and the destination as the last one where
    /// it is reached.
    pub hops: Option<Vec<HopExpect>>,
    /// Whether the destination is reached.
    pub reachable: Option<bool>,
    /// What the sender is told by at least one hop, other than that the TTL has run out.
    pub told: Option<Told>,
}

/// Who is expected to answer packets of one TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HopExpect {
    /// Nobody: `"*"`.
    Silent,
    /// Somebody, and nobody but these. A node or interface stands for each address that the lab file
    /// gives it. Never empty; more than one where the way is not always the same.
    OneOf(Vec<Target>),
}

/// A TCP connection from a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// The node that connects.
    pub from: NodeName,
    /// The destination.
    pub to: Target,
    /// The family, where `to` is a node that has addresses of both.
    pub family: Option<Family>,
    /// The port.
    pub port: u16,
    /// How long connecting and listening may take.
    pub timeout: Span,
}

impl Tcp {
    /// The default of [`timeout`](Self::timeout).
    pub const TIMEOUT: Span = Span(Duration::from_secs(3));
}

/// What is expected of a TCP connection. Where nothing is said: that it comes about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TcpExpect {
    /// Whether it comes about.
    pub connected: Option<bool>,
    /// The text that the other side says before it closes.
    pub said: Option<TextExpect>,
    /// What the node that connects is told instead.
    pub told: Option<Told>,
}

/// Datagrams from a node, each of which the other side is to send back (RFC 862).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Udp {
    /// The node that sends.
    pub from: NodeName,
    /// The destination.
    pub to: Target,
    /// The family, where `to` is a node that has addresses of both.
    pub family: Option<Family>,
    /// The port.
    pub port: u16,
    /// The port that they come from; the kernel chooses one where not said.
    pub source_port: Option<u16>,
    /// How many, at least 1.
    pub count: u16,
    /// From one to the next.
    pub interval: Span,
    /// How long to wait for the answer to the last one.
    pub timeout: Span,
    /// The TTL (hop limit); the node's default where not said.
    pub ttl: Option<u8>,
    /// The payload in bytes, after the UDP header; at least [`LEAST`](Self::LEAST).
    pub size: u16,
}

impl Udp {
    /// The port of the echo service (RFC 862).
    pub const PORT: u16 = 7;
    /// The least [`size`](Self::size): so many bytes tell one datagram from all others.
    pub const LEAST: u16 = 8;

    /// One datagram with everything that is not said as for a [`Ping`].
    pub fn new(from: NodeName, to: Target, port: u16) -> Self {
        Self {
            from,
            to,
            family: None,
            port,
            source_port: None,
            count: Ping::COUNT,
            interval: Ping::INTERVAL,
            timeout: Ping::TIMEOUT,
            ttl: None,
            size: Ping::SIZE,
        }
    }
}
