//! `bench why`: what the verdicts of `twinax why` are worth.
//!
//! Of each random lab some pairs are asked for while nothing is wrong: a fault that is found then is
//! invented. Then one fault is brought about at a random place, and the verdict is right, wrong, or
//! that it does not know. What was not right is listed with its seed, by which it comes again:
//! `cargo xtask bench why --labs 1 --seed SEED`.

mod chance;
mod fault;
mod network;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

use super::contestant::Programs;
use super::table;
use fault::{Fault, Way};
use network::{Host, Network};

/// How many labs, and which.
#[derive(clap::Args)]
pub struct Args {
    /// How many random labs.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    labs: u32,
    /// The first one's seed; each that follows has the next.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many pairs of each lab are asked for while nothing is wrong.
    #[arg(long, default_value_t = 2)]
    pairs: u32,
    /// A twinax that is there already; built as it is released unless said.
    #[arg(long)]
    twinax: Option<PathBuf>,
}

/// What labs are called.
const LAB: &str = "bench-why";

/// What became of the faults of one name.
#[derive(Default)]
struct Tally {
    right: u32,
    wrong: u32,
    unknown: u32,
    mended: u32,
    times: Vec<Duration>,
}

/// What is known at the end.
#[derive(Default)]
struct Outcome {
    healthy: u32,
    invented: Vec<String>,
    tallies: BTreeMap<&'static str, Tally>,
    wrong: Vec<String>,
    /// What is not known, and what no remedy has mended.
    missed: Vec<String>,
    /// Faults that were none: the packet arrived all the same.
    harmless: u32,
}

/// Tries, and prints the tables on stdout.
pub fn run(args: &Args) -> Result<()> {
    let machine = table::machine();
    let bench = Bench::new(args)?;
    let mut outcome = Outcome::default();
    for seed in (args.seed..).take(args.labs as usize) {
        bench.lab(seed, args.pairs, &mut outcome).with_context(|| format!("seed {seed}"))?;
    }
    println!("{machine}\n\n{}", outcome.text(args));
    Ok(())
}

/// The program, and where its labs are.
struct Bench {
    twinax: PathBuf,
    folder: tempfile::TempDir,
}

/// A lab that is up. Dropped, it is taken down.
struct Up<'a>(&'a Bench);

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let _ = self.0.twinax(&["down", LAB]);
    }
}

impl Bench {
    fn new(args: &Args) -> Result<Self> {
        let twinax = match &args.twinax {
            Some(path) => path.canonicalize().context("--twinax")?,
            None => Programs::build()?.twinax(),
        };
        Ok(Self { twinax, folder: tempfile::tempdir()? })
    }

    fn twinax(&self, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.twinax);
        command.env("TWINAX_RUNTIME_DIR", self.folder.path().join("run"));
        command.args(words).stdin(Stdio::null()).output().context("twinax")
    }

    /// Runs lines of shell in the lab.
    fn shell(&self, node: &str, script: &str) -> Result<()> {
        let place = format!("{LAB}/{node}");
        let done = self.twinax(&["exec", &place, "--", "sh", "-ec", script])?;
        ensure!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    fn lab(&self, seed: u64, pairs: u32, outcome: &mut Outcome) -> Result<()> {
        let chance = &mut chance::seeded(seed);
        let network = Network::draw(chance);
        let file = self.folder.path().join("lab.toml");
        fs::write(&file, network.file(LAB))?;
        let up = self.twinax(&["up", &file.to_string_lossy()])?;
        ensure!(up.status.success(), "up: {}", String::from_utf8_lossy(&up.stderr));
        let _up = Up(self);
        for _ in 0..pairs {
            let Some((from, to)) = network.pair(chance) else { return Ok(()) };
            self.reaches(&network, from, to)?;
            let (said, _) = self.why(&network, from, to, &[])?;
            outcome.healthy += 1;
            if said["arrives"] != true || causes(&said).next().is_some() {
                let verdict = &said["verdict"]["sentence"];
                outcome.invented.push(format!("seed {seed}: {from:?} to {to:?}: {verdict}"));
            }
        }
        self.with_a_fault(seed, &network, chance, outcome)
    }

    fn with_a_fault(
        &self,
        seed: u64,
        network: &Network,
        chance: &mut Pcg64Mcg,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let Some((from, to)) = network.pair(chance) else { return Ok(()) };
        let (there, back) = (network.way(from, to), network.way(to, from));
        let way = Way { network, from, to, there, back };
        // Each of a round of seeds begins with another kind; those that this way has no place for
        // are passed over.
        let first = usize::try_from(seed % fault::ALL.len() as u64).unwrap_or_default();
        let in_turn = (0..fault::ALL.len()).map(|turn| (first + turn) % fault::ALL.len());
        let mut drawn = in_turn.filter_map(|own| {
            let (name, draw) = fault::ALL[own];
            draw(&way, chance).map(|fault| Fault { name, ..fault })
        });
        let Some(fault) = drawn.next() else { return Ok(()) };
        self.reaches(network, from, to)?;
        self.shell(&network.name(from), &fault.inject)?;
        if self.arrives(network, from, to, &fault.ask)? {
            outcome.harmless += 1;
            return Ok(());
        }
        let (said, time) = self.why(network, from, to, &fault.ask)?;
        let tally = outcome.tallies.entry(fault.name).or_default();
        tally.times.push(time);
        let mut named = causes(&said).peekable();
        let place = format!(
            "seed {seed}, {}: {} to {}",
            fault.name,
            network.name(from),
            network.address(to)
        );
        let sentence = &said["verdict"]["sentence"];
        if named.peek().is_none() && said["arrives"] == false {
            tally.unknown += 1;
            outcome.missed.push(format!("{place}: not known: {sentence}"));
            return Ok(());
        }
        if named.any(|cause| fault.is(cause)) {
            tally.right += 1;
        } else {
            tally.wrong += 1;
            let (kinds, nodes) = (fault.kinds, &fault.nodes);
            let all: Vec<String> = causes(&said)
                .map(|cause| format!("{} {} {}", cause["kind"], cause["node"], cause["device"]))
                .collect();
            outcome.wrong.push(format!(
                "{place}: is {kinds:?} at {nodes:?} {:?}, named {all:?}: {sentence}",
                fault.devices,
            ));
        }
        let fixed = self.ask("why", network, from, to, &with_fix(&fault.ask))?;
        if self.arrives(network, from, to, &fault.ask)? {
            tally.mended += 1;
        } else {
            let remedy = &said["remedy"]["words"]["commands"];
            outcome
                .missed
                .push(format!("{place}: not mended: {sentence} {remedy} {}", fixed.status));
        }
        Ok(())
    }

    /// That there is nothing wrong: link-local addresses, and with them gateways of IPv6, are usable a second or two
    /// after a lab is up.
    fn reaches(&self, network: &Network, from: Host, to: Host) -> Result<()> {
        for _ in 0..5 {
            if self.arrives(network, from, to, &[])? {
                return Ok(());
            }
        }
        let (from, to) = (network.name(from), network.address(to));
        bail!("{from} does not reach {to}")
    }

    /// Whether a packet arrives, asked of programs that are not ours to judge: `ping`, and for the
    /// rest our own probes.
    fn arrives(&self, network: &Network, from: Host, to: Host, ask: &[String]) -> Result<bool> {
        let value = |key: &str| {
            ask.iter().position(|word| word == key).and_then(|place| ask.get(place + 1)).cloned()
        };
        let node = format!("{LAB}/{}", network.name(from));
        let to = network.address(to);
        if let Some(protocol) = value("--proto") {
            let port = value("--port").unwrap_or_default();
            return Ok(self.twinax(&[&protocol, &node, &to, &port, "-W", "0.5"])?.status.success());
        }
        let mut words = format!("exec ping -n -c 1 -W 1 {to}");
        for (key, option) in [("--ttl", "-t"), ("--size", "-s")] {
            if let Some(value) = value(key) {
                words += &format!(" {option} {value}");
            }
        }
        if ask.iter().any(|word| word == "--dont-fragment") {
            words += " -M do";
        }
        Ok(self.twinax(&["exec", &node, "--", "sh", "-c", &words])?.status.success())
    }

    fn ask(
        &self,
        verb: &str,
        network: &Network,
        from: Host,
        to: Host,
        more: &[String],
    ) -> Result<Output> {
        let node = format!("{LAB}/{}", network.name(from));
        let to = network.address(to);
        let mut words = vec![verb, &node, &to];
        words.extend(more.iter().map(String::as_str));
        self.twinax(&words)
    }

    /// What `why` says, and how long it took.
    fn why(
        &self,
        network: &Network,
        from: Host,
        to: Host,
        ask: &[String],
    ) -> Result<(Value, Duration)> {
        let begun = Instant::now();
        let more = [ask, &["--json".to_owned()]].concat();
        let done = self.ask("why", network, from, to, &more)?;
        let complaint = String::from_utf8_lossy(&done.stderr);
        let said = serde_json::from_slice(&done.stdout);
        Ok((said.with_context(|| format!("why: {}: {complaint}", done.status))?, begun.elapsed()))
    }
}

fn with_fix(ask: &[String]) -> Vec<String> {
    [ask, &["--fix".to_owned()]].concat()
}

/// The causes that a verdict names.
fn causes(said: &Value) -> impl Iterator<Item = &Value> {
    said["verdict"]["causes"].as_array().into_iter().flatten()
}

impl Fault {
    /// Whether a cause that was named is this fault.
    fn is(&self, cause: &Value) -> bool {
        let word = |key: &str| cause[key].as_str().unwrap_or_default();
        self.kinds.contains(&word("kind"))
            && self.nodes.iter().any(|node| node == word("node"))
            && (self.devices.is_empty() || self.devices.iter().any(|own| own == word("device")))
    }
}

impl Outcome {
    fn text(&self, args: &Args) -> String {
        let head = ["fault", "tried", "right", "wrong", "not known", "mended", "seconds"];
        let row = |name: &str, tally: &Tally| {
            let tried = tally.right + tally.wrong + tally.unknown;
            let part = |of: u32| format!("{of} ({} %)", of * 100 / tried.max(1));
            vec![
                name.to_owned(),
                tried.to_string(),
                part(tally.right),
                part(tally.wrong),
                part(tally.unknown),
                part(tally.mended),
                table::spread(&tally.times, |time| format!("{:.2}", time.as_secs_f64())),
            ]
        };
        let mut all = Tally::default();
        for tally in self.tallies.values() {
            all.right += tally.right;
            all.wrong += tally.wrong;
            all.unknown += tally.unknown;
            all.mended += tally.mended;
            all.times.extend(&tally.times);
        }
        let mut rows: Vec<_> = self.tallies.iter().map(|(name, tally)| row(name, tally)).collect();
        if !all.times.is_empty() {
            rows.push(row("all", &all));
        }
        let list =
            |lines: &[String]| lines.iter().map(|line| format!("- {line}\n")).collect::<String>();
        format!(
            "{} labs from seed {} on.\n\nNothing wrong: {} pairs asked for, {} faults invented.\n{}\n\
             One fault in each: verdicts, and how often the remedy was enough ({} faults did no harm).\n\n{}\n\
             Wrong:\n\n{}\nNot known, or not mended:\n\n{}",
            args.labs,
            args.seed,
            self.healthy,
            self.invented.len(),
            list(&self.invented),
            self.harmless,
            table::table(&head.map(str::to_owned), rows.into_iter()),
            list(&self.wrong),
            list(&self.missed),
        )
    }
}
