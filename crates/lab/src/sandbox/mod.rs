//! The sandbox: where a lab lives, and with which it goes.
//!
//! One process, PID 1 of a PID namespace of its own, in its own mount and "outside" network
//! namespace and (unless real root asked for none) its own user namespace. It is the lab's
//! [`crate::holder`]. Everything of the lab hangs off it: when it ends, however it ends, the
//! kernel ends every process in there and takes every namespace, device and mount away. Nothing is
//! ever in a file of the machine.
//!
//! Whoever wants to do something in a sandbox has a process of its own join it:
//!
//! ```text
//!  twinax ──fork──▶ PID 1, the holder
//!    │  writes the ID maps, waits until it stands
//!    │
//!    ├──fork──▶ joins all its namespaces ──fork──▶ a worker in its PID namespace ──▶ threads and
//!    │                     waits for it                │                             commands in
//!    │◀──────────────────── events ────────────────────┘                             nodes
//! ```
//!
//! The worker ends with the process that sent it, and so does the holder, unless it is
//! [kept](Sandbox::keep): the kernel sends them `SIGKILL` then (`PR_SET_PDEATHSIG`).

mod idmap;
pub(crate) mod nested;
mod tie;
mod work;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Signal, WaitIdOptions, WaitIdStatus, kill_process, pidfd_send_signal, waitid,
};
use twinax_kernel::mounts;
use twinax_kernel::process::{Fork, NewNamespaces, fork_into};

use serde::{Deserialize, Serialize};
use twinax_topology::NodeName;

use crate::report::{Broken, Reported};
use crate::{hint, holder};

pub use idmap::IdMapError;
pub(crate) use idmap::ranges;
pub use work::Work;

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
    /// What its processes are to see of the file system could not be set up.
    #[error("the sandbox could not be set up")]
    SetUp(#[source] Reported),
    /// It ended before it stood.
    #[error("the sandbox ended at once: {0:?}")]
    Ended(Ended),
    /// A process for it could not be had.
    #[error("a process for the sandbox could not be had")]
    Fork(#[source] twinax_kernel::Error),
    /// A process could not join it.
    #[error("the sandbox could not be joined")]
    Join(#[source] Reported),
    /// A pipe to the sandbox broke or could not be had.
    #[error("the pipe to the sandbox")]
    Pipe(#[source] std::io::Error),
}

/// How a sandbox is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether it shares the user namespace of the machine. Only real root can do that.
    pub no_user_namespace: bool,
    /// The program that becomes its holder, where it is to be kept: it calls
    /// [`holder::take_over`] with what is added to its arguments. Without, the holder is a fork of
    /// the calling process, with all of its memory.
    pub holder: Option<HolderProgram>,
    /// Whether what is changed in `/etc` stays in the sandbox, and users who are not root can change
    /// it at all, as far as the machine allows it.
    pub own_etc: bool,
}

/// A program that becomes the holder of a lab.
#[derive(Debug, Clone)]
pub struct HolderProgram {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, the first of which is what it is called.
    pub arguments: Vec<String>,
}

impl Options {
    /// Whether the calling user may ask for it.
    pub fn check(&self) -> Result<(), SandboxError> {
        match !self.no_user_namespace || rustix::process::geteuid().is_root() {
            true => Ok(()),
            false => Err(SandboxError::NotRoot),
        }
    }
}

/// A sandbox that runs, seen from the process that started it. Dropped, it ends.
#[derive(Debug)]
pub struct Sandbox {
    holder: Holder,
    /// While this end is open, the holder knows that we are there.
    life: Option<PipeWriter>,
}

/// The first process of a sandbox, seen from outside.
#[derive(Debug)]
pub struct Holder {
    pid: Pid,
    pidfd: OwnedFd,
    user_namespace: bool,
}

/// How a process of a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Sandbox {
    /// Starts a sandbox, and waits until it stands.
    ///
    /// The calling process must have one thread only: it forks.
    pub fn start(options: &Options) -> Result<Self, SandboxError> {
        options.check()?;
        let (life_in, life_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        let (mut told_in, told_out) = std::io::pipe().map_err(SandboxError::Pipe)?;
        let user = !options.no_user_namespace;
        match fork_into(NewNamespaces { user }).map_err(SandboxError::Namespaces)? {
            Fork::Child => {
                drop(life_out);
                drop(told_in);
                let run = || become_holder(options, life_in, told_out);
                // Nothing may unwind into the frames of the process that we are a copy of.
                let code = catch_unwind(AssertUnwindSafe(run)).unwrap_or(PANICKED);
                std::process::exit(code.into());
            }
            Fork::Parent(pid, pidfd) => {
                drop(life_in);
                drop(told_out);
                let holder = Holder { pid, pidfd, user_namespace: user };
                let mut sandbox = Self { holder, life: Some(life_out) };
                if user {
                    idmap::map(pid, rustix::process::geteuid().is_root())?;
                }
                sandbox.tell(GO)?;
                let mut told = String::new();
                told_in.read_to_string(&mut told).map_err(SandboxError::Pipe)?;
                match serde_json::from_str(&told) {
                    Ok(Told::Holds) => Ok(sandbox),
                    Ok(Told::Broken(broken)) => Err(SandboxError::SetUp(broken.into())),
                    Err(_) => Err(SandboxError::Ended(
                        wait(&sandbox.holder.pidfd).map_err(SandboxError::Pipe)?,
                    )),
                }
            }
        }
    }

    /// The first process.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Lets the sandbox stay when the calling process ends.
    pub fn keep(mut self) -> Result<(), SandboxError> {
        self.tell(KEEP)?;
        // Until it has heard it, our end would be its own.
        if let Some(life) = self.life.take() {
            tie::await_end(life.as_fd()).map_err(SandboxError::Pipe)?;
        }
        Ok(())
    }

    /// Ends the sandbox: what runs in it as a service gets its time to finish.
    pub fn end(mut self) -> std::io::Result<Ended> {
        let _ = pidfd_send_signal(&self.holder.pidfd, Signal::TERM);
        let ended = wait(&self.holder.pidfd);
        self.life = None;
        ended
    }

    fn tell(&mut self, byte: u8) -> Result<(), SandboxError> {
        let life = self.life.as_mut().expect("it is there until the sandbox is kept or ended");
        life.write_all(&[byte]).map_err(SandboxError::Pipe)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.life.is_some() {
            let _ = kill_process(self.holder.pid, Signal::KILL);
            let _ = wait(&self.holder.pidfd);
        }
    }
}

impl Holder {
    /// A process that is known to be the holder of a lab.
    pub fn new(pid: Pid, pidfd: OwnedFd, user_namespace: bool) -> Self {
        Self { pid, pidfd, user_namespace }
    }

    /// Its process ID, as the calling process sees it.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it has a user namespace of its own.
    pub fn has_user_namespace(&self) -> bool {
        self.user_namespace
    }

    /// How many nodes its lab has; `None`: that can't be seen.
    pub fn nodes(&self) -> Option<usize> {
        Some(std::fs::read_dir(self.sees(mounts::NETNS_DIR)).ok()?.count())
    }

    /// The names of the nodes of its lab, in no order; none where they can't be seen.
    pub fn node_names(&self) -> Vec<NodeName> {
        let entries =
            std::fs::read_dir(self.sees(mounts::NETNS_DIR)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Whether its lab has such a node.
    pub fn has_node(&self, node: &NodeName) -> bool {
        self.sees(mounts::NETNS_DIR).join(node.as_str()).symlink_metadata().is_ok()
    }

    /// Whether it has ended, or does so at once. A lab that comes to its end lacks one thing after the
    /// other: whatever fails in it then, that is why.
    pub fn is_ending(&self) -> bool {
        /// Its processes are being killed; that takes no longer.
        const SOON: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut ends = [PollFd::new(self, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut ends, Some(&SOON))).is_ok_and(|ready| ready > 0)
    }

    /// A file that its processes see, as a path of the machine.
    pub fn sees(&self, path: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.pid.to_string())
            .join("root")
            .join(path.trim_start_matches('/'))
    }
}

impl AsFd for Holder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Waits for a child.
fn wait(pidfd: &OwnedFd) -> std::io::Result<Ended> {
    let id = rustix::process::WaitId::PidFd(pidfd.as_fd());
    let status: Option<WaitIdStatus> =
        rustix::io::retry_on_intr(|| waitid(id.clone(), WaitIdOptions::EXITED))?;
    let status = status.expect("waitid waits where it is not told not to");
    Ok(match status.exit_status() {
        Some(code) => Ended::Exit(code),
        None => Ended::Signal(status.terminating_signal().unwrap_or_default()),
    })
}

/// What a holder tells the process that started it, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
    /// The sandbox stands, and is held.
    Holds,
    /// It does not.
    Broken(Broken),
}

impl Told {
    pub(crate) fn write(&self, to: &mut PipeWriter) {
        // Who started us may have gone; then so do we.
        let _ = to.write_all(&serde_json::to_vec(self).expect("plain data"));
    }
}

/// The byte that tells the child that its IDs are mapped.
const GO: u8 = b'g';

/// The byte that tells the holder to stay when the process that started it ends.
pub(crate) const KEEP: u8 = b'k';

/// The exit code of a process whose inside panicked: "something broke".
const PANICKED: u8 = 4;

/// In the child: waits until the parent has mapped the IDs, sets up what is seen of the file
/// system, and holds the lab.
fn become_holder(options: &Options, mut life: PipeReader, mut told: PipeWriter) -> u8 {
    let mut byte = [0];
    if !tie::to_parent(life.as_fd()) || life.read_exact(&mut byte).is_err() {
        return PANICKED;
    }
    let done = set_up(options).map_err(|error| hint::broken(&error)).and_then(|view| {
        let Some(program) = &options.holder else { return Ok(view) };
        // Only where it fails.
        Err(hint::broken(&holder::hand_over(program, &life, &told, &view)))
    });
    match done {
        Ok(view) => holder::hold(life, told, view),
        Err(broken) => {
            Told::Broken(broken).write(&mut told);
            PANICKED
        }
    }
}

fn set_up(options: &Options) -> Result<OwnedFd, twinax_kernel::Error> {
    mounts::separate()?;
    mounts::own_proc()?;
    mounts::own_sys()?;
    mounts::own_run()?;
    mounts::show_pins()?;
    if options.own_etc {
        mounts::own_etc()?;
    }
    // A machine that has no such file leaves nothing to put another in the place of.
    if Path::new(crate::hosts::SEEN).exists() {
        mounts::own_file(crate::hosts::SEEN.as_ref(), crate::hosts::OWN.as_ref())?;
    }
    holder::make_folders().map_err(twinax_kernel::Error::io("making the holder's folders"))?;
    mounts::make_view()
}
