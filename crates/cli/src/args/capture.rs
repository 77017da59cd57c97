//! What `twinax capture` is told.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use twinax_topology::Span;

use super::names;
use crate::complete;

/// What `twinax capture` is told.
#[derive(Debug, Args)]
pub struct Capture {
    /// A lab, and of its nodes and interfaces those that are watched; all of the only lab that is running
    /// unless said
    #[arg(value_name = "LAB|[LAB/]NODE[:INTERFACE]", add = ArgValueCompleter::new(complete::labs_and_spots))]
    pub what: Vec<String>,
    /// Write the frames to a pcapng file; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Read frames from a pcapng or pcap file in the place of a lab; `-` for standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["what", "span", "ring"])]
    pub read: Option<PathBuf>,
    /// Only what this says, in the words of tcpdump: `icmp`, `tcp port 80 and host 10.0.0.1`
    #[arg(short, long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// End after so many frames
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after this time: `10s`, `500ms`; a bare number is seconds
    #[arg(long = "for", id = "span", value_name = "TIME", value_parser = names::span)]
    pub span: Option<Span>,
    /// The memory for frames that are waiting to be read, of all nodes together; without it, 16 MiB a
    /// node, and 64 MiB at most
    #[arg(long, value_name = "SIZE")]
    pub ring: Option<names::Bytes>,
    /// A line for each packet with its way from device to device, and what changed on it
    #[arg(long, conflicts_with = "write")]
    pub journeys: bool,
    /// Tell only of frames that were lost
    #[arg(short, long)]
    pub quiet: bool,
    /// Print journeys as JSON, one document a line
    #[arg(long, requires = "journeys")]
    pub json: bool,
}
