//! Work in a sandbox, done by a process that joins it and goes again.

use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rustix::process::{Signal, pidfd_send_signal};
use twinax_kernel::process::{Fork, fork, join};

use super::{Ended, Holder, PANICKED, SandboxError, tie, wait};
use crate::hint;
use crate::report::Broken;

/// Work that is being done in a sandbox, seen from the process that sent it. Dropped, it is broken
/// off.
#[derive(Debug)]
pub struct Work {
    pub(super) pidfd: OwnedFd,
    pub(super) events: PipeReader,
    /// While this end is open, the worker knows that we are there.
    pub(super) life: Option<PipeWriter>,
}

impl Holder {
    /// Has work done in the sandbox by a process of its own, which is in all of its namespaces and
    /// in the working directory of the caller. What it writes can be read from
    /// [`events`](Work::events); its value becomes the exit code.
    ///
    /// The calling process must have one thread only: the work is done in a fork of it.
    pub fn work(&self, inside: impl FnOnce(PipeWriter) -> u8) -> Result<Work, SandboxError> {
        let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let (life_in, life_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        let (events_in, events_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        let (told_in, told_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        match fork().map_err(SandboxError::Fork)? {
            Fork::Parent(_, pidfd) => {
                drop((life_in, events_out, told_out));
                let work = Work { pidfd, events: events_in, life: Some(life_out) };
                let told = std::io::read_to_string(told_in).map_err(SandboxError::Pipe)?;
                match serde_json::from_str(&told) {
                    Ok(broken) => Err(SandboxError::Join(Broken::into(broken))),
                    Err(_) => Ok(work),
                }
            }
            Fork::Child => {
                drop((life_out, events_in, told_in));
                let run = || self.join_and_work(&life_in, directory, told_out, events_out, inside);
                let code = catch_unwind(AssertUnwindSafe(run)).unwrap_or(PANICKED);
                std::process::exit(code.into());
            }
        }
    }

    /// Joins, and has a child do the work: only a child is in the PID namespace.
    fn join_and_work(
        &self,
        life: &PipeReader,
        directory: PathBuf,
        mut told: PipeWriter,
        events: PipeWriter,
        inside: impl FnOnce(PipeWriter) -> u8,
    ) -> u8 {
        if !tie::to_parent(life.as_fd()) {
            return PANICKED;
        }
        let child = join(self.as_fd(), self.user_namespace).and_then(|()| {
            // What a process gains by joining a user namespace unties it.
            if !tie::to_parent(life.as_fd()) {
                std::process::exit(PANICKED.into());
            }
            fork()
        });
        match child {
            Err(error) => {
                let broken = serde_json::to_vec(&hint::broken(&error)).expect("plain data");
                let _ = told.write_all(&broken);
                PANICKED
            }
            Ok(Fork::Parent(_, pidfd)) => {
                // Others hear of the end only when nobody can say anything any more.
                drop((told, events));
                match wait(&pidfd) {
                    Ok(Ended::Exit(code)) => code as u8,
                    Ok(Ended::Signal(signal)) => 128 + signal as u8,
                    Err(_) => PANICKED,
                }
            }
            Ok(Fork::Child) => {
                drop(told);
                if !tie::to_parent(life.as_fd()) {
                    return PANICKED;
                }
                // Joining a mount namespace is entering it at its root.
                let _ = std::env::set_current_dir(directory);
                catch_unwind(AssertUnwindSafe(|| inside(events))).unwrap_or(PANICKED)
            }
        }
    }
}

impl Work {
    /// What the worker writes; at its end when the worker has closed it.
    pub fn events(&mut self) -> &mut PipeReader {
        &mut self.events
    }

    /// Waits until the work is done.
    pub fn wait(mut self) -> std::io::Result<Ended> {
        let ended = wait(&self.pidfd);
        self.life = None;
        // Whoever has waited for the worker has it from the kernel, and says it as a shell does.
        Ok(match ended? {
            Ended::Exit(code) if code > 128 => Ended::Signal(code - 128),
            ended => ended,
        })
    }
}

impl AsFd for Work {
    /// Ready for reading when the work is done.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.life.is_some() {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            let _ = wait(&self.pidfd);
        }
    }
}
