//! A thousand nodes, watched at once.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::contestant::Programs;
use super::super::lab::{Lab, Shape};
use super::super::quiet;
use super::super::running::Running;
use super::super::table::{self, milliseconds};
use super::Args;
use super::flood::{self, Flood, Sender};
use super::watch::{Look, Watcher, Watching, What};

/// How long one looks at captures that have nothing to do.
const IDLE: Duration = Duration::from_secs(5);

/// What was seen of one contestant.
struct Seen {
    begun: Vec<Duration>,
    look: Option<Look>,
    idle: Vec<Duration>,
}

/// Measures, and prints a table on stdout.
pub fn run(args: &Args, programs: &Programs) -> Result<()> {
    let head = [
        "nodes",
        "who",
        "processes",
        "threads",
        "open descriptors",
        "memory, MiB",
        "ms until all is watched",
        "ms of processor time for a second of nothing",
    ];
    let mut body = Vec::new();
    for &count in &args.nodes {
        let lab = Lab::new(Shape::Line, count);
        for (who, seen) in measure(args, programs, &lab)? {
            let look = seen.look.context("nothing was seen")?;
            body.push(vec![
                count.to_string(),
                who.as_str().to_owned(),
                look.processes.to_string(),
                look.threads.to_string(),
                look.descriptors.to_string(),
                format!("{:.1}", look.memory as f64 / 1024.0),
                table::spread(&seen.begun, milliseconds),
                table::spread(&seen.idle, milliseconds),
            ]);
        }
    }
    println!(
        "All devices of a line of routers watched; memory is the proportional set size; median of \
         {} (lowest–highest).\n\n{}",
        args.rounds,
        table::table(&head.map(str::to_owned), body.into_iter())
    );
    Ok(())
}

fn measure(args: &Args, programs: &Programs, lab: &Lab) -> Result<Vec<(Watcher, Seen)>> {
    let folder = tempfile::tempdir()?;
    let running = Running::up(programs, lab, folder.path())?;
    let nodes: Vec<String> = lab.nodes.iter().map(|(node, _)| node.clone()).collect();
    let (end, _) = lab.links.first().context("a lab without links")?;
    let (from, _) = end.address.context("an end without an address")?;
    let mut sender = Sender::start(programs, &end.node, &[from])?;
    let what = What { nodes: &nodes, device: None, ring: args.ring };
    let mut all: Vec<(Watcher, Seen)> = [Watcher::Twinax, Watcher::RoomyTcpdump]
        .map(|who| (who, Seen { begun: Vec::new(), look: None, idle: Vec::new() }))
        .into();
    for _ in 0..args.rounds {
        for (who, seen) in &mut all {
            let files = args.folder()?;
            let mut watching = Watching::start(programs, *who, what, files.path())?;
            seen.begun.push(watching.begun);
            let flood = Flood { rate: Some(10_000), frames: 1000 };
            let sent = sender.send(flood)?;
            watching.wait_until_idle()?;
            let before = watching.look()?;
            std::thread::sleep(IDLE);
            let after = watching.look()?;
            seen.idle.push((after.cpu - before.cpu).div_f64(IDLE.as_secs_f64()));
            seen.look = Some(after);
            let told = watching.end()?;
            ensure!(told.lost == 0, "{}: {told:?} of next to nothing", who.as_str());
            // Where it goes out, and where it comes in.
            if *who == Watcher::Twinax {
                let held = flood::held(watching.files(), flood, 2)?;
                // The device may have passed on something of its own besides.
                let delivered = sent.delivered.min(flood.frames);
                ensure!(
                    held.frames == 2 * delivered,
                    "{} of {} frames, each of which crossed two devices",
                    held.frames,
                    delivered
                );
                ensure!(held.frames + held.others == told.seen, "{held:?}, but {told:?}");
            }
        }
    }
    drop(sender);
    drop(running);
    quiet::wait(programs)?;
    Ok(all)
}
