//! Captures under way: started where they belong, looked at, ended.
//!
//! A process of the bench's own is their parent: beside twinax on the machine, beside tcpdump in the lab.
//! So neither is charged for how it got there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::super::contestant::{LAB, Programs};
use super::super::sandbox;
use super::pairs::SINK_DEVICE;
use super::talk::{Talk, answer, number};
use super::told::{Told, by_tcpdump, by_twinax};

/// Who captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watcher {
    /// One `twinax capture` for all nodes.
    Twinax,
    /// A `tcpdump` for each node, as it is.
    Tcpdump,
    /// The same, with as much memory in all as twinax's rings have.
    RoomyTcpdump,
}

impl Watcher {
    /// All, in the order of the tables.
    pub const ALL: [Self; 3] = [Self::Twinax, Self::Tcpdump, Self::RoomyTcpdump];

    /// The word for it in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twinax => "twinax",
            Self::Tcpdump => "tcpdump",
            Self::RoomyTcpdump => "tcpdump -B",
        }
    }
}

/// What is to be watched, and with what.
#[derive(Debug, Clone, Copy)]
pub struct What<'a> {
    /// The nodes; of each, its device of this name, or all.
    pub nodes: &'a [String],
    /// Only this device of each.
    pub device: Option<&'a str>,
    /// Memory for frames that wait, in MiB, of all nodes together; `None`: what twinax takes by itself.
    pub ring: Option<u64>,
}

impl What<'_> {
    /// So much memory twinax has (`twinax_lab::capture::Memory`).
    pub fn memory(&self) -> u64 {
        self.ring.unwrap_or((16 * self.nodes.len() as u64).min(64))
    }
}

/// Captures under way.
pub struct Watching {
    talk: Talk,
    who: Watcher,
    /// What they write.
    files: Vec<PathBuf>,
    /// How long it took from their start until all said that they watch.
    pub begun: Duration,
}

/// What captures take, all of them together.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Processor time since their start, of the threads that they have.
    pub cpu: Duration,
    /// Threads of all processes.
    pub threads: u64,
    /// How many processes there are.
    pub processes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Proportional set size, in KiB (`smaps_rollup`, proc_pid_smaps(5)).
    pub memory: u64,
}

impl Watching {
    /// Starts them, and waits until all watch. What they write is put into the folder.
    pub fn start(programs: &Programs, who: Watcher, what: What<'_>, folder: &Path) -> Result<Self> {
        let file = |name: &str| folder.join(name);
        let mut command;
        let (files, words): (Vec<PathBuf>, Vec<Value>);
        if who == Watcher::Twinax {
            command = Command::new(programs.xtask());
            programs.register(&mut command);
            files = vec![file("all.pcapng")];
            words = vec![json!({ "words": twinax(programs, what, &files[0]) })];
        } else {
            command = Command::new(programs.twinax());
            programs.register(&mut command);
            let node = what.nodes.first().context("nothing to watch")?;
            command.args(["exec", &format!("{LAB}/{node}"), "--"]).arg(programs.xtask());
            files = what.nodes.iter().map(|node| file(&format!("{node}.pcap"))).collect();
            let each = what.nodes.iter().zip(&files);
            words = each
                .map(|(node, file)| json!({ "node": node, "words": tcpdump(who, what, file) }))
                .collect();
        }
        command.arg("bench-watch");
        let mut talk = Talk::start(command)?;
        let begun = talk.ask(&json!({ "start": words }))?;
        let begun = Duration::from_nanos(number(&begun, "nanos")?);
        Ok(Self { talk, who, files, begun })
    }

    /// Looks at them.
    pub fn look(&mut self) -> Result<Look> {
        let seen = self.talk.ask(&json!({ "look": true }))?;
        Ok(Look {
            cpu: Duration::from_nanos(number(&seen, "cpu")?),
            threads: number(&seen, "threads")?,
            processes: number(&seen, "processes")?,
            descriptors: number(&seen, "descriptors")?,
            memory: number(&seen, "memory")?,
        })
    }

    /// What they write.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Waits until they have written nothing for longer than a frame may wait in a ring: tcpdump's are
    /// handed over after a second.
    pub fn wait_until_idle(&self) -> Result<()> {
        const IDLE: Duration = Duration::from_millis(1600);
        let written =
            || -> Result<u64> { self.files().map(|file| Ok(fs::metadata(file)?.len())).sum() };
        let (mut before, mut since) = (written()?, Instant::now());
        while since.elapsed() < IDLE {
            std::thread::sleep(Duration::from_millis(50));
            let now = written()?;
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// Ends them: what they say they have seen.
    pub fn end(&mut self) -> Result<Told> {
        let reports = self.talk.ask(&json!({ "end": true }))?;
        let reports = reports.as_array().context("no reports")?;
        let mut all = Told::default();
        for report in reports.iter().filter_map(Value::as_str) {
            all += match self.who {
                Watcher::Twinax => by_twinax(report)?,
                Watcher::Tcpdump | Watcher::RoomyTcpdump => by_tcpdump(report)?,
            };
        }
        Ok(all)
    }
}

fn twinax(programs: &Programs, what: What<'_>, file: &Path) -> Vec<String> {
    let mut words = vec![programs.twinax().display().to_string(), "capture".to_owned()];
    words.push(LAB.to_owned());
    if let Some(device) = what.device {
        words.extend(what.nodes.iter().map(|node| format!("{node}:{device}")));
    }
    if let Some(ring) = what.ring {
        words.extend(["--ring".to_owned(), format!("{ring}MiB")]);
    }
    words.extend(["-w".to_owned(), file.display().to_string()]);
    words
}

fn tcpdump(who: Watcher, what: What<'_>, file: &Path) -> Vec<String> {
    let device = what.device.unwrap_or("any");
    // As whoever started it: in the sandbox of a user without privilege there is nobody else.
    let mut words = ["tcpdump", "-Z", "root", "-i", device].map(str::to_owned).to_vec();
    if who == Watcher::RoomyTcpdump {
        let each = what.memory() * 1024 / what.nodes.len() as u64;
        words.extend(["-B".to_owned(), each.to_string()]);
    }
    words.extend(["-w".to_owned(), file.display().to_string()]);
    words
}

/// Has the device of a sink watched.
pub fn sinks(nodes: &[String], ring: Option<u64>) -> What<'_> {
    What { nodes, device: Some(SINK_DEVICE), ring }
}

/// The captures' parent.
pub fn run() -> Result<()> {
    sandbox::raise_open_files().context("the limit of open files")?;
    let mut all = Vec::new();
    let outcome = answer(|asked| {
        if let Some(words) = asked["start"].as_array() {
            let start = Instant::now();
            for words in words {
                all.push(Capture::start(words)?);
            }
            all.iter_mut().try_for_each(Capture::wait)?;
            return Ok(json!({ "nanos": start.elapsed().as_nanos() as u64 }));
        }
        match asked["end"].as_bool() {
            Some(true) => all.drain(..).map(Capture::end).collect(),
            _ => look(&all),
        }
    });
    // Nobody asked for their end where something went wrong.
    for capture in all {
        let _ = capture.end();
    }
    outcome
}

struct Capture {
    child: Child,
    says: BufReader<ChildStderr>,
}

impl Capture {
    fn start(what: &Value) -> Result<Self> {
        if let Some(node) = what["node"].as_str() {
            sandbox::enter(fs::File::open(format!("/run/netns/{node}"))?)?;
        }
        let words: Vec<&str> =
            what["words"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (program, arguments) = words.split_first().context("a command")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().context((*program).to_owned())?;
        let says = BufReader::new(child.stderr.take().context("its standard error")?);
        Ok(Self { child, says })
    }

    /// Waits until it says that it watches.
    fn wait(&mut self) -> Result<()> {
        let mut said = String::new();
        loop {
            let before = said.len();
            if self.says.read_line(&mut said)? == 0 {
                bail!("a capture has ended: {}\n{said}", self.child.wait()?);
            }
            let line = &said[before..];
            if line.starts_with("watching ") || line.contains("listening on ") {
                return Ok(());
            }
        }
    }

    /// Ends it; the rest of what it says.
    fn end(mut self) -> Result<String> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        let mut said = String::new();
        self.says.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "a capture has failed: {status}\n{said}");
        Ok(said)
    }
}

/// What all of them take, with the processes that each has started.
fn look(all: &[Capture]) -> Result<Value> {
    let mut sums = Sums::default();
    for capture in all {
        sums.add(capture.child.id())?;
    }
    let Sums { cpu, threads, processes, descriptors, memory } = sums;
    Ok(json!({
        "cpu": cpu, "threads": threads, "processes": processes, "descriptors": descriptors,
        "memory": memory
    }))
}

/// See [`Look`].
#[derive(Default)]
struct Sums {
    cpu: u64,
    threads: u64,
    processes: u64,
    descriptors: u64,
    memory: u64,
}

impl Sums {
    fn add(&mut self, process: u32) -> Result<()> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        self.processes += 1;
        for thread in fs::read_dir(folder.join("task"))? {
            let thread = thread?.path();
            let times = fs::read_to_string(thread.join("schedstat"))?;
            let time = times.split_whitespace().next().and_then(|time| time.parse::<u64>().ok());
            self.cpu += time.context("a thread without its time")?;
            self.threads += 1;
            let children = fs::read_to_string(thread.join("children"))?;
            for child in children.split_whitespace() {
                self.add(child.parse()?)?;
            }
        }
        self.descriptors += fs::read_dir(folder.join("fd"))?.count() as u64;
        let maps = fs::read_to_string(folder.join("smaps_rollup"))?;
        self.memory += pss(&maps).context("a process without memory")?;
        Ok(())
    }
}

fn pss(maps: &str) -> Option<u64> {
    let pss = maps.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    pss.split_whitespace().next()?.parse().ok()
}
