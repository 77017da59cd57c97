//! Watching the devices of a lab while a step is done.
//!
//! ```text
//!   rings open ──▶ the step is done ──▶ until the kernel has no more ──▶ judged
//!                  └─ a thread drains ─┘  └─ what is missing is waited for
//! ```
//!
//! The sockets are open before the step begins, so nothing of it is missed; and what is not there when the
//! kernel says that no frame is on its way any more, is not there.

use std::collections::BTreeSet;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use twinax_packet::Frame;
use twinax_topology::{LabStep, NodeName, PacketExpect, WhoseMac};

use super::seen::Matcher;
use super::{Outcome, StepError};
use crate::capture::{CaptureError, Devices, Memory, Options, Session};
use crate::lab::Lab;
use crate::nodes;
use crate::record::{RecordError, Recording};
use crate::report::Broken;

/// How long frames that are on their way when the step is done are waited for. Where some go round all
/// the time, they don't come to an end.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);
/// In a lab of more nodes only those are watched of which something is expected, unless all is to be kept.
pub(crate) const WATCHED: u64 = 256;
/// So much memory a node has at least, in bytes.
const LEAST: u64 = 64 << 10;

/// A watch that goes on while a step is done.
pub(super) struct Watcher {
    wake: PipeWriter,
    taken: Receiver<()>,
}

impl Watcher {
    /// Sees to it that nodes which have just been made are watched from now on.
    pub(super) fn take_in_nodes(&self) {
        // A watch that has failed is told of when the step is done.
        if (&self.wake).write_all(b"n").is_ok() {
            let _ = self.taken.recv();
        }
    }
}

/// Whoever looks at the frames.
struct Eyes<'r> {
    matcher: Matcher,
    recording: Recording<'r>,
}

impl Eyes<'_> {
    fn frame(&mut self, devices: &Devices, frame: &Frame<'_>) {
        self.matcher.frame(devices.interfaces(), frame);
        self.recording.frame(devices.interfaces(), frame);
    }
}

/// Does a step while the lab is watched, and holds what was seen against what is expected.
pub(super) fn watched(
    lab: &mut Lab,
    step: &LabStep,
    matcher: Matcher,
    recording: Recording<'_>,
    act: impl FnOnce(&mut Lab, &Watcher) -> Result<Outcome, StepError>,
) -> Result<Outcome, StepError> {
    let mut session = open(&step.packets, recording.is_asked_for())?;
    let mut eyes = Eyes { matcher, recording };
    let (wake_in, wake) = std::io::pipe().map_err(StepError::Pipe)?;
    let (take, taken) = channel();
    let watcher = Watcher { wake, taken };
    let (outcome, drained) = std::thread::scope(|scope| {
        let draining = scope.spawn(|| drain(&mut session, &mut eyes, &wake_in, &take));
        let outcome = act(lab, &watcher);
        drop(watcher);
        let drained = draining.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (outcome, drained)
    });
    let mut outcome = outcome?;
    drained?;
    let settled = wait(&mut session, &mut eyes, step.packets.within.0)?;
    let lost: Vec<(NodeName, u64)> =
        session.counts()?.iter().map(|(node, counts)| ((*node).clone(), counts.drops)).collect();
    let of =
        |node: &NodeName| lost.iter().filter(|(own, _)| own == node).map(|(_, lost)| lost).sum();
    let (checks, notes) = eyes.matcher.judge(of);
    if !settled {
        outcome.notes.push(format!(
            "frames were still coming {} after the step was done",
            super::in_figures(SETTLES_WITHIN)
        ));
    }
    outcome.checks.extend(checks);
    outcome.notes.extend(notes);
    let mut recording = eyes.recording;
    lost.iter().filter(|(_, lost)| *lost > 0).for_each(|(node, lost)| recording.lost(node, *lost));
    let failed = outcome.checks.iter().any(|check| !check.held);
    outcome.keep(recording, session.devices(), failed)?;
    Ok(outcome)
}

impl Outcome {
    /// Keeps the packets where that is wanted. What nobody has asked for is no reason to fail.
    fn keep(
        &mut self,
        recording: Recording<'_>,
        devices: &Devices,
        failed: bool,
    ) -> Result<(), RecordError> {
        let (asked, cut) = (recording.is_asked_for(), recording.is_cut());
        match recording.end(devices.interfaces(), failed) {
            Ok(kept) => self.packets = kept,
            Err(error) if asked => return Err(error),
            Err(error) => self.notes.push(Broken::from_error(&error).causes.join(": ")),
        }
        if cut && self.packets.is_some() {
            self.notes
                .push("only the beginning of its packets was kept: they are too many".to_owned());
        }
        Ok(())
    }
}

/// Opens the rings: of all nodes, or only of those of which something is expected.
fn open(expect: &PacketExpect, all: bool) -> Result<Session, StepError> {
    let mut names = nodes::names().map_err(CaptureError::Nodes)?;
    names.sort();
    if names.len() as u64 > WATCHED && !all {
        let named = named(expect);
        names.retain(|name| named.contains(name));
    }
    let bytes = Memory::STEP.bytes.max(names.len() as u64 * LEAST);
    let options = Options { newcomers: true, ..Options::all(Memory { bytes, ..Memory::STEP }) };
    Ok(Session::open(&names, &options)?)
}

/// The nodes of which something is expected, and those whose MACs are to be known.
fn named(expect: &PacketExpect) -> BTreeSet<&NodeName> {
    let all = expect.seen.iter().map(|seen| &seen.packets).chain(&expect.unseen);
    let mut named = BTreeSet::new();
    for packets in all {
        named.extend(packets.at.iter().map(|spot| &spot.node));
        for whose in [&packets.from_mac, &packets.to_mac].into_iter().flatten() {
            if let WhoseMac::Place(place) = whose {
                named.insert(&place.node);
            }
        }
    }
    named
}

/// Takes what comes until whoever does the step has nothing more to say.
fn drain(
    session: &mut Session,
    eyes: &mut Eyes<'_>,
    mut wake: &PipeReader,
    taken: &Sender<()>,
) -> Result<(), CaptureError> {
    loop {
        let due = session.due().and_then(|due| Timespec::try_from(due).ok());
        let mut ready = [
            PollFd::from_borrowed_fd(session.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(wake.as_fd(), PollFlags::IN),
        ];
        match poll(&mut ready, due.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(CaptureError::Wait(errno)),
        }
        let said = !ready[1].revents().is_empty();
        session.drain(|devices, frame| eyes.frame(devices, frame))?;
        eyes.recording.pause(session.devices().interfaces());
        if said {
            match wake.read(&mut [0]) {
                // What was made before it was said has been taken in.
                Ok(1) => drop(taken.send(())),
                _ => return Ok(()),
            }
        }
    }
}

/// Waits until there is no more, and a little for what is missing then; whether there was an end.
fn wait(
    session: &mut Session,
    eyes: &mut Eyes<'_>,
    within: Duration,
) -> Result<bool, CaptureError> {
    let deadline = Instant::now() + within;
    let settled = settle(session, eyes)?;
    if eyes.matcher.is_satisfied() {
        return Ok(settled);
    }
    while !eyes.matcher.is_satisfied() && Instant::now() < deadline {
        session.wait(Some(deadline))?;
        session.drain(|devices, frame| eyes.frame(devices, frame))?;
    }
    settle(session, eyes)
}

fn settle(session: &mut Session, eyes: &mut Eyes<'_>) -> Result<bool, CaptureError> {
    let deadline = Instant::now() + SETTLES_WITHIN;
    session.settle(deadline, |devices, frame| eyes.frame(devices, frame))
}
