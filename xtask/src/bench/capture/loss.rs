//! What is lost of a flood, and what capturing it takes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::contestant::Programs;
use super::super::quiet;
use super::super::running::Running;
use super::super::table;
use super::flood::{self, Flood, Sender, Sent};
use super::watch::{self, Watcher, Watching};
use super::{Args, pairs};

/// One flood, watched.
struct Outcome {
    sent: Sent,
    /// Frames in the files.
    held: u64,
    /// Processor time from when all watched until they had nothing left to do.
    cpu: Duration,
}

impl Outcome {
    fn lost(&self) -> u64 {
        self.sent.delivered - self.held
    }

    fn per_frame(&self) -> Duration {
        Duration::from_nanos(self.cpu.as_nanos() as u64 / self.held.max(1))
    }
}

/// Measures, and prints two tables on stdout.
pub fn run(args: &Args, programs: &Programs) -> Result<()> {
    let who = |what: &str| Watcher::ALL.map(|who| format!("{}{what}", who.as_str()));
    let head =
        |more: Vec<String>| [vec!["pairs".to_owned(), "frames a second".to_owned()], more].concat();
    let lost_head = head([who(", lost"), who(", sent a second")].concat());
    let ratios = ["twinax / tcpdump", "twinax / tcpdump -B"].map(str::to_owned).to_vec();
    let cpu_head = head([who("").to_vec(), ratios].concat());
    let (mut lost, mut cpu) = (Vec::new(), Vec::new());
    for &count in &args.pairs {
        let lab = PairsUp::new(programs, count)?;
        let mut sender = Sender::start(programs, pairs::SOURCE, &lab.sources)?;
        for &rate in &args.rate {
            let flood = args.flood(rate);
            let all = measure(args, programs, &lab, &mut sender, flood)?;
            let rate = if rate == 0 { "all it can".to_owned() } else { rate.to_string() };
            let cells = |more: Vec<String>| [vec![count.to_string(), rate.clone()], more].concat();
            let losses = all.iter().map(|all| losses(all));
            let rates = all.iter().map(|all| rates(all));
            lost.push(cells(losses.chain(rates).collect()));
            let times: Vec<Vec<Duration>> =
                all.iter().map(|all| all.iter().map(Outcome::per_frame).collect()).collect();
            let spreads = times.iter().map(|times| table::spread(times, nanoseconds));
            let ratios = [1, 2].map(|other| table::ratio(&times[0], &times[other]));
            cpu.push(cells(spreads.chain(ratios).collect()));
        }
        drop(sender);
        drop(lab);
        quiet::wait(programs)?;
    }
    println!(
        "Of 60-byte UDP frames, how many were lost, and how many were sent a second while each \
         watched: median of {rounds} (lowest–highest).\n\n{}\n\
         Nanoseconds of processor time for each frame that is in the file, all processes together: \
         median of {rounds} (lowest–highest).\n\n{}",
        table::table(&lost_head, lost.into_iter()),
        table::table(&cpu_head, cpu.into_iter()),
        rounds = args.rounds,
    );
    Ok(())
}

/// The lab of the pairs, up.
pub struct PairsUp<'a> {
    /// The nodes that are sent to.
    pub sinks: Vec<String>,
    /// The addresses that are sent from.
    pub sources: Vec<std::net::Ipv4Addr>,
    _running: Running<'a>,
    _folder: tempfile::TempDir,
}

impl<'a> PairsUp<'a> {
    /// Brings it up.
    pub fn new(programs: &'a Programs, count: u32) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the lab's file")?;
        Ok(Self {
            sinks: (0..count).map(pairs::sink).collect(),
            sources: (0..count).map(|index| pairs::addresses(index)[0]).collect(),
            _running: Running::up_as(programs, &pairs::lab_file(count), folder.path())?,
            _folder: folder,
        })
    }
}

fn measure(
    args: &Args,
    programs: &Programs,
    lab: &PairsUp<'_>,
    sender: &mut Sender,
    flood: Flood,
) -> Result<[Vec<Outcome>; 3]> {
    let mut all: [Vec<Outcome>; 3] = Default::default();
    for round in 0..args.rounds as usize {
        for turn in 0..Watcher::ALL.len() {
            let place = (turn + round) % Watcher::ALL.len();
            let who = Watcher::ALL[place];
            let folder = args.folder()?;
            let outcome = once(args, programs, who, lab, sender, flood, folder.path())
                .with_context(|| who.as_str())?;
            eprintln!(
                "{} pairs, round {} of {}: {} took {} of {} frames, {:.0} a second, at {} ns each",
                lab.sinks.len(),
                round + 1,
                args.rounds,
                who.as_str(),
                outcome.held,
                outcome.sent.delivered,
                outcome.sent.rate(),
                outcome.per_frame().as_nanos()
            );
            all[place].push(outcome);
        }
    }
    Ok(all)
}

/// Floods while one watches; and sees to it that each frame is in the file once, or told to be lost.
fn once(
    args: &Args,
    programs: &Programs,
    who: Watcher,
    lab: &PairsUp<'_>,
    sender: &mut Sender,
    flood: Flood,
    folder: &Path,
) -> Result<Outcome> {
    let what = watch::sinks(&lab.sinks, args.ring);
    let mut watching = Watching::start(programs, who, what, folder)?;
    let before = watching.look()?;
    let sent = sender.send(flood)?;
    watching.wait_until_idle()?;
    let after = watching.look()?;
    let told = watching.end()?;
    let held = flood::held(watching.files(), flood, 1)?;
    ensure!(held.others == 0, "{} frames in the file that nobody sent", held.others);
    ensure!(held.frames == told.seen, "{} frames in the file, but {told:?}", held.frames);
    ensure!(
        held.frames + told.lost == sent.delivered,
        "{} frames sent, {} in the file, but {told:?}",
        sent.delivered,
        held.frames
    );
    ensure!(after.threads == after.processes, "{} threads", after.threads);
    Ok(Outcome { sent, held: held.frames, cpu: after.cpu - before.cpu })
}

fn nanoseconds(time: Duration) -> String {
    time.as_nanos().to_string()
}

/// The share of the frames that were lost.
fn losses(all: &[Outcome]) -> String {
    let mut shares: Vec<f64> =
        all.iter().map(|one| 100.0 * one.lost() as f64 / one.sent.delivered as f64).collect();
    shares.sort_by(f64::total_cmp);
    let write = |share: f64| match share {
        0.0 => "0".to_owned(),
        some if some < 0.1 => format!("{some:.3} %"),
        many => format!("{many:.1} %"),
    };
    let (first, last) = (shares[0], shares[shares.len() - 1]);
    format!("{} ({}–{})", write(shares[shares.len() / 2]), write(first), write(last))
}

fn rates(all: &[Outcome]) -> String {
    let mut rates: Vec<f64> = all.iter().map(|one| one.sent.rate()).collect();
    rates.sort_by(f64::total_cmp);
    format!("{:.0}", rates[rates.len() / 2])
}
