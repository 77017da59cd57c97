//! `bench exec`: how long it takes to run a program in a node.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::contestant::{LAB, Programs};
use super::lab::{Kind, Lab, Shape};
use super::running::Running;
use super::table::{self, milliseconds};
use super::timer::Timer;

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// How many nodes there are beside the one in question.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000, 10_000])]
    nodes: Vec<u32>,
    /// How often.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// In the table's order.
const CONTESTANTS: [&str; 3] = ["twinax exec", "ip netns exec", "nsenter"];

/// Measures, and prints the table on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let programs = Programs::build()?;
    let mut head = vec!["nodes".to_owned()];
    head.extend(CONTESTANTS.map(str::to_owned));
    head.extend(["twinax / ip".to_owned(), "twinax / nsenter".to_owned()]);
    let mut body = Vec::new();
    for &count in &args.nodes {
        let times = measure(&programs, count, args.rounds)?;
        let mut cells = vec![count.to_string()];
        cells.extend(times.iter().map(|times| table::spread(times, milliseconds)));
        cells.extend([1, 2].map(|other| table::ratio(&times[0], &times[other])));
        body.push(cells);
    }
    println!(
        "{machine}\n\nMilliseconds to run `true` in a node: median of {} (lowest–highest).\n\n{}",
        args.rounds,
        table::table(&head, body.into_iter())
    );
    Ok(())
}

fn measure(programs: &Programs, count: u32, rounds: u32) -> Result<[Vec<Duration>; 3]> {
    let folder = tempfile::tempdir()?;
    let lab = Lab::new(Shape::Bridges, count);
    let (name, _) =
        lab.nodes.iter().rfind(|(_, kind)| *kind == Kind::Host).context("a lab without hosts")?;
    let _running = Running::up(programs, &lab, folder.path())?;
    // What is there to be seen in the node alone.
    let mark = &lab.ends(name).next().context("a host without an interface")?.interface;
    let batch = folder.path().join("names.batch");
    let names: String = lab.nodes.iter().map(|(node, _)| format!("netns add {node}\n")).collect();
    std::fs::write(&batch, names)?;
    let script =
        format!("ip -batch {}\nip -n {name} link add {mark} type bridge\n", batch.display());
    let mut here = Timer::here(programs)?;
    let mut there = Timer::in_sandbox(programs, folder.path(), &script)?;

    let twinax = programs.twinax().display().to_string();
    let node = format!("{LAB}/{name}");
    let netns = format!("--net=/run/netns/{name}");
    let commands: [Vec<&str>; 3] = [
        vec![&twinax, "exec", &node, "--"],
        vec!["ip", "netns", "exec", name],
        vec!["nsenter", &netns],
    ];
    let mut time = |who: usize, program: &[&str]| {
        let timer = if who == 0 { &mut here } else { &mut there };
        timer.time(&[&commands[who][..], program].concat())
    };
    let sysctls = format!("/proc/sys/net/ipv4/conf/{mark}");
    for (who, name) in CONTESTANTS.into_iter().enumerate() {
        time(who, &["test", "-d", &sysctls])
            .with_context(|| format!("{name} is not in the node"))?;
        ensure!(time(who, &["false"]).is_err(), "{name} loses the exit code");
    }
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..rounds as usize {
        for turn in 0..CONTESTANTS.len() {
            let who = (turn + round) % CONTESTANTS.len();
            times[who].push(time(who, &["true"])?);
        }
    }
    Ok(times)
}
