//! Frames as they come.

use std::collections::BTreeMap;
use std::io::PipeReader;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use twinax_kernel::process;
use twinax_lab::capture::filter::{self, Compiler};
use twinax_lab::capture::{CaptureError, Devices, Memory, Options, Session};
use twinax_packet::{Frame, Time};
use twinax_topology::NodeName;

use super::sink::{Known, Sink};
use super::targets::Watched;
use crate::args::Capture;
use crate::command::{HELD, target};
use crate::show;

/// How long one waits, at the end, for frames that are on their way.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// Losses are told at most so often.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Watches until enough is seen, the time is up, or somebody asks for the end. In the lab.
pub fn run(
    watched: &Watched,
    asked: &Capture,
    mut sink: Box<dyn Sink>,
    stop: &PipeReader,
) -> anyhow::Result<u8> {
    // Where that is not allowed, nothing is wrong with what is seen.
    let _ = process::give_way();
    let mut session = open(watched, asked, sink.is_read_later())?;
    sink.pause(known(session.devices()), now())?;
    if !asked.quiet {
        show::tell(&begin_words(watched));
    }
    let end = asked.span.map(|span| Instant::now() + span.0);
    let mut seen = 0;
    let mut losses = Losses::default();
    while !wait(&session, &mut *sink, stop, end)? {
        let full = sink.screen().is_some_and(|screen| screen.is_full());
        if !full {
            give_out(&mut *sink, &mut seen, |each| session.drain(each).map(drop))?;
        }
        losses.take(&mut session, &mut *sink)?;
        losses.tell();
        sink.pause(known(session.devices()), now())?;
        if sink.screen().is_some_and(|screen| screen.has_hung_up()) {
            return Ok(HELD);
        }
        if sink.is_done() || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    let soon = Instant::now() + SETTLES_WITHIN;
    give_out(&mut *sink, &mut seen, |each| session.settle(soon, each).map(drop))?;
    losses.take(&mut session, &mut *sink)?;
    sink.end(known(session.devices()), now())?;
    if !asked.quiet || losses.all() > 0 {
        show::tell(&losses.in_all(seen));
    }
    Ok(HELD)
}

/// Has frames go where they are to go; the first failure there ends it.
fn give_out(
    sink: &mut dyn Sink,
    seen: &mut u64,
    from: impl FnOnce(&mut dyn FnMut(&Devices, &Frame<'_>)) -> Result<(), CaptureError>,
) -> anyhow::Result<()> {
    let mut failed = None;
    from(&mut |devices, frame| {
        if failed.is_none() && !sink.is_done() {
            *seen += 1;
            failed = sink.frame(known(devices), frame).err();
        }
    })?;
    failed.map_or(Ok(()), Err)
}

fn known(devices: &Devices) -> Known<'_> {
    Known { interfaces: devices.interfaces(), wiring: devices.wiring() }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(since.as_nanos() as u64)
}

fn open(watched: &Watched, asked: &Capture, is_read_later: bool) -> anyhow::Result<Session> {
    for (node, interfaces) in &watched.only {
        for interface in interfaces {
            target::has_interface(node, interface.as_ref())?;
        }
    }
    let memory = if is_read_later { Memory::RECORDING } else { Memory::WATCHING };
    let memory = asked.ring.map_or(memory, |ring| memory.of(ring.0));
    let mut options = Options { newcomers: watched.whole, ..Options::all(memory) };
    options.only.clone_from(&watched.only);
    if let Some(expression) = &asked.filter {
        let (own, compiler) = filter::compile(expression)?;
        if compiler == Compiler::OwnWords && !asked.quiet {
            show::tell("libpcap is not there: the filter is read by twinax itself");
        }
        options.filter = own;
    }
    Ok(Session::open(&watched.nodes, &options)?)
}

/// Waits for something to do; whether somebody asked for the end.
fn wait(
    session: &Session,
    sink: &mut dyn Sink,
    stop: &PipeReader,
    end: Option<Instant>,
) -> anyhow::Result<bool> {
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    let own = sink.due();
    let screen = sink.screen();
    let full = screen.as_ref().is_some_and(|screen| screen.is_full());
    // While the screen is full, frames wait where they are.
    let rest = session.rest();
    let due = rest.or_else(|| session.due()).filter(|_| !full);
    let left = [left, due, own].into_iter().flatten().min();
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    let mut ready = vec![PollFd::new(stop, PollFlags::IN)];
    if !full && rest.is_none() {
        ready.push(PollFd::from_borrowed_fd(session.as_fd(), PollFlags::IN));
    }
    // Standard output that nobody reads tells so whatever is asked of it: it is asked only where
    // there is something for it.
    if let Some(screen) = screen.filter(|screen| screen.is_waiting()) {
        ready.push(PollFd::new(screen, PollFlags::OUT));
    }
    rustix::io::retry_on_intr(|| poll(&mut ready, left.as_ref()))?;
    Ok(!ready[0].revents().is_empty())
}

/// Frames that had no room.
#[derive(Default)]
struct Losses {
    nodes: BTreeMap<NodeName, u64>,
    told: u64,
    at: Option<Instant>,
}

impl Losses {
    fn take(&mut self, session: &mut Session, sink: &mut dyn Sink) -> anyhow::Result<()> {
        for (node, frames) in session.new_losses()? {
            sink.lost(&node, frames);
            *self.nodes.entry(node).or_default() += frames;
        }
        Ok(())
    }

    fn all(&self) -> u64 {
        self.nodes.values().sum()
    }

    /// Tells of new ones, but not all the time.
    fn tell(&mut self) {
        let new = self.all() - self.told;
        if new > 0 && self.at.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            show::tell(&format!("{} lost: there was no room for them", frames(new)));
            self.told += new;
            self.at = Some(Instant::now());
        }
    }

    fn in_all(&self, seen: u64) -> String {
        /// More nodes than this are not named.
        const NAMED: usize = 5;
        if self.nodes.is_empty() {
            return format!("{} seen, none lost", frames(seen));
        }
        let named: Vec<String> =
            self.nodes.iter().take(NAMED).map(|(node, lost)| format!("{node} {lost}")).collect();
        let more = if self.nodes.len() > NAMED { ", …" } else { "" };
        format!(
            "{} seen, {} lost for lack of room ({}{more}); `--ring` gives more, `--filter` asks for less",
            frames(seen),
            self.all(),
            named.join(", ")
        )
    }
}

fn begin_words(watched: &Watched) -> String {
    match &watched.nodes[..] {
        [node] => format!("watching node {node}; Ctrl-C ends it"),
        nodes => format!("watching {} nodes; Ctrl-C ends it", nodes.len()),
    }
}

fn frames(count: u64) -> String {
    if count == 1 { "1 frame".to_owned() } else { format!("{count} frames") }
}
