//! A wire that is kept carrying: a process of its own, a child of the holder's.
//!
//! It is a fork, so that a lab needs no program besides the one that built it; and it has nothing of
//! the holder's in its hands. Each time it is killed it is started again. What has become of it, it
//! says over a pipe, a line of JSON each time.

use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use twinax_kernel::Error;
use twinax_kernel::process::{Fork, close_all_but_standard_streams, fork, signals};
use twinax_topology::Wire;

use super::again::Pauses;
use crate::report::Broken;
use crate::wanted::{self, Key, State};
use crate::wire::{HeldWire, WireError};
use crate::{hint, nodes};

/// What `ps` calls the process.
const NAME: &std::ffi::CStr = c"twinax wire";

/// The exit code of one that was told to end.
const ENDED: u8 = 0;
/// The exit code of one that can't carry any more.
const BROKEN: u8 = 4;

/// A wire that is wanted.
pub(super) struct Carrier {
    key: Key,
    wire: Wire,
    state: State,
    process: Option<Process>,
    pauses: Pauses,
    phase: Phase,
}

/// The process that carries it.
struct Process {
    pid: Pid,
    says: PipeReader,
    /// What it has said of a line that is not whole yet.
    said: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Runs,
    /// It has ended and is started again.
    Pauses(Instant),
    /// It was killed, and has not ended yet.
    Stops,
    Gone,
}

/// What the process says.
#[derive(Debug, Serialize, Deserialize)]
enum Says {
    /// It holds both devices.
    Holds,
    /// It can't, or not any more.
    Broken(Broken),
}

impl Carrier {
    pub(super) fn start(key: Key, wire: Wire) -> Self {
        let (state, pauses) = (State::default(), Pauses::new());
        let mut carrier = Self { key, wire, state, process: None, pauses, phase: Phase::Runs };
        carrier.run();
        carrier
    }

    fn run(&mut self) {
        self.pauses.begin();
        self.state.starts += 1;
        self.state.broken = None;
        self.phase = Phase::Runs;
        match Process::start(&self.wire) {
            Ok(process) => {
                self.process = Some(process);
                self.tell();
            }
            Err(error) => {
                self.state.broken = Some(hint::broken(&error));
                self.rest();
            }
        }
    }

    /// Takes in what the process has said.
    pub(super) fn read(&mut self) {
        let Some(process) = &mut self.process else { return };
        let said = process.read();
        if said.is_empty() {
            return;
        }
        for one in said {
            match one {
                Says::Holds => self.state.pid = Some(process.pid.as_raw_nonzero().get() as u32),
                Says::Broken(broken) => self.state.broken = Some(broken),
            }
        }
        self.tell();
    }

    /// Its process has ended.
    pub(super) fn has_ended(&mut self, exit: i32) {
        self.read();
        self.process = None;
        self.state.pid = None;
        self.state.ended = Some(exit);
        match self.phase {
            Phase::Stops => self.phase = Phase::Gone,
            _ => self.rest(),
        }
    }

    fn rest(&mut self) {
        self.phase = Phase::Pauses(self.pauses.end());
        self.tell();
    }

    /// Ends it: a cable has nothing to finish.
    pub(super) fn stop(&mut self) {
        match (&self.process, self.phase) {
            (_, Phase::Stops | Phase::Gone) => {}
            (Some(process), _) => {
                let _ = kill_process(process.pid, Signal::KILL);
                self.phase = Phase::Stops;
            }
            (None, _) => self.phase = Phase::Gone,
        }
    }

    /// Does what is due.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Phase::Pauses(until) = self.phase
            && now >= until
        {
            self.run();
        }
    }

    /// When it wants to be woken.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Pauses(until) => Some(until),
            Phase::Runs | Phase::Stops | Phase::Gone => None,
        }
    }

    /// Whether it is what is wanted.
    pub(super) fn is(&self, wanted: &Wire) -> bool {
        self.wire == *wanted
    }

    pub(super) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    pub(super) fn pid(&self) -> Option<u32> {
        let process = self.process.as_ref()?;
        Some(process.pid.as_raw_nonzero().get() as u32)
    }

    /// What its process says something on.
    pub(super) fn output(&self) -> Option<BorrowedFd<'_>> {
        let process = self.process.as_ref()?;
        Some(process.says.as_fd())
    }

    /// Says what has become of it.
    fn tell(&self) {
        let _ = wanted::set_state(&self.key, &self.state);
    }

    /// Takes away what was said of it.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(self.key.file(wanted::STATE));
    }
}

impl Process {
    fn start(wire: &Wire) -> Result<Self, Error> {
        let (says, told) = io::pipe().map_err(Error::io("making a pipe"))?;
        rustix::io::ioctl_fionbio(&says, true).map_err(Error::call("making a pipe"))?;
        match fork_alone()? {
            Fork::Parent(pid, _) => Ok(Self { pid, says, said: Vec::new() }),
            Fork::Child => {
                // Nothing may unwind into the frames of the process that we are a copy of.
                let carries = || carry(wire, told);
                std::process::exit(
                    catch_unwind(AssertUnwindSafe(carries)).unwrap_or(BROKEN).into(),
                );
            }
        }
    }

    /// What it has said since the last time.
    fn read(&mut self) -> Vec<Says> {
        let mut some = [0; 1024];
        loop {
            match self.says.read(&mut some) {
                Ok(0) => break,
                Ok(length) => self.said.extend_from_slice(&some[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let mut all = Vec::new();
        while let Some(end) = self.said.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.said.drain(..=end).collect();
            all.extend(serde_json::from_slice(&line).ok());
        }
        all
    }
}

/// How long a thread that has been waited for may be counted as one of the process's.
const COUNTED: Duration = Duration::from_secs(1);

/// Forks. The threads in which ports were opened have ended, but the kernel may be about to take
/// them off its list.
fn fork_alone() -> Result<Fork, Error> {
    let deadline = Instant::now() + COUNTED;
    loop {
        match fork() {
            Err(error) if error.errno() == Some(Errno::BUSY) && Instant::now() < deadline => {
                std::thread::yield_now();
            }
            done => return done,
        }
    }
}

/// In the child.
fn carry(wire: &Wire, told: PipeWriter) -> u8 {
    let mut told = match part_from_holder(told) {
        Ok(told) => told,
        Err(_) => return BROKEN,
    };
    match hold_and_carry(wire, &mut told) {
        Ok(()) => ENDED,
        Err(error) => {
            tell(&mut told, &Says::Broken(hint::broken(&error)));
            BROKEN
        }
    }
}

/// Gives up all that belongs to the holder, but the pipe.
fn part_from_holder(told: PipeWriter) -> io::Result<File> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    rustix::stdio::dup2_stdout(&told)?;
    std::mem::forget((null, told));
    close_all_but_standard_streams()?;
    let _ = rustix::thread::set_name(NAME);
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

fn hold_and_carry(wire: &Wire, told: &mut File) -> Result<(), WireError> {
    // The holder has them blocked, and so have we: they are read.
    let ends = signals(&[Signal::TERM, Signal::INT, Signal::HUP]).map_err(WireError::Signals)?;
    let held = HeldWire::hold(wire, nodes::open)?;
    tell(told, &Says::Holds);
    held.carry(ends.as_fd()).map(drop)
}

fn tell(told: &mut File, what: &Says) {
    let mut line = serde_json::to_vec(what).expect("plain data");
    line.push(b'\n');
    // Where nobody hears it any more, the lab is coming to its end.
    let _ = told.write_all(&line);
}
