//! The mount namespace in which commands run, and that has no mount for each node.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{file_error, own_file_in_proc};
use crate::error::Error;
use crate::sys;

const VIEW: &str = "/run/twinax/view";

/// Makes the *view*: a copy of the mount namespace of the calling process as it is now. Others open
/// it by [`view`] once it is [shown](show_view).
///
/// The namespaces that are [pinned](super::pin) from now on are mounts of the original alone. What is
/// executed in the view gets a mount namespace of its own, and that copies every mount.
pub fn make_view() -> Result<OwnedFd, Error> {
    std::thread::scope(|scope| {
        let copy = || {
            sys::unshare(libc::CLONE_NEWNS).map_err(Error::call("copying the mount namespace"))?;
            open_namespace("/proc/thread-self/ns/mnt")
        };
        match scope.spawn(copy).join() {
            Ok(copied) => copied,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Lets others [open](view) the view as long as this descriptor is open.
///
/// It is not bound to a file, as a network namespace is: from Linux 6.18 on the kernel takes the one
/// of two mount namespaces for the older that was made on a certain processor, and refuses to bind
/// the older one (`mnt_ns_loop`, `fs/namespace.c`).
pub fn show_view(view: &OwnedFd) -> Result<(), Error> {
    let target = own_file_in_proc("/proc/self", &format!("fd/{}", view.as_raw_fd()))?;
    let _ = fs::remove_file(VIEW);
    symlink(target, VIEW).map_err(|error| file_error("making", VIEW, &error))
}

/// The [view](make_view), to be entered.
pub fn view() -> Result<OwnedFd, Error> {
    open_namespace(VIEW)
}

fn open_namespace(path: &str) -> Result<OwnedFd, Error> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(Error::file("opening", path))
}

/// Puts the calling *thread* into the [view](make_view).
///
/// Only for a thread that does nothing else.
pub fn enter_view() -> Result<(), Error> {
    let view = view()?;
    // A thread that shares its working directory with others can't change the mount namespace.
    sys::unshare(libc::CLONE_FS)
        .and_then(|()| move_into_link_name_space(view.as_fd(), Some(LinkNameSpaceType::Mount)))
        .map_err(Error::call("entering the sandbox's view"))
}
