//! `bench apply`: how long it takes to change a running lab, and to look at it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::contestant::{LAB, Programs, lab_file};
use super::lab::{Lab, Shape};
use super::quiet;
use super::running::Running;
use super::table::{self, milliseconds};
use super::timer::Timer;

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// How many hosts or routers.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000])]
    nodes: Vec<u32>,
    /// Of what shape the labs are.
    #[arg(long, value_delimiter = ',', default_value = "star,line,bridges")]
    shape: Vec<Shape>,
    /// How often.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// In the table's order. Half of the times of the first are there, half are back.
const COMMANDS: [&str; 6] =
    ["apply, one address", "apply, nothing", "exec", "show", "show of a node", "ls"];
const EXEC: usize = 2;

/// Measures, and prints the table on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let programs = Programs::build()?;
    let mut head = vec!["shape".to_owned(), "nodes".to_owned()];
    head.extend(COMMANDS.map(str::to_owned));
    head.push("apply, one address / exec".to_owned());
    let mut body = Vec::new();
    for &shape in &args.shape {
        for &count in &args.nodes {
            let folder = tempfile::tempdir()?;
            let times = measure(&programs, &Lab::new(shape, count), args.rounds, folder.path())?;
            quiet::wait(&programs)?;
            let mut cells = vec![shape.as_str().to_owned(), count.to_string()];
            cells.extend(times.iter().map(|times| table::spread(times, milliseconds)));
            cells.push(table::ratio(&times[0], &times[EXEC]));
            body.push(cells);
        }
    }
    println!(
        "{machine}\n\nMilliseconds from the start of the process to its end: median of {} \
         (lowest–highest).\n\n{}",
        args.rounds,
        table::table(&head, body.into_iter())
    );
    Ok(())
}

fn measure(
    programs: &Programs,
    lab: &Lab,
    rounds: u32,
    folder: &Path,
) -> Result<[Vec<Duration>; 6]> {
    let running = Running::up(programs, lab, folder)?;
    let write = |name: &str, lab: &Lab| -> Result<String> {
        let file = folder.join(name);
        std::fs::write(&file, lab_file(lab, None))?;
        Ok(file.display().to_string())
    };
    let changed = lab.changed();
    let files = [write("lab.toml", lab)?, write("changed.toml", &changed)?];
    let (end, _) = changed.links.last().context("a lab without links")?;
    let node = format!("{LAB}/{}", end.node);
    let mut timer = Timer::here(programs)?;
    let mut time = |arguments: &[&str]| {
        timer.time(&[&[&*programs.twinax().to_string_lossy()], arguments].concat())
    };
    let mut times: [Vec<Duration>; 6] = Default::default();
    for round in 0..rounds as usize {
        let file = &files[(round + 1) % 2];
        times[0].push(time(&["apply", file])?);
        if round < 2 {
            let addresses =
                running.twinax(&["exec", &node, "--", "ip", "-4", "-br", "address", "show"])?;
            let new = end.address.map(|(ip, prefix)| format!("{ip}/{prefix}")).unwrap_or_default();
            ensure!(addresses.contains(&new) == (round == 0), "{file}: {addresses}");
        }
        times[1].push(time(&["apply", file])?);
        times[EXEC].push(time(&["exec", &node, "--", "true"])?);
        times[3].push(time(&["show", LAB])?);
        times[4].push(time(&["show", &node])?);
        times[5].push(time(&["ls"])?);
    }
    Ok(times)
}
