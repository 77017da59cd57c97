//! Word from the kernel that something has changed: in a namespace (`rtnetlink(7)`), in a folder
//! (`inotify(7)`).

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::io::Errno;

use crate::error::Error;

/// `RTMGRP_LINK`, `RTMGRP_IPV6_IFADDR` and `RTMGRP_IPV6_ROUTE` (`linux/rtnetlink.h`).
const GROUPS: u32 = 0x1 | 0x100 | 0x400;

/// Hears of every change of a device, an IPv6 address or an IPv6 route, from the moment it is
/// opened.
pub struct Watch {
    socket: Socket,
}

impl Watch {
    /// Begins to listen in the namespace of the calling thread.
    pub fn open() -> Result<Self, Error> {
        let opened = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, GROUPS))?;
            socket.set_non_blocking(true)?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = opened().map_err(Error::io("listening for changes"))?;
        Ok(Self { socket })
    }

    /// Waits until something has changed since the last call. `false`: nothing has by the deadline.
    pub fn wait(&mut self, deadline: Instant) -> Result<bool, Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
            let mut waiting = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)];
            match poll(&mut waiting, Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => {
                    // What has changed does not matter, and word that was lost (ENOBUFS) is word.
                    while self.socket.recv_from_full().is_ok() {}
                    return Ok(true);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::Call { call: "waiting for a change", errno }),
            }
        }
    }
}

/// How long the kernel may let a change of carrier wait (`linkwatch_nextevent`, one second), and
/// some more for a busy machine.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(3);

/// Hears of every entry that comes to a folder or goes from it, from the moment it is opened.
pub struct Folder {
    inotify: OwnedFd,
}

impl Folder {
    /// Begins to listen.
    pub fn open(path: &Path) -> Result<Self, Error> {
        use inotify::{CreateFlags, WatchFlags};
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(Error::call("listening for changes of a folder"))?;
        let events =
            WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        inotify::add_watch(&inotify, path, events)
            .map_err(Error::file("listening for changes of", path))?;
        Ok(Self { inotify })
    }

    /// Whether anything has changed since the last call.
    pub fn has_changed(&mut self) -> Result<bool, Error> {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.inotify, &mut room);
        let mut changed = false;
        loop {
            match events.next() {
                // What has changed does not matter.
                Ok(_) => changed = true,
                Err(Errno::AGAIN) => return Ok(changed),
                Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(Error::Call { call: "hearing of changes of a folder", errno });
                }
            }
        }
    }
}

impl AsFd for Folder {
    /// Ready for reading when something has changed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
