//! `bench down`: how long it takes until a lab is gone to its last device.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::contestant::{LAB, Programs, batches};
use super::lab::{Lab, Shape};
use super::quiet;
use super::running::Running;
use super::table::{self, seconds};
use super::timer::Timer;

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// How many hosts or routers.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    nodes: Vec<u32>,
    /// Of what shape the labs are.
    #[arg(long, value_delimiter = ',', default_value = "star,line,bridges")]
    shape: Vec<Shape>,
    /// How often.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Measures, and prints the table on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let programs = Programs::build()?;
    let head = ["shape", "nodes", "twinax down", "ip -all netns del", "twinax / ip"];
    let mut body = Vec::new();
    for &shape in &args.shape {
        for &count in &args.nodes {
            let lab = Lab::new(shape, count);
            let mut times: [Vec<Duration>; 2] = Default::default();
            for round in 0..args.rounds as usize {
                for turn in 0..2 {
                    let who = (turn + round) % 2;
                    let folder = tempfile::tempdir()?;
                    let take_down = if who == 0 { by_twinax } else { by_ip };
                    times[who].push(take_down(&programs, &lab, folder.path())?);
                    quiet::wait(&programs)?;
                }
            }
            let mut cells = vec![shape.as_str().to_owned(), count.to_string()];
            cells.extend(times.iter().map(|times| table::spread(times, seconds)));
            cells.push(table::ratio(&times[0], &times[1]));
            body.push(cells);
        }
    }
    println!(
        "{machine}\n\nSeconds until the kernel has freed the last device: median of {} \
         (lowest–highest).\n\n{}",
        args.rounds,
        table::table(&head.map(str::to_owned), body.into_iter())
    );
    Ok(())
}

fn by_twinax(programs: &Programs, lab: &Lab, folder: &Path) -> Result<Duration> {
    let running = Running::up(programs, lab, folder)?;
    let time = Timer::here(programs)?.time(&[&programs.twinax().to_string_lossy(), "down", LAB])?;
    ensure!(running.twinax(&["ls", "--json"])?.trim() == "[]", "the lab is still there");
    Ok(time)
}

fn by_ip(programs: &Programs, lab: &Lab, folder: &Path) -> Result<Duration> {
    let mut timer = Timer::in_sandbox(programs, folder, &batches(lab, folder)?)?;
    let line = format!("ip -all netns del && exec {} bench-quiet", programs.xtask().display());
    let time = timer.time(&["sh", "-c", &line])?;
    timer.time(&["sh", "-c", "test -z \"$(ls /run/netns)\""]).context("nodes are still there")?;
    Ok(time)
}
