//! What being watched costs the watched: TCP across a veth pair.

use std::time::Duration;

use anyhow::Result;

use super::super::contestant::Programs;
use super::super::quiet;
use super::super::table;
use super::loss::PairsUp;
use super::stream::Stream;
use super::watch::{self, Watcher, Watching};
use super::{Args, pairs};

const MIB: u64 = 1 << 20;

/// Measures, and prints a table on stdout.
pub fn run(args: &Args, programs: &Programs) -> Result<()> {
    let contestants: Vec<Option<Watcher>> =
        std::iter::once(None).chain(Watcher::ALL.map(Some)).collect();
    let lab = PairsUp::new(programs, 1)?;
    let to = (&*lab.sinks[0], pairs::addresses(0)[1]);
    let mut stream = Stream::start(programs, pairs::SOURCE, to)?;
    let bytes = args.stream * MIB;
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contestants.len()];
    let mut lost = vec![0; contestants.len()];
    let mut seen = vec![0; contestants.len()];
    for round in 0..args.rounds as usize {
        for turn in 0..contestants.len() {
            let place = (turn + round) % contestants.len();
            let folder = args.folder()?;
            let watching = contestants[place].map(|who| {
                let what = watch::sinks(&lab.sinks, args.ring);
                Watching::start(programs, who, what, folder.path())
            });
            let watching = watching.transpose()?;
            let time = stream.send(bytes)?;
            times[place].push(time);
            eprintln!(
                "{} MiB of TCP, round {} of {}: {} s with {}",
                args.stream,
                round + 1,
                args.rounds,
                table::seconds(time),
                name(contestants[place])
            );
            if let Some(mut watching) = watching {
                watching.wait_until_idle()?;
                let told = watching.end()?;
                lost[place] += told.lost;
                seen[place] += told.seen;
            }
        }
    }
    drop(stream);
    drop(lab);
    quiet::wait(programs)?;
    let head = ["watched by", "Gbit/s", "of that without", "frames lost"].map(str::to_owned);
    let body = contestants.iter().enumerate().map(|(place, who)| {
        let gigabits = |time: Duration| format!("{:.1}", bytes as f64 * 8e-9 / time.as_secs_f64());
        let all = seen[place] + lost[place];
        let share = 100.0 * lost[place] as f64 / all as f64;
        let share = if all == 0 { String::new() } else { format!("{share:.1} %") };
        // Of a rate, not of a time.
        let ratio = table::ratio(&times[0], &times[place]);
        vec![name(*who).to_owned(), table::spread(&times[place], gigabits), ratio, share]
    });
    println!(
        "{} MiB of TCP across a veth pair whose receiving end is watched: median of {} (slowest \
         last).\n\n{}",
        args.stream,
        args.rounds,
        table::table(&head, body)
    );
    Ok(())
}

fn name(who: Option<Watcher>) -> &'static str {
    who.map_or("nobody", Watcher::as_str)
}
