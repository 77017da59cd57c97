//! A command that is kept running.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStderr, ChildStdout, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use twinax_topology::{Command, NodeName, Restart};

use super::again::Pauses;
use super::log::{self, Log};
use crate::exec::{self, ExecError};
use crate::hint;
use crate::wanted::{self, Key, State, Wanted};

/// A command that is wanted.
pub(super) struct Service {
    key: Key,
    command: Command,
    wanted: Wanted,
    state: State,
    log: Option<Log>,
    outputs: Vec<Output>,
    /// The process group of what was started last: some of it may live on.
    group: Option<Pid>,
    pauses: Pauses,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Runs,
    /// It has ended and is started again.
    Pauses(Instant),
    /// It has ended, and that is it.
    Rests,
    /// It was told to end, and is killed at this time.
    Stops(Instant),
    Gone,
}

impl Service {
    pub(super) fn start(key: Key, command: Command, wanted: Wanted) -> Self {
        let mut service = Self {
            log: Log::open(&key).ok(),
            key,
            command,
            wanted,
            state: State::default(),
            outputs: Vec::new(),
            group: None,
            pauses: Pauses::new(),
            phase: Phase::Rests,
        };
        service.run();
        service
    }

    fn run(&mut self) {
        self.pauses.begin();
        self.state.starts += 1;
        self.state.broken = None;
        match spawn(&self.key.node, &self.command, &self.wanted) {
            Ok((pid, outputs)) => {
                self.group = Some(pid);
                self.state.pid = Some(pid.as_raw_nonzero().get() as u32);
                self.outputs = outputs;
                self.phase = Phase::Runs;
                self.tell();
            }
            Err(error) => {
                self.state.broken = Some(hint::broken(&error));
                self.after_end(None);
            }
        }
    }

    /// Its process has ended.
    pub(super) fn has_ended(&mut self, exit: i32) {
        self.read();
        self.state.pid = None;
        self.state.ended = Some(exit);
        match self.phase {
            // What it has started may need the time to finish, too.
            Phase::Stops(until) if self.group_lives() => self.phase = Phase::Stops(until),
            Phase::Stops(_) => self.phase = Phase::Gone,
            _ => self.after_end(Some(exit)),
        }
    }

    fn after_end(&mut self, exit: Option<i32>) {
        let again = match self.command.restart {
            Restart::Never => false,
            Restart::OnFailure => exit != Some(0),
            Restart::Always => true,
        };
        let until = self.pauses.end();
        self.phase = if again { Phase::Pauses(until) } else { Phase::Rests };
        self.tell();
    }

    /// Tells it to end.
    pub(super) fn stop(&mut self) {
        if matches!(self.phase, Phase::Stops(_) | Phase::Gone) {
            return;
        }
        if self.group_lives() && !self.command.stop.0.is_zero() {
            self.signal(Signal::TERM);
            // One that was stopped by a signal could not hear of it.
            self.signal(Signal::CONT);
            self.phase = Phase::Stops(Instant::now() + self.command.stop.0);
        } else {
            self.signal(Signal::KILL);
            self.phase = Phase::Gone;
        }
    }

    /// Does what is due.
    pub(super) fn wake(&mut self, now: Instant) {
        match self.phase {
            Phase::Pauses(until) if now >= until => self.run(),
            Phase::Stops(until) if now >= until => {
                self.signal(Signal::KILL);
                self.phase = Phase::Gone;
            }
            Phase::Stops(_) if self.state.pid.is_none() && !self.group_lives() => {
                self.phase = Phase::Gone;
            }
            _ => {}
        }
    }

    /// When it wants to be woken.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Pauses(until) | Phase::Stops(until) => Some(until),
            Phase::Runs | Phase::Rests | Phase::Gone => None,
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stops(_))
    }

    /// What it was started for.
    pub(super) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    pub(super) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.state.pid
    }

    /// What it writes to.
    pub(super) fn outputs(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.outputs.iter().map(Output::as_fd)
    }

    /// Takes in what it has written.
    pub(super) fn read(&mut self) {
        let log = &mut self.log;
        self.outputs.retain_mut(|output| {
            output.read(|some| {
                if let Some(log) = log {
                    log.write(some);
                }
            })
        });
    }

    fn group_lives(&self) -> bool {
        self.group.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Says what has become of it.
    fn tell(&self) {
        // The tmpfs may be full; the command runs all the same.
        let _ = wanted::set_state(&self.key, &self.state);
    }

    /// Takes away what was said of it.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(self.key.file(wanted::STATE));
        log::remove(&self.key);
    }
}

fn spawn(
    node: &NodeName,
    command: &Command,
    wanted: &Wanted,
) -> Result<(Pid, Vec<Output>), ExecError> {
    let mut started = exec::command(node, &command.program, &wanted.directory)?;
    // A group of its own, so that all of it can be ended.
    std::os::unix::process::CommandExt::process_group(&mut started, 0);
    let path = wanted.environment.get("PATH").cloned().unwrap_or_default();
    started.env_clear().envs(&wanted.environment).env("PATH", exec::roots_path(path.into()));
    started.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = exec::start(&mut started)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let outputs = stdout.map(Output::Stdout).into_iter().chain(stderr.map(Output::Stderr));
    let outputs = outputs.inspect(Output::do_not_wait).collect();
    Ok((Pid::from_child(&child), outputs))
}

/// One of the outputs of a command.
enum Output {
    Stdout(ChildStdout),
    Stderr(ChildStderr),
}

impl Output {
    fn do_not_wait(&self) {
        let _ = rustix::io::ioctl_fionbio(self, true);
    }

    /// Hands over what is there; `false`: nobody can write it any more.
    fn read(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        let mut some = [0; 16 * 1024];
        // Not for ever: one that writes without end is not the only one.
        for _ in 0..4 {
            let read = match self {
                Self::Stdout(pipe) => pipe.read(&mut some),
                Self::Stderr(pipe) => pipe.read(&mut some),
            };
            match read {
                Ok(0) => return false,
                Ok(length) => take(&some[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stdout(pipe) => pipe.as_fd(),
            Self::Stderr(pipe) => pipe.as_fd(),
        }
    }
}
