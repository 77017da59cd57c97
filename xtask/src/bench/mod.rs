//! Measurements: how long twinax takes, beside others that do the same, on the machine at hand.

mod apply;
pub mod bare;
mod build;
pub mod capture;
mod contestant;
mod down;
mod exec;
mod lab;
mod netlink;
pub mod quiet;
mod running;
mod sandbox;
mod table;
pub mod timer;
mod verify;
mod why;

use std::process::Command;

use anyhow::{Context as _, ensure};

use clap::Subcommand;

/// What can be measured.
#[derive(Subcommand)]
pub enum Bench {
    /// How long a lab takes from the start of the process to its end, teardown included.
    Build(build::Args),
    /// How long it takes to run a program in a node.
    Exec(exec::Args),
    /// How long it takes until a lab is gone to its last device.
    Down(down::Args),
    /// How long it takes to change a running lab, and to look at it.
    Apply(apply::Args),
    /// What of a lab's frames is seen, and what that costs, beside tcpdump.
    Capture(capture::Args),
    /// How often the verdict of `twinax why` is right, in random labs with random faults.
    Why(why::Args),
    /// All that is in `docs/performance.md`, one after the other.
    All,
}

/// What `bench all` measures.
const ALL: [&[&str]; 8] = [
    &["build"],
    &[
        "build",
        "--shape",
        "star,line,tree,bridges",
        "--nodes",
        "1000",
        "--with",
        "twinax,one-core,bare",
    ],
    &["build", "--shape", "bridges,line,tree", "--nodes", "1000,10000", "--with", "twinax,up"],
    &["exec"],
    &["down"],
    &["apply"],
    &["apply", "--shape", "bridges", "--nodes", "10000", "--rounds", "6"],
    &["capture"],
];

/// Measures, and prints a table on stdout.
pub fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Build(args) => build::run(args),
        Bench::Exec(args) => exec::run(args),
        Bench::Down(args) => down::run(args),
        Bench::Apply(args) => apply::run(args),
        Bench::Capture(args) => capture::run(args),
        Bench::Why(args) => why::run(args),
        Bench::All => all(),
    }
}

fn all() -> anyhow::Result<()> {
    for words in ALL {
        println!("`cargo xtask bench {}`:\n", words.join(" "));
        let status = Command::new(std::env::current_exe()?).arg("bench").args(words).status();
        let status = status.context("xtask")?;
        ensure!(status.success(), "bench {}: {status}", words.join(" "));
        println!();
    }
    Ok(())
}
