//! Between `fork` and `exec`: what a program's process does to itself before it becomes the program.
//!
//! Only system calls may be made there, no allocation and no lock (`signal-safety(7)`): another
//! thread may have held a lock when this one forked, and it is not there any more to let it go. So
//! everything is got ready beforehand, and all of it is in this file, where it can be seen.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::{Signal, getpid, set_parent_process_death_signal, setpgid};
use rustix::termios::tcsetpgrp;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::pretend::Pretence;
use super::{check, unshare};

/// A file or directory that a program is to see in the place of another.
#[derive(Debug, Clone)]
pub struct Bind {
    /// What it sees.
    pub from: CString,
    /// Where it sees it.
    pub to: CString,
}

/// Where a program is executed, and what it sees.
#[derive(Debug)]
pub struct Sight {
    /// The mount namespace.
    pub mounts: OwnedFd,
    /// The network namespace as a path in there, and what belongs to it: then the program gets a copy
    /// of the mount namespace for itself, with a `/sys` that shows the network namespace, and with
    /// these binds. `None`: that of the caller, and the mount namespace as it is.
    pub node: Option<(CString, Vec<Bind>)>,
    /// Its working directory; the root directory where there is no such.
    pub directory: CString,
    /// Whether the kernel ends it when the calling thread ends (`PR_SET_PDEATHSIG`).
    pub is_tied: bool,
    /// Whether it becomes the leader of a process group of its own, to which the terminal on its
    /// standard input listens. The caller has `SIGTTOU` blocked.
    pub takes_terminal: bool,
    /// Whether it and all that it starts is told that it has become another user, or has given a file
    /// to one, where there is nobody but root in the user namespace.
    pub pretends: bool,
}

/// Lets each process of a command do what this asks for before it becomes the program.
pub fn see_before_exec(command: &mut Command, sight: Sight) {
    let pretence = sight.pretends.then(Pretence::new).flatten();
    let steps = move || {
        if sight.takes_terminal {
            setpgid(None, None)?;
            tcsetpgrp(rustix::stdio::stdin(), getpid())?;
        }
        unblock_signals()?;
        if sight.is_tied {
            set_parent_process_death_signal(Some(Signal::KILL))?;
        }
        move_into_link_name_space(sight.mounts.as_fd(), Some(LinkNameSpaceType::Mount))?;
        if let Some((path, binds)) = &sight.node {
            // That it is gone must not be taken for a program that is not there.
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let netns = rustix::fs::open(path.as_c_str(), flags, Mode::empty())
                .map_err(|errno| if errno == Errno::NOENT { Errno::NXIO } else { errno })?;
            // A name without its mount is an ordinary file.
            move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|errno| if errno == Errno::INVAL { Errno::NXIO } else { errno })?;
            unshare(libc::CLONE_NEWNS)?;
            see(binds)?;
        }
        // A mount namespace is entered at its root.
        let _ = rustix::process::chdir(sight.directory.as_c_str());
        if let Some(pretence) = &pretence {
            // A kernel without such filters refuses later what the program asks for.
            let _ = pretence.put();
        }
        Ok(())
    };
    // SAFETY: the closure makes system calls and nothing else: rustix's and libc's functions here
    // are bare calls (sigemptyset only writes to its argument), the paths are C strings already, and
    // an `io::Error` of an errno does not allocate.
    unsafe {
        command.pre_exec(steps);
    }
}

/// Whoever reads signals from a descriptor has them blocked, and a child inherits that.
fn unblock_signals() -> Result<(), Errno> {
    // SAFETY: all zeros is a valid sigset_t, and sigemptyset makes it the empty set; it outlives the
    // calls, which write nothing else.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut none))?;
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut())).map(drop)
    }
}

fn see(binds: &[Bind]) -> io::Result<()> {
    let below = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change(c"/", below)?;
    see_own_sysfs();
    for bind in binds {
        let _ = rustix::mount::mount_bind_recursive(bind.from.as_c_str(), bind.to.as_c_str());
    }
    Ok(())
}

/// Shows the calling thread's network namespace under `/sys`. The machine's own stays beneath: a
/// machine that does not allow the new one is left with the old.
fn see_own_sysfs() {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let none: Option<&CStr> = None;
    let _ = rustix::mount::mount(c"sysfs", c"/sys", c"sysfs", flags, none);
}
