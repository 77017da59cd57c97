//! The sandbox: where a lab lives, and with which it goes.
//!
//! One child process, PID 1 of a PID namespace of its own, in its own mount and "outside" network
//! namespace and (unless real root asked for none) its own user namespace. Everything of the lab
//! hangs off it: when it ends, however it ends, the kernel ends every process in there and takes
//! every namespace, device and mount away. And it ends when the process that started it ends: the
//! kernel sends it `SIGKILL` then (`PR_SET_PDEATHSIG`). Nothing is ever in a file of the machine.
//!
//! ```text
//!  twinax run ──fork──▶ PID 1 of the sandbox ──▶ threads in nodes, commands in nodes
//!      │  writes the ID maps    │
//!      │◀──────── events ───────┘  (a pipe; what they are is the caller's business)
//! ```

mod idmap;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Signal, WaitIdOptions, WaitIdStatus, kill_process, set_parent_process_death_signal, waitid,
};
use twinax_kernel::mounts;
use twinax_kernel::process::{Fork, NewNamespaces, fork_into};

pub use idmap::IdMapError;
pub(crate) use idmap::ranges;

/// Why a sandbox could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The namespaces were refused.
    #[error("this machine refused the namespaces of a sandbox")]
    Namespaces(#[source] twinax_kernel::Error),
    /// No user namespace was asked for, by somebody who is not root.
    #[error("only root can do without a user namespace")]
    NotRoot,
    /// The IDs could not be mapped.
    #[error("the user and group IDs of the sandbox could not be set")]
    IdMap(#[from] IdMapError),
    /// A pipe to the sandbox broke or could not be had.
    #[error("the pipe to the sandbox")]
    Pipe(#[source] std::io::Error),
}

/// How a sandbox is to be.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether it has a user namespace of its own. Only real root can do without.
    pub user_namespace: bool,
}

impl Options {
    /// Whether the calling user may ask for it.
    pub fn check(self) -> Result<(), SandboxError> {
        match self.user_namespace || rustix::process::geteuid().is_root() {
            true => Ok(()),
            false => Err(SandboxError::NotRoot),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { user_namespace: true }
    }
}

/// A sandbox that runs, seen from the process that started it. Dropped, it ends.
pub struct Sandbox {
    pid: Pid,
    pidfd: OwnedFd,
    events: PipeReader,
    /// While this end is open, the sandbox knows that we are there.
    life: PipeWriter,
    ended: bool,
}

/// How a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Sandbox {
    /// Starts a sandbox and runs `inside` in it, as its first process. What `inside` writes can be
    /// read from [`events`](Self::events); its value becomes the exit code.
    ///
    /// The calling process must have one thread only: `inside` runs in a fork of it.
    pub fn start(
        options: Options,
        inside: impl FnOnce(Result<(), twinax_kernel::Error>, PipeWriter) -> u8,
    ) -> Result<Self, SandboxError> {
        options.check()?;
        let root = rustix::process::geteuid().is_root();
        let (life_in, life_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        let (events_in, events_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        let new = NewNamespaces { user: options.user_namespace };
        match fork_into(new).map_err(SandboxError::Namespaces)? {
            Fork::Child => {
                drop(life_out);
                drop(events_in);
                let run = || {
                    await_parent(life_in);
                    inside(set_up(), events_out)
                };
                // Nothing may unwind into the frames of the process that we are a copy of.
                let code = catch_unwind(AssertUnwindSafe(run)).unwrap_or(PANICKED);
                std::process::exit(code.into());
            }
            Fork::Parent(pid, pidfd) => {
                drop(life_in);
                drop(events_out);
                let mut sandbox =
                    Self { pid, pidfd, events: events_in, life: life_out, ended: false };
                if options.user_namespace {
                    idmap::map(pid, root)?;
                }
                sandbox.life.write_all(&[GO]).map_err(SandboxError::Pipe)?;
                Ok(sandbox)
            }
        }
    }

    /// What the inside writes; at its end when the inside has closed it.
    pub fn events(&mut self) -> &mut PipeReader {
        &mut self.events
    }

    /// Waits until the sandbox has ended.
    pub fn wait(mut self) -> std::io::Result<Ended> {
        self.reap()
    }

    fn reap(&mut self) -> std::io::Result<Ended> {
        self.ended = true;
        let id = rustix::process::WaitId::PidFd(std::os::fd::AsFd::as_fd(&self.pidfd));
        let status: Option<WaitIdStatus> =
            rustix::io::retry_on_intr(|| waitid(id.clone(), WaitIdOptions::EXITED))?;
        let status = status.expect("waitid waits where it is not told not to");
        Ok(match status.exit_status() {
            Some(code) => Ended::Exit(code),
            None => Ended::Signal(status.terminating_signal().unwrap_or_default()),
        })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process(self.pid, Signal::KILL);
            let _ = self.reap();
        }
    }
}

/// The byte that tells the child that its IDs are mapped.
const GO: u8 = b'g';

/// The exit code of a sandbox whose inside panicked: "something broke".
const PANICKED: u8 = 4;

/// In the child: waits until the parent has mapped the IDs; from here on it ends with the parent.
fn await_parent(mut life: PipeReader) {
    let tied = set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    let mut byte = [0];
    let told = life.read_exact(&mut byte).is_ok();
    // It may have gone before the signal was asked for.
    let mut ends = [PollFd::new(&life, PollFlags::empty())];
    let now = Timespec::try_from(Duration::ZERO).expect("zero is a time");
    let gone = poll(&mut ends, Some(&now)).is_err() || !ends[0].revents().is_empty();
    if !tied || !told || gone {
        std::process::exit(PANICKED.into());
    }
    // Kept open: nobody reads from it any more, but a closed end would be a broken pipe.
    std::mem::forget(life);
}

fn set_up() -> Result<(), twinax_kernel::Error> {
    mounts::separate()?;
    mounts::own_proc()?;
    mounts::own_run()
}
