//! `bench build`: how long it takes to build a lab and to take it away.
//!
//! What is measured is the whole process, from its start until it has been waited for. The
//! contestants take turns, each starting a round as often as another, and each starts when the
//! kernel has freed what the one before left behind; so a machine that is busy for a while is busy
//! for all of them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::contestant::{Contestant, Entry, Programs};
use super::lab::{Lab, Shape};
use super::table::{self, Row};
use super::verify;

/// How many nodes the labs have in which the contestants' work is checked.
const CHECKED: u32 = 10;

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// How many hosts or routers.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    nodes: Vec<u32>,
    /// Hosts on one bridge, or a chain of routers.
    #[arg(long, value_delimiter = ',', default_value = "star,line")]
    shape: Vec<Shape>,
    /// How often each contestant builds each lab.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Who takes part.
    #[arg(long = "with", value_delimiter = ',', default_value = "twinax,bare,batch,script")]
    contestants: Vec<Contestant>,
}

/// The times of one contestant with one lab.
#[derive(Debug, Default, Clone)]
pub struct Times {
    /// From the start of the process to its end.
    pub process: Vec<Duration>,
    /// From there until the kernel has freed the namespaces.
    pub freed: Vec<Duration>,
}

/// Measures, and prints the table on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let programs = build_programs(&args.contestants)?;
    let folder = tempfile::tempdir().context("a folder for the contestants' input")?;
    let wait = || wait_until_quiet(&programs);
    for &shape in &args.shape {
        check(args, &programs, shape, folder.path())?;
        wait()?;
    }
    let mut rows = Vec::new();
    for &shape in &args.shape {
        for &count in &args.nodes {
            let entries = prepare(args, &programs, (shape, count), folder.path(), None)?;
            let times =
                measure(&entries, args.rounds, wait, &format!("{} {count}", shape.as_str()))?;
            rows.push(Row { shape, count, times });
        }
    }
    print!("{machine}\n\n{}", table::markdown(&args.contestants, args.rounds, &rows));
    Ok(())
}

fn prepare(
    args: &Args,
    programs: &Programs,
    lab: (Shape, u32),
    folder: &Path,
    observe: Option<&Path>,
) -> Result<Vec<Entry>> {
    args.contestants
        .iter()
        .map(|&contestant| Entry::prepare(contestant, programs, lab, folder, observe))
        .collect()
}

/// Has every contestant build a small lab and compares what there is in it with what is meant. It
/// also has every program in memory before the first round.
fn check(args: &Args, programs: &Programs, shape: Shape, folder: &Path) -> Result<()> {
    let lab = Lab::new(shape, CHECKED);
    for &contestant in &args.contestants {
        let observed = folder.join(format!("observed-{}-{}", contestant.as_str(), shape.as_str()));
        std::fs::create_dir(&observed)?;
        let entry = Entry::prepare(
            contestant,
            programs,
            (shape, CHECKED),
            &folder.join("checked"),
            Some(&observed),
        )?;
        entry.run()?;
        verify::compare(&lab, &observed).with_context(|| {
            format!("{} doesn't build the {}", contestant.as_str(), shape.as_str())
        })?;
    }
    Ok(())
}

fn measure(
    entries: &[Entry],
    rounds: u32,
    wait: impl Fn() -> Result<()>,
    lab: &str,
) -> Result<Vec<Times>> {
    let mut times = vec![Times::default(); entries.len()];
    for round in 0..rounds {
        for turn in 0..entries.len() {
            let who = (turn + round as usize) % entries.len();
            let name = entries[who].contestant.as_str();
            let start = Instant::now();
            entries[who].run()?;
            let process = start.elapsed();
            wait()?;
            let freed = start.elapsed() - process;
            eprintln!(
                "{lab}, round {} of {rounds}: {name} {}, freed after {}",
                round + 1,
                table::seconds(process),
                table::seconds(freed)
            );
            times[who].process.push(process);
            times[who].freed.push(freed);
        }
    }
    Ok(times)
}

fn build_programs(contestants: &[Contestant]) -> Result<Programs> {
    let packages: &[&str] = if contestants.contains(&Contestant::Twinax) {
        &["--package", "xtask", "--package", "twinax-cli"]
    } else {
        &["--package", "xtask"]
    };
    let status = Command::new(crate::cargo())
        .args(["build", "--release"])
        .args(packages)
        .current_dir(crate::workspace())
        .status()
        .context("cargo")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(Programs { folder: crate::target().join("release") })
}

/// Returns when the kernel has freed the network namespaces of the processes that have ended.
fn wait_until_quiet(programs: &Programs) -> Result<()> {
    let status = Command::new(programs.folder.join("xtask")).arg("bench-quiet").status()?;
    ensure!(status.success(), "waiting for the kernel to free namespaces: {status}");
    Ok(())
}
