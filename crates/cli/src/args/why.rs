//! What `twinax why` is told.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use twinax_topology::{IfName, Span};

use super::names;
use super::probes::OfFamily;
use crate::complete;

/// What `twinax why` is told.
#[derive(Debug, Args)]
pub struct Why {
    /// The lab, where that must be said; the node that sends; an address, or a node or interface of the lab
    #[arg(value_name = "[LAB] FROM TO", num_args = 2..=3, required = true,
        add = ArgValueCompleter::new(complete::spots))]
    pub words: Vec<String>,
    /// What is sent
    #[arg(short, long, default_value = "icmp")]
    pub proto: Proto,
    /// The port of TCP and UDP
    #[arg(long, required_if_eq_any([("proto", "tcp"), ("proto", "udp")]),
        value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The payload in bytes; nobody may fragment it then, unless `--fragment` says so
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: Option<u16>,
    /// Let the packet be fragmented
    #[arg(long, requires = "size", conflicts_with = "dont_fragment")]
    pub fragment: bool,
    /// Nobody may fragment the packet
    #[arg(long)]
    pub dont_fragment: bool,
    /// The TTL (hop limit); the node's unless said
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: Option<u8>,
    /// The source address; the kernel chooses unless said
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// The interface that it leaves by, whatever the route says
    #[arg(short = 'I', long)]
    pub interface: Option<IfName>,
    /// How long to wait for the answer: `200ms`, `1s`; a bare number is seconds
    #[arg(short = 'W', long, default_value = "1s", value_parser = names::span)]
    pub timeout: Span,
    /// The family.
    #[command(flatten)]
    pub family: OfFamily,
    /// Carry out the remedy, see whether the packet arrives then, and undo it where it does not
    #[arg(long)]
    pub fix: bool,
    /// Keep the frames of the packet in this pcapng file
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Proto {
    /// An echo request
    Icmp,
    /// A connection
    Tcp,
    /// A datagram
    Udp,
}

/// What is said below the help of `twinax why`.
pub(super) const NOTES: &str = "\
Nothing is changed in the lab unless --fix says so: remedies are tried on a copy.

Exit code 0: the packet arrives (with --fix: now); 1: it does not.";
