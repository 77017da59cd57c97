//! Processes in namespaces: making one, and executing a program in a node as it expects a node to
//! look.

use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use rustix::process::Pid;

use crate::error::Error;
use crate::netns::Netns;
use crate::sys;

pub use crate::sys::Bind;

/// The new namespaces of a process: mount, network and PID always, user when asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewNamespaces {
    /// Whether it gets a user namespace of its own (`user_namespaces(7)`), in which it has all
    /// capabilities.
    pub user: bool,
}

/// Which side of [`fork_into`] one is on.
pub enum Fork {
    /// The process that called: its child's ID and process file descriptor.
    Parent(Pid, OwnedFd),
    /// The new process, in the new namespaces; it is PID 1 there.
    Child,
}

/// Forks into new namespaces. The child goes on with a copy of this process's memory.
///
/// # Errors
///
/// Those of `clone(2)`; `EBUSY` when the calling process has more than one thread.
pub fn fork_into(new: NewNamespaces) -> Result<Fork, Error> {
    let user = if new.user { libc::CLONE_NEWUSER } else { 0 };
    let flags = user | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWPID;
    let side = sys::clone(flags).map_err(Error::call("making a process in new namespaces"))?;
    Ok(match side {
        sys::Side::Child => Fork::Child,
        sys::Side::Parent(pid, pidfd) => {
            Fork::Parent(Pid::from_raw(pid).expect("a child's ID is not 0"), pidfd)
        }
    })
}

/// Lets a command be executed in a network namespace as `ip netns exec` would: in a mount
/// namespace of its own, with a `/sys` that shows the network namespace, and with these binds.
///
/// A `/sys` or bind that the machine does not allow is left as it is.
pub fn exec_in(command: &mut Command, netns: &Netns, binds: Vec<Bind>) -> Result<(), Error> {
    let fd = netns.as_fd().try_clone_to_owned().map_err(Error::io("duplicating a descriptor"))?;
    sys::see_before_exec(command, fd, binds);
    Ok(())
}
