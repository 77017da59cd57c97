//! `bench capture`: watching a lab, beside tcpdump that watches the same.
//!
//! Sender and watchers are processes of their own. The sender is on processor 0; the watchers run where
//! the scheduler puts them. What they write goes to one disk.

mod cost;
mod crowd;
pub mod flood;
mod frames;
mod loss;
mod mixture;
mod pairs;
pub mod stream;
mod talk;
mod text;
mod told;
pub mod watch;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use tempfile::TempDir;

use super::contestant::Programs;
use super::table;
use flood::Flood;

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Frames that are lost and what each costs; many nodes at once; frames as text; what TCP has left.
    #[arg(long, value_delimiter = ',', default_value = "loss,crowd,text,cost")]
    part: Vec<Part>,
    /// Of `loss`: over how many veth pairs at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100])]
    pairs: Vec<u32>,
    /// Of `loss`: frames a second, over all pairs; 0: as fast as the sender can.
    #[arg(long, value_delimiter = ',', default_values_t = [50_000, 100_000, 200_000, 0])]
    rate: Vec<u64>,
    /// Of `loss`: for how many seconds; as fast as the sender can, as many frames as at the highest rate.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Of `crowd`: how many nodes.
    #[arg(long, value_delimiter = ',', default_values_t = [1000])]
    nodes: Vec<u32>,
    /// Of `text`: how many frames.
    #[arg(long, default_value_t = 1_000_000)]
    frames: u32,
    /// Of `cost`: how many MiB are sent.
    #[arg(long, default_value_t = 1024)]
    stream: u64,
    /// Memory for frames that wait, in MiB: `--ring` of twinax, and `-B` of all tcpdumps together; what
    /// twinax takes by itself unless said.
    #[arg(long)]
    ring: Option<u64>,
    /// How often.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where files are written; a folder for temporary files unless said.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Loss,
    Crowd,
    Text,
    Cost,
}

impl Args {
    /// A new folder for what is captured.
    fn folder(&self) -> Result<TempDir> {
        let folder = match &self.folder {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        folder.context("a folder for what is captured")
    }

    /// What is sent at a rate; 0 is as fast as the sender can.
    fn flood(&self, rate: u64) -> Flood {
        let most = self.rate.iter().copied().max().filter(|&most| most > 0).unwrap_or(200_000);
        match rate {
            0 => Flood { rate: None, frames: most * self.seconds },
            rate => Flood { rate: Some(rate), frames: rate * self.seconds },
        }
    }
}

/// Measures, and prints the tables on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let programs = Programs::build()?;
    println!("{machine}\n");
    for part in &args.part {
        match part {
            Part::Loss => loss::run(args, &programs)?,
            Part::Crowd => crowd::run(args, &programs)?,
            Part::Text => text::run(args, &programs)?,
            Part::Cost => cost::run(args, &programs)?,
        }
    }
    Ok(())
}
