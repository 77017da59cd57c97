//! Processes in namespaces: making one, and executing a program in a node as it expects a node to
//! look.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Pid, Signal};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::error::Error;
use crate::sys;

pub use crate::sys::{Bind, Sight};

/// The new namespaces of a process: mount, network, PID and UTS (the host's name) always, user when
/// asked for.
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
/// Those of `clone(2)`; `EBUSY` when the calling process has more than one thread, and none of them is
/// about to end.
pub fn fork_into(new: NewNamespaces) -> Result<Fork, Error> {
    let user = if new.user { libc::CLONE_NEWUSER } else { 0 };
    let flags =
        user | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWPID | libc::CLONE_NEWUTS;
    side("making a process in new namespaces", flags)
}

fn side(call: &'static str, namespaces: i32) -> Result<Fork, Error> {
    Ok(match clone_alone(namespaces).map_err(Error::call(call))? {
        sys::Side::Child => Fork::Child,
        sys::Side::Parent(pid, pidfd) => {
            Fork::Parent(Pid::from_raw(pid).expect("a child's ID is not 0"), pidfd)
        }
    })
}

/// How long threads that end are waited for.
const ENDING: Duration = Duration::from_secs(1);

/// Makes the child once the threads that have been joined are gone: who joins one is woken
/// (`CLONE_CHILD_CLEARTID`, `set_tid_address(2)`) shortly before the kernel takes it out of the process, of
/// which it tells nobody.
fn clone_alone(namespaces: i32) -> Result<sys::Side, Errno> {
    let deadline = Instant::now() + ENDING;
    loop {
        match sys::clone(namespaces) {
            Err(Errno::BUSY) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_micros(100));
            }
            made => return made,
        }
    }
}

/// Forks. The child is in the namespaces of the calling process, or in the PID namespace that it
/// has [joined](join).
///
/// # Errors
///
/// Those of `clone(2)`; `EBUSY` when the calling process has more than one thread, and none of them is
/// about to end.
pub fn fork() -> Result<Fork, Error> {
    side("making a process", 0)
}

/// Puts the calling process, which must have one thread only, into all namespaces of another: mount,
/// network and UTS namespace, user namespace where it is another, and its children into the PID
/// namespace (`setns(2)` with a process file descriptor, Linux 5.8).
///
/// It itself stays in the machine's PID namespace, where more can be reached. So from now on, until
/// it executes a program, nobody may look into it or trace it who is not root of the machine
/// (`PR_SET_DUMPABLE`): whoever is root in the other namespaces would be allowed to, and finds its
/// number in the machine's `/proc`, which is there beneath the sandbox's.
pub fn join(process: BorrowedFd<'_>, user: bool) -> Result<(), Error> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Error::call("keeping others from tracing us"))?;
    let mut all = ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::PROCESS_ID;
    if user {
        all |= ThreadNameSpaceType::USER;
    }
    move_into_thread_name_spaces(process, all).map_err(Error::call("joining namespaces"))
}

/// Lets nothing but the standard streams stay open when the calling process executes a program, as
/// far as the kernel knows how to (Linux 5.11).
pub fn keep_only_standard_streams() {
    /// The first that is none of them.
    const OTHERS: u32 = 3;
    let _ = sys::close_on_exec(OTHERS);
}

/// Closes all descriptors of the calling process but the standard streams: its copies of those of
/// the process that it was [forked](fork) from.
///
/// Only for a child that does nothing with what it has of its parent's memory: whatever in there
/// owns a descriptor owns a closed one from now on, and must not be dropped.
pub fn close_all_but_standard_streams() -> Result<(), Errno> {
    /// The first that is none of them.
    const OTHERS: u32 = 3;
    sys::close_from(OTHERS)
}

/// Lets a command be executed where this says. A `/sys` or bind that the machine does not allow is
/// left as it is.
pub fn exec_in(command: &mut Command, sight: Sight) {
    sys::see_before_exec(command, sight);
}

/// Whether root is the only user of the calling process's user namespace, so that nobody there can
/// become another.
pub fn is_alone() -> bool {
    sys::can_set_groups() == Err(Errno::PERM)
}

/// Has signals be read from a descriptor from now on, and not be delivered (`signalfd(2)`).
pub fn signals(of: &[Signal]) -> Result<Signals, Error> {
    let numbers: Vec<_> = of.iter().map(|signal| signal.as_raw()).collect();
    let fd = sys::signal_fd(&numbers).map_err(Error::call("asking for signals"))?;
    Ok(Signals { fd })
}

/// Has the calling thread give way to those that run when there is something for it to do
/// (`SCHED_BATCH`, `sched(7)`): whoever watches others is not to interrupt them. It has no less of the processors,
/// and one that was given another scheduling policy keeps it.
///
/// # Errors
///
/// Those of `sched_setscheduler(2)`.
pub fn give_way() -> Result<(), Error> {
    sys::schedule_in_batches().map_err(Error::call("choosing a scheduling policy"))
}

/// Signals that can be read.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

/// A signal that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its number.
    pub signal: i32,
    /// Whether the kernel sent it, as it does for a key on the terminal or for the end of a child,
    /// and no process (`SI_KERNEL` and the `CLD_…` codes of `sigaction(2)`).
    pub by_kernel: bool,
}

impl Signals {
    /// The next one; `None`: there is none now.
    pub fn next(&self) -> Result<Option<Sent>, Error> {
        /// `struct signalfd_siginfo`, `linux/signalfd.h`: `ssi_signo`, `ssi_errno`, `ssi_code`.
        const SIZE: usize = 128;
        let mut info = [0; SIZE];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.fd, &mut info)) {
            Ok(SIZE) => {
                let word = |at: usize| {
                    i32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]])
                };
                Ok(Some(Sent { signal: word(0), by_kernel: word(8) > 0 }))
            }
            Ok(_) | Err(Errno::AGAIN) => Ok(None),
            Err(errno) => Err(Error::Call { call: "reading a signal", errno }),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the calling thread, `proc_pid_stat(5)`.
    fn policy() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("there is /proc");
        let (_, behind_name) = stat.rsplit_once(')').expect("a name");
        let policy = behind_name.split_whitespace().nth(41 - 3).expect("a policy");
        policy.parse().expect("a number")
    }

    #[test]
    fn only_the_thread_that_gives_way_has_another_policy() {
        let own = std::thread::spawn(|| {
            give_way().expect("everybody may");
            policy()
        });
        assert_eq!(own.join().expect("it ends"), libc::SCHED_BATCH);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
