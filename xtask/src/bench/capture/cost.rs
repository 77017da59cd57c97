//! What being watched costs the watched: TCP across a veth pair.

use std::fs;
use std::time::Duration;

use anyhow::Result;

use super::super::contestant::Programs;
use super::super::quiet;
use super::super::table;
use super::loss::PairsUp;
use super::stream::Stream;
use super::told::Told;
use super::watch::{self, Watcher, Watching};
use super::{Args, pairs};

const MIB: u64 = 1 << 20;

/// What came of one contestant's rounds.
#[derive(Default)]
struct Rounds {
    /// How long TCP took.
    times: Vec<Duration>,
    told: Told,
    /// Processor time of those who watched.
    cpu: Duration,
    /// What they wrote, in bytes.
    written: u64,
}

/// Measures, and prints a table on stdout for each number of ends that are watched.
pub fn run(args: &Args, programs: &Programs) -> Result<()> {
    let lab = PairsUp::new(programs, 1)?;
    let to = (&*lab.sinks[0], pairs::addresses(0)[1]);
    let mut stream = Stream::start(programs, pairs::SOURCE, to)?;
    let both = [lab.sinks[0].clone(), pairs::SOURCE.to_owned()];
    let mut tables = Vec::new();
    for (ends, words) in [(1, "receiving end is"), (2, "both ends are")] {
        let rounds = measure(args, programs, &mut stream, &both[..ends])?;
        tables.push(format!("Whose {words} watched:\n\n{}", in_words(args, &rounds)));
    }
    drop(stream);
    drop(lab);
    quiet::wait(programs)?;
    println!(
        "{} MiB of TCP across a veth pair: median of {} (slowest last).\n\n{}",
        args.stream,
        args.rounds,
        tables.join("\n")
    );
    Ok(())
}

/// Nobody watches, or one of those who can.
fn contestants() -> impl Iterator<Item = Option<Watcher>> {
    std::iter::once(None).chain(Watcher::ALL.map(Some))
}

fn measure(
    args: &Args,
    programs: &Programs,
    stream: &mut Stream,
    nodes: &[String],
) -> Result<Vec<Rounds>> {
    let contestants: Vec<Option<Watcher>> = contestants().collect();
    let mut all: Vec<Rounds> = contestants.iter().map(|_| Rounds::default()).collect();
    for round in 0..args.rounds as usize {
        for turn in 0..contestants.len() {
            let place = (turn + round) % contestants.len();
            let own = &mut all[place];
            let folder = args.folder()?;
            let watching = contestants[place].map(|who| {
                let what = watch::sinks(nodes, args.ring);
                Watching::start(programs, who, what, folder.path())
            });
            let mut watching = watching.transpose()?;
            let before = watching.as_mut().map(Watching::look).transpose()?;
            let time = stream.send(args.stream * MIB)?;
            own.times.push(time);
            eprintln!(
                "{} MiB of TCP, {} watched, round {} of {}: {} s with {}",
                args.stream,
                nodes.len(),
                round + 1,
                args.rounds,
                table::seconds(time),
                name(contestants[place])
            );
            if let (Some(mut watching), Some(before)) = (watching, before) {
                watching.wait_until_idle()?;
                own.cpu += watching.look()?.cpu.saturating_sub(before.cpu);
                own.told += watching.end()?;
                for file in watching.files() {
                    own.written += fs::metadata(file)?.len();
                }
            }
        }
    }
    Ok(all)
}

fn in_words(args: &Args, all: &[Rounds]) -> String {
    let head =
        ["watched by", "Gbit/s", "of that without", "frames lost", "ms of processor time a MiB"];
    let body = contestants().zip(all).map(|(who, own)| {
        let bits = (args.stream * MIB * 8) as f64;
        let gigabits = |time: Duration| format!("{:.1}", bits * 1e-9 / time.as_secs_f64());
        let mut cells = vec![name(who).to_owned(), table::spread(&own.times, gigabits)];
        // Of a rate, not of a time.
        cells.push(table::ratio(&all[0].times, &own.times));
        match who {
            None => cells.extend([String::new(), String::new()]),
            Some(_) => {
                let share = own.told.lost as f64 / (own.told.seen + own.told.lost) as f64;
                let written = own.written as f64 / MIB as f64;
                cells.push(format!("{:.1} %", 100.0 * share));
                cells.push(format!("{:.3}", own.cpu.as_secs_f64() * 1000.0 / written));
            }
        }
        cells
    });
    table::table(&head.map(str::to_owned), body)
}

fn name(who: Option<Watcher>) -> &'static str {
    who.map_or("nobody", Watcher::as_str)
}
