//! Measurements: how long twinax takes, beside others that do the same, on the machine at hand.

pub mod bare;
mod build;
mod contestant;
mod lab;
mod netlink;
pub mod quiet;
mod sandbox;
mod table;
mod verify;

use clap::Subcommand;

/// What can be measured.
#[derive(Subcommand)]
pub enum Bench {
    /// How long a lab takes from the start of the process to its end, teardown included.
    Build(build::Args),
}

/// Measures, and prints a table on stdout.
pub fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Build(args) => build::run(args),
    }
}
