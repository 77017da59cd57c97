//! A program in a running lab, in the place of the calling process: its terminal, its signals, its
//! exit code.

use std::process::{Child, Command};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpgrp, kill_process, waitpid};
use rustix::stdio::stdin;
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use twinax_kernel::mounts::NETNS_DIR;
use twinax_kernel::process::{Signals, join, signals};
use twinax_topology::{NodeName, Program};

use crate::exec::{self, ExecError};
use crate::sandbox::Holder;

/// Why there is no program in the lab.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The lab could not be joined.
    #[error("the lab could not be joined")]
    Join(#[source] twinax_kernel::Error),
    /// It has no such node.
    #[error("the lab has no node `{node}`")]
    NoNode {
        /// The name.
        node: NodeName,
        /// Those that it has.
        nodes: Vec<NodeName>,
    },
    /// It has ended meanwhile.
    #[error("the lab has ended meanwhile")]
    Ended,
    /// The program could not be started.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// It was started, but could not be waited for.
    #[error("waiting for the program")]
    Wait(#[source] twinax_kernel::Error),
}

/// The signals that are passed on: those by which one process tells another something.
const PASSED_ON: [Signal; 7] = [
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
    Signal::CONT,
];

/// Runs a program in a node of a lab, or outside of its nodes, to its end. Its exit code; 128 + N
/// when signal N ended it, 127 when it is not there, as a shell has it.
///
/// It has the standard streams and the terminal of the calling process and is in its process group:
/// so keys and the size of the terminal reach it without anybody's help. Other signals are passed
/// on to it, and it ends with the calling process.
///
/// The calling process, which must have one thread only, is in the lab's namespaces from then on,
/// and can't have threads any more.
pub fn run(
    holder: &Holder,
    node: Option<&NodeName>,
    program: &Program,
    prepare: impl FnOnce(&mut Command),
) -> Result<i32, EnterError> {
    or_ended(holder, enter(holder, node, program, false, prepare))
}

/// As [`run`], for a shell that controls jobs: on a terminal it leads a process group of its own.
/// The one of the caller has no number in the lab's PID namespace, and when it ends a shell wants to
/// give the terminal back to the group that it found there.
pub fn run_shell(
    holder: &Holder,
    node: Option<&NodeName>,
    program: &Program,
    prepare: impl FnOnce(&mut Command),
) -> Result<i32, EnterError> {
    or_ended(holder, enter(holder, node, program, true, prepare))
}

/// A lab that comes to its end lacks one thing after the other: whatever failed, that is why.
fn or_ended<T>(holder: &Holder, done: Result<T, EnterError>) -> Result<T, EnterError> {
    match done {
        Ok(done) => Ok(done),
        Err(error @ EnterError::NoNode { .. }) => Err(error),
        Err(error) => Err(if holder.is_ending() { EnterError::Ended } else { error }),
    }
}

fn enter(
    holder: &Holder,
    node: Option<&NodeName>,
    program: &Program,
    is_shell: bool,
    prepare: impl FnOnce(&mut Command),
) -> Result<i32, EnterError> {
    let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
    join(std::os::fd::AsFd::as_fd(holder), holder.has_user_namespace())
        .map_err(EnterError::Join)?;
    if let Some(node) = node
        && std::path::Path::new(NETNS_DIR).join(node.as_str()).symlink_metadata().is_err()
    {
        return Err(no_node(node));
    }
    let listens_to_us = tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp());
    let takes_terminal = is_shell && listens_to_us;
    let mut command = exec::tied_command(node, program, &directory, takes_terminal)?;
    prepare(&mut command);
    // Whoever has SIGTTOU blocked may say to whom a terminal listens.
    let mut all = vec![Signal::CHILD, Signal::TTOU];
    all.extend(PASSED_ON);
    let signals = signals(&all).map_err(EnterError::Wait)?;
    let ended = match exec::start(&mut command) {
        Ok(child) => wait(&child, takes_terminal, &signals).map_err(EnterError::Wait),
        Err(ExecError::Start { program, source }) => match exec::shell_code(&source) {
            Some(code) => {
                eprintln!("{program}: {source}");
                Ok(code)
            }
            None => Err(match node {
                // There is a name, but no namespace.
                Some(node) if Errno::from_io_error(&source) == Some(Errno::NXIO) => no_node(node),
                _ => ExecError::Start { program, source }.into(),
            }),
        },
        Err(error) => Err(error.into()),
    };
    if listens_to_us {
        // The program may have made it listen to another group, which is no more.
        let _ = tcsetpgrp(stdin(), getpgrp());
    }
    ended
}

/// In the lab's namespaces.
fn no_node(node: &NodeName) -> EnterError {
    let mut nodes = crate::nodes::names_from_within().unwrap_or_default();
    nodes.sort();
    EnterError::NoNode { node: node.clone(), nodes }
}

fn wait(child: &Child, has_terminal: bool, signals: &Signals) -> Result<i32, twinax_kernel::Error> {
    let failed = twinax_kernel::Error::call("waiting for the program");
    let pid = Pid::from_child(child);
    // Without a pidfd: one tells nothing of a process that stops.
    loop {
        let (_, status) = match waitpid(Some(pid), WaitOptions::UNTRACED | WaitOptions::NOHANG) {
            Ok(Some(changed)) => changed,
            Ok(None) => {
                pass_on(pid, signals)?;
                continue;
            }
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(failed(errno)),
        };
        if status.stopped() {
            // As a key on the terminal asked for: whoever waits for us is to see it.
            let _ = kill_process(rustix::process::getpid(), Signal::STOP);
            if has_terminal {
                let _ = tcsetpgrp(stdin(), pid);
            }
            // Whoever wakes us wakes only us, unless it is by the terminal's shell.
            let _ = kill_process(pid, Signal::CONT);
            continue;
        }
        let signal = status.terminating_signal().unwrap_or_default();
        return Ok(status.exit_status().unwrap_or(128 + signal));
    }
}

/// Waits for a signal, and passes it on unless the terminal has sent it to the program, too.
fn pass_on(to: Pid, signals: &Signals) -> Result<(), twinax_kernel::Error> {
    match poll(&mut [PollFd::new(signals, PollFlags::IN)], None) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => {
            return Err(twinax_kernel::Error::Call { call: "waiting for a signal", errno });
        }
    }
    while let Some(sent) = signals.next()? {
        let known = PASSED_ON.into_iter().find(|signal| signal.as_raw() == sent.signal);
        let to_us_alone = |signal: Signal| match sent.by_kernel {
            // That a terminal hangs up the kernel tells only the one that leads its session.
            true => signal == Signal::HUP && leads_session(),
            false => true,
        };
        if let Some(signal) = known.filter(|signal| to_us_alone(*signal)) {
            let _ = kill_process(to, signal);
        }
    }
    Ok(())
}

fn leads_session() -> bool {
    rustix::process::getsid(None) == Ok(rustix::process::getpid())
}
