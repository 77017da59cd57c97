//! Processes in namespaces: making one, and executing a program in a node as it expects a node to
//! look.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::Error;
use crate::netns::Netns;
use crate::sys;

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

/// A file or directory that a program is to see in the place of another.
#[derive(Debug, Clone)]
pub struct Bind {
    /// What it sees.
    pub from: CString,
    /// Where it sees it.
    pub to: CString,
}

/// Lets a command be executed in a network namespace as `ip netns exec` would: in a mount
/// namespace of its own, with a `/sys` that shows the network namespace, and with these binds.
///
/// A `/sys` or bind that the machine does not allow is left as it is.
pub fn exec_in(command: &mut Command, netns: &Netns, binds: Vec<Bind>) -> Result<(), Error> {
    let fd = netns.as_fd().try_clone_to_owned().map_err(|error| Error::Call {
        call: "duplicating a descriptor",
        errno: rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO),
    })?;
    sys::before_exec(command, move || {
        move_into_link_name_space(fd.as_fd(), Some(LinkNameSpaceType::Network))?;
        sys::unshare(libc::CLONE_NEWNS)?;
        own_view(&binds)
    });
    Ok(())
}

/// Makes the calling process's own mount namespace show what a program in a node expects. Between
/// `fork` and `exec`: system calls alone.
fn own_view(binds: &[Bind]) -> io::Result<()> {
    let below = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change(c"/", below)?;
    mount_sysfs();
    for bind in binds {
        let _ = rustix::mount::mount_bind_recursive(bind.from.as_c_str(), bind.to.as_c_str());
    }
    Ok(())
}

/// Shows the calling thread's network namespace under `/sys`. The machine's own stays beneath: a
/// machine that does not allow the new one is left with the old.
fn mount_sysfs() {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let none: Option<&CStr> = None;
    let _ = rustix::mount::mount(c"sysfs", c"/sys", c"sysfs", flags, none);
}
