//! Processes that end with the one that made them.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, set_parent_process_death_signal};

/// Lets the calling process end with its parent. `life` is a pipe whose other end only the parent,
/// or one whose end means the parent's, has open; it must stay open for as long.
///
/// `false`: the parent has ended already.
pub(super) fn to_parent(life: BorrowedFd<'_>) -> bool {
    // The other end may have gone before the signal was asked for.
    set_parent_process_death_signal(Some(Signal::KILL)).is_ok() && !is_gone(life)
}

/// Waits until nobody has the other end of a pipe open.
pub(super) fn await_end(of: BorrowedFd<'_>) -> std::io::Result<()> {
    let mut end = [PollFd::from_borrowed_fd(of, PollFlags::empty())];
    rustix::io::retry_on_intr(|| poll(&mut end, None))?;
    Ok(())
}

/// Whether nobody has the other end of a pipe open.
fn is_gone(life: BorrowedFd<'_>) -> bool {
    let mut ends = [PollFd::from_borrowed_fd(life, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut ends, Some(&now)).is_err() || !ends[0].revents().is_empty()
}
