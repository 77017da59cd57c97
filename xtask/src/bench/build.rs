//! `bench build`: how long it takes to build a lab and to take it away.
//!
//! What is measured is the whole process, from its start until it has been waited for. The
//! contestants take turns, each starting a round as often as another, and each starts when the
//! kernel has freed what the one before left behind; so a machine that is busy for a while is busy
//! for all of them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::contestant::{Contestant, Entry, Programs};
use super::lab::{Lab, Shape};
use super::running::{Running, Stays};
use super::table::{self, Row};
use super::{quiet, verify};

/// How many nodes the labs have in which the contestants' work is checked.
const CHECKED: u32 = 10;

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// How many hosts or routers.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    nodes: Vec<u32>,
    /// Hosts on one bridge, a chain of routers, a tree of routers, hosts on many bridges.
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
    /// From there until the kernel has freed the namespaces; of a lab that stays, from when it has
    /// been taken down.
    pub freed: Vec<Duration>,
    /// What of the lab stays, where it does.
    pub stays: Option<Stays>,
}

/// Measures, and prints the table on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let programs = Programs::build()?;
    let folder = tempfile::tempdir().context("a folder for the contestants' input")?;
    let wait = || quiet::wait(&programs);
    for &shape in &args.shape {
        check(args, &programs, shape, folder.path())?;
        wait()?;
    }
    let mut rows = Vec::new();
    for &shape in &args.shape {
        for &count in &args.nodes {
            let entries = prepare(args, &programs, (shape, count), folder.path(), None)?;
            let times =
                measure(&programs, &entries, args.rounds, &format!("{} {count}", shape.as_str()))?;
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
        if contestant == Contestant::Up {
            // Its steps are what observes.
            Running::of(programs).twinax(&["check"])?;
        }
        verify::compare(&lab, &observed).with_context(|| {
            format!("{} doesn't build the {}", contestant.as_str(), shape.as_str())
        })?;
    }
    Ok(())
}

fn measure(programs: &Programs, entries: &[Entry], rounds: u32, lab: &str) -> Result<Vec<Times>> {
    let mut times = vec![Times::default(); entries.len()];
    for round in 0..rounds {
        for turn in 0..entries.len() {
            let who = (turn + round as usize) % entries.len();
            let name = entries[who].contestant.as_str();
            let start = Instant::now();
            entries[who].run()?;
            let process = start.elapsed();
            if entries[who].contestant == Contestant::Up {
                let running = Running::of(programs);
                times[who].stays = Some(running.stays()?);
            }
            let ended = Instant::now() - start;
            // A lab that stays is down by now.
            quiet::wait(programs)?;
            let freed = start.elapsed() - ended;
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
