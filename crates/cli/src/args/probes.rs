//! What the verbs are told that send something from a node.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use twinax_topology::{Family, Span, TraceMethod, Traceroute as Step};

use super::{InLab, SpotInLab, names};
use crate::complete;

/// Of which family the address of a node or interface is to be.
#[derive(Debug, Args)]
pub struct OfFamily {
    /// To an IPv4 address
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// To an IPv6 address
    #[arg(short = '6', long)]
    ipv6: bool,
}

impl OfFamily {
    /// The family; `None`: either.
    pub fn family(&self) -> Option<Family> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        }
    }
}

/// What `twinax ping` is told.
#[derive(Debug, Args)]
pub struct Ping {
    /// The node that sends; where an interface is said, they leave by it
    #[arg(value_name = "[LAB/]NODE[:INTERFACE]", add = ArgValueCompleter::new(complete::spots))]
    pub from: SpotInLab,
    /// An address, or a node or interface of the lab
    #[arg(value_name = "TARGET", add = ArgValueCompleter::new(complete::bare_spots))]
    pub to: String,
    /// How many
    #[arg(short, long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub count: u16,
    /// From one to the next: `200ms`, `1s`; a bare number is seconds
    #[arg(short, long, default_value = "100ms", value_parser = names::span)]
    pub interval: Span,
    /// How long to wait for the answer to the last one
    #[arg(short = 'W', long, default_value = "1s", value_parser = names::span)]
    pub timeout: Span,
    /// The payload in bytes
    #[arg(short, long, default_value_t = twinax_topology::Ping::SIZE,
        value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// The family.
    #[command(flatten)]
    pub family: OfFamily,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `twinax traceroute` is told.
#[derive(Debug, Args)]
pub struct Traceroute {
    /// The node that sends
    #[arg(value_name = "[LAB/]NODE", add = ArgValueCompleter::new(complete::nodes))]
    pub from: InLab,
    /// An address, or a node or interface of the lab
    #[arg(value_name = "TARGET", add = ArgValueCompleter::new(complete::bare_spots))]
    pub to: String,
    /// Send echo requests
    #[arg(short = 'I', long)]
    pub icmp: bool,
    /// Send datagrams to ports on which nobody listens; so it is unless said
    #[arg(short = 'U', long, conflicts_with = "icmp")]
    pub udp: bool,
    /// The port of the first datagram; each that follows has the next
    #[arg(short, long, default_value_t = Step::PORT, conflicts_with = "icmp",
        value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// The largest TTL that is tried
    #[arg(short, long, default_value_t = Step::MAX_HOPS,
        value_parser = clap::value_parser!(u8).range(1..))]
    pub max_hops: u8,
    /// How many packets of each TTL
    #[arg(short = 'q', long, default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(1..=i64::from(Step::MOST_PROBES)))]
    pub probes: u8,
    /// How long to wait for the answer to each: `200ms`, `1s`; a bare number is seconds
    #[arg(short = 'W', long, default_value = "1s", value_parser = names::span)]
    pub timeout: Span,
    /// The family.
    #[command(flatten)]
    pub family: OfFamily,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is said below the help of `twinax traceroute`.
pub(super) const TRACEROUTE_NOTES: &str = "\
Marks, as those of traceroute(8): !N no way to the network, !H to the host, !P protocol or port, \
!X not allowed, !F too big, !S source route, ! anything else; * no answer.

Exit code 0: the target was reached; 1: it was not.";

impl Traceroute {
    /// What is sent.
    pub fn method(&self) -> TraceMethod {
        match self.icmp {
            true => TraceMethod::Icmp,
            false => TraceMethod::Udp { port: self.port },
        }
    }
}

/// What `twinax tcp` is told.
#[derive(Debug, Args)]
pub struct Tcp {
    /// The node that connects
    #[arg(value_name = "[LAB/]NODE", add = ArgValueCompleter::new(complete::nodes))]
    pub from: InLab,
    /// An address, or a node or interface of the lab
    #[arg(value_name = "TARGET", add = ArgValueCompleter::new(complete::bare_spots))]
    pub to: String,
    /// The port
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// How long it may take: `200ms`, `1s`; a bare number is seconds
    #[arg(short = 'W', long, default_value = "3s", value_parser = names::span)]
    pub timeout: Span,
    /// How long of that to listen to what the other side says, once it has come about
    #[arg(short, long, default_value = "200ms", value_parser = names::span)]
    pub listen: Span,
    /// The family.
    #[command(flatten)]
    pub family: OfFamily,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `twinax udp` is told.
#[derive(Debug, Args)]
pub struct Udp {
    /// The node that sends
    #[arg(value_name = "[LAB/]NODE", add = ArgValueCompleter::new(complete::nodes))]
    pub from: InLab,
    /// An address, or a node or interface of the lab
    #[arg(value_name = "TARGET", add = ArgValueCompleter::new(complete::bare_spots))]
    pub to: String,
    /// The port; that of the echo service (RFC 862) unless said
    #[arg(value_name = "PORT", default_value_t = twinax_topology::Udp::PORT,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// The port that they come from; the kernel chooses unless said
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub source_port: Option<u16>,
    /// How many
    #[arg(short, long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub count: u16,
    /// From one to the next: `200ms`, `1s`; a bare number is seconds
    #[arg(short, long, default_value = "100ms", value_parser = names::span)]
    pub interval: Span,
    /// How long to wait for the answer to the last one
    #[arg(short = 'W', long, default_value = "1s", value_parser = names::span)]
    pub timeout: Span,
    /// The TTL (hop limit); the node's unless said
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: Option<u8>,
    /// The payload in bytes
    #[arg(short, long, default_value_t = twinax_topology::Ping::SIZE,
        value_parser = clap::value_parser!(u16).range(i64::from(twinax_topology::Udp::LEAST)..=65_507))]
    pub size: u16,
    /// The family.
    #[command(flatten)]
    pub family: OfFamily,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
