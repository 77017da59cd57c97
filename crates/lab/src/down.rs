//! Taking a lab down, and seeing that it is gone.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use twinax_kernel::cleanup;
use twinax_kernel::process::{Fork, NewNamespaces, fork_into};

use crate::registry::Claim;
use crate::sandbox::Holder;
use crate::wanted::{self, What};

/// Why a lab is not gone, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum DownError {
    /// Its holder could not be ended.
    #[error("ending the lab's holder")]
    End(#[source] Errno),
    /// Whether the kernel has freed everything could not be found out.
    #[error("waiting until the kernel has freed the lab")]
    Watch(#[source] twinax_kernel::Error),
    /// It has not within the time.
    #[error("the lab has ended, but the kernel has not freed all of it within {0:?}")]
    NotFreed(Duration),
}

/// How long the holder may take beyond the time that its services have.
const HOLDER: Duration = Duration::from_secs(5);

/// How long the kernel may take to free everything.
const FREED: Duration = Duration::from_secs(120);

/// Takes a lab down: its services get their time to finish, then its holder ends and with it
/// everything. Returns when the kernel has freed the last device.
///
/// The calling process must have one thread only: it forks.
pub fn down(claim: Claim, holder: &Holder) -> Result<(), DownError> {
    let grace = wanted::all_in(&holder.sees("/"))
        .unwrap_or_default()
        .into_values()
        .filter_map(|wanted| match wanted.what {
            What::Command(command) => Some(command.stop.0),
            What::Listener(_) | What::Wire(_) => None,
        })
        .max()
        .unwrap_or_default();
    let ended = end(holder, Instant::now() + grace + HOLDER);
    claim.remove();
    ended?;
    await_freed()
}

fn end(holder: &Holder, deadline: Instant) -> Result<(), DownError> {
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(holder, signal) {
            // It has ended by itself meanwhile.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => return Err(DownError::End(errno)),
        }
        let deadline = if signal == Signal::KILL { Instant::now() + FREED } else { deadline };
        if has_ended(holder, deadline).map_err(DownError::End)? {
            return Ok(());
        }
    }
    Err(DownError::NotFreed(FREED))
}

fn has_ended(holder: &Holder, deadline: Instant) -> Result<bool, Errno> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut [PollFd::from_borrowed_fd(holder.as_fd(), PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits until the kernel has freed the network namespaces that were given up so far. It tells only
/// who has a namespace of his own; so a process is asked that has.
fn await_freed() -> Result<(), DownError> {
    /// Exit codes of that process.
    const FREE: i32 = 0;
    const BUSY: i32 = 1;
    const FAILED: i32 = 2;
    let user = !rustix::process::geteuid().is_root();
    match fork_into(NewNamespaces { user }).map_err(DownError::Watch)? {
        Fork::Child => std::process::exit(match cleanup::wait(Instant::now() + FREED) {
            Ok(true) => FREE,
            Ok(false) => BUSY,
            Err(_) => FAILED,
        }),
        Fork::Parent(_, pidfd) => match exit_code(&pidfd) {
            Some(FREE) => Ok(()),
            Some(BUSY) => Err(DownError::NotFreed(FREED)),
            _ => Err(DownError::Watch(twinax_kernel::Error::Call {
                call: "making a namespace to wait in",
                errno: Errno::IO,
            })),
        },
    }
}

fn exit_code(pidfd: &OwnedFd) -> Option<i32> {
    let id = WaitId::PidFd(pidfd.as_fd());
    let status = rustix::io::retry_on_intr(|| waitid(id.clone(), WaitIdOptions::EXITED));
    status.ok()??.exit_status()
}
