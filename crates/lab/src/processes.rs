//! The processes that are in a node.

use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use twinax_kernel::{Error, Netns};

/// The processes in a network namespace, as `ip netns pids` finds them: of all that the calling
/// process sees in `/proc`.
pub fn of(netns: &Netns) -> Result<Vec<Pid>, Error> {
    let netns = rustix::fs::fstat(netns.as_fd()).map_err(Error::call("asking for a namespace"))?;
    let entries = std::fs::read_dir("/proc").map_err(Error::io("listing processes"))?.flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    Ok(pids.filter(|pid| is_in(*pid, (netns.st_dev, netns.st_ino))).collect())
}

fn is_in(pid: Pid, netns: (u64, u64)) -> bool {
    std::fs::metadata(format!("/proc/{pid}/ns/net"))
        .is_ok_and(|own| (own.dev(), own.ino()) == netns)
}

/// Ends every process in a network namespace, but for the calling one.
pub(crate) fn end_in(netns: &Netns) -> Result<(), Error> {
    for pid in of(netns)?.into_iter().filter(|pid| *pid != rustix::process::getpid()) {
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        // It may have ended, and its number be another's.
        let own =
            rustix::fs::fstat(netns.as_fd()).map_err(Error::call("asking for a namespace"))?;
        if is_in(pid, (own.st_dev, own.st_ino)) {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
    }
    Ok(())
}
